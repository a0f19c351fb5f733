"""Log groups of a real server, with flow log records in them."""

from __future__ import annotations

import time
import uuid

ACCOUNT = "123456789012"
WINDOW = 600


def window_before(seconds: int) -> int:
    """Return the begin (s) of the window that lies *seconds* back; moto, as AWS, takes nothing older than 14 days."""
    return (int(time.time()) - seconds) // WINDOW * WINDOW


def line(start_s: int, number: int = 0, interface: str = "eni-0c19436730cc350ae") -> str:
    """Return a record of version 2."""
    return (
        f"2 {ACCOUNT} {interface} 10.0.{number // 250 % 250}.{number % 250} 10.9.0.1 {1024 + number % 60000} 443 6 "
        f"{1 + number % 9} {40 + number} {start_s} {start_s + 59} ACCEPT OK"
    )


class LogGroup:
    """A log group of its own for a test."""

    def __init__(self, server, name: str = "") -> None:
        self.name = name or f"/vpc/{uuid.uuid4().hex[:12]}"
        self.source = f"cloudwatch:{self.name}"
        self.arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{self.name}"
        self.logs = server.client("logs")
        self.logs.create_log_group(logGroupName=self.name)
        self._streams = set()

    def put(self, events, stream: str = "eni-0c19436730cc350ae-all") -> None:
        """Put events: (time in s, message)."""
        if stream not in self._streams:
            self._streams.add(stream)
            self.logs.create_log_stream(logGroupName=self.name, logStreamName=stream)
        entries = [{"timestamp": int(at * 1000), "message": message} for at, message in sorted(events)]
        for place in range(0, len(entries), 5000):
            self.logs.put_log_events(
                logGroupName=self.name, logStreamName=stream, logEvents=entries[place : place + 5000]
            )

    def fill(self, start_s: int, end_s: int, *, step_s: int = 30, streams: int = 2) -> list[str]:
        """Put a record each *step_s* in each of some streams; return all lines in order of time."""
        made = []
        for number in range(streams):
            interface = f"eni-{number:017x}"
            records = [(at, line(at, at // step_s % 50_000, interface)) for at in range(start_s, end_s, step_s)]
            self.put(records, f"{interface}-all")
            made += records
        return [message for _, message in sorted(made)]
