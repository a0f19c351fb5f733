"""Flow log records as people read them: one line each, or all their fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from vpcflow.cli.render import ACTIONS, write_table
from vpcflow.cli.shown import written
from vpcflow.cli.summary import byte_size
from vpcflow.cli.when import utc
from vpcflow.record.fields import BY_COLUMN
from vpcflow.record.numbers import protocol_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vpcflow.cli.session import Session

SHORT: Final = (
    "start", "srcaddr", "srcport", "dstaddr", "dstport", "protocol", "packets", "bytes", "action", "log_status", "interface_id",
)  # fmt: skip
"""Columns that the short table needs."""


def short_table(session: Session, records: Iterable[dict[str, Any]]) -> None:
    """Draw the columns of `SHORT`, one line a record; nothing when there is none."""
    rows = [
        (
            utc(row["start"]),
            _end(row["srcaddr"], row["srcport"]),
            "→",
            _end(row["dstaddr"], row["dstport"]),
            protocol_name(row["protocol"]),
            _number(row["packets"]),
            "-" if row["bytes"] is None else byte_size(row["bytes"]),
            _outcome(row["action"], row["log_status"]),
            row["interface_id"] or "-",
        )
        for row in records
    ]
    if rows:
        head = (
            "start (UTC)",
            "srcaddr:srcport",
            "",
            "dstaddr:dstport",
            "protocol",
            "packets",
            "bytes",
            "action",
            "interface-id",
        )
        write_table(session, head, rows, right=frozenset({5, 6}))


def wide_table(session: Session, records: Iterable[dict[str, Any]], columns: list[str]) -> None:
    """Draw *columns*; nothing when there is no record."""
    rows = [[_cell(row[name]) for name in columns] for row in records]
    if rows:
        head = [BY_COLUMN[name].name if name in BY_COLUMN else name for name in columns]
        numbers = {
            place for place, name in enumerate(columns) if name in BY_COLUMN and BY_COLUMN[name].type != "string"
        }
        write_table(session, head, rows, right=frozenset(numbers))


def _cell(value: object) -> str:
    return "-" if value is None else written(value)


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _end(address: str | None, port: int | None) -> str:
    if address is None:
        return "-"
    shown = f"[{address}]" if ":" in address else address
    return shown if port is None else f"{shown}:{port}"


def _outcome(action: str | None, status: str | None) -> str:
    if action is None:
        return f"– {status}" if status else "-"
    return ACTIONS.get(action, action)
