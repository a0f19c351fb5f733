"""Small logs to read."""

from __future__ import annotations

from lake import lakes

HEADER = lakes.HEADER


def line(number=0, **changed):
    """Return one record of the default format as a line."""
    start = 1_700_002_800 + number
    values = {
        "version": 2,
        "account-id": "123456789012",
        "interface-id": "eni-1",
        "srcaddr": f"203.0.113.{number}",
        "dstaddr": "10.0.0.1",
        "srcport": 40_000,
        "dstport": 443,
        "protocol": 6,
        "packets": 3,
        "bytes": 180,
        "start": start,
        "end": start + 5,
        "action": "ACCEPT",
        "log-status": "OK",
    } | {name.replace("_", "-"): value for name, value in changed.items()}
    return " ".join(str(value) for value in values.values())


def write(path, *lines, header=True):
    path.write_text("".join(f"{text}\n" for text in ([HEADER] if header else []) + list(lines)))
    return path
