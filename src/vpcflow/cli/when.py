"""Times as people write them: ``15m``, ``1h``, ``7d``, ``2026-11-24``, ``2026-11-24T02:15:00Z``, ``now``."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from vpcflow.i18n import t

if TYPE_CHECKING:
    from collections.abc import Callable

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_RELATIVE: Final = re.compile(r"([0-9]{1,9})([smhdw])")
_LAST: Final = 253_402_300_799


def seconds(text: str, *, now_s: float) -> int:
    """Return epoch seconds; ValueError for what is no time. A time without a zone is UTC."""
    if text == "now":
        return int(now_s)
    if match := _RELATIVE.fullmatch(text):
        return int(now_s) - int(match.group(1)) * _UNITS[match.group(2)]
    if re.fullmatch(r"[0-9]{9,12}", text):
        return int(text)
    when = datetime.fromisoformat(text)
    found = int((when.replace(tzinfo=UTC) if when.tzinfo is None else when).timestamp())
    if not 0 <= found <= _LAST:
        raise ValueError(text)
    return found


def duration(text: str) -> int:
    """Return the seconds of ``90d``, ``12h``; ValueError for anything else."""
    match = _RELATIVE.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return int(match.group(1)) * _UNITS[match.group(2)]


class When(click.ParamType[int]):
    """An option that is a time."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return epoch seconds."""
        return _converted(lambda text: seconds(text, now_s=time.time()), "when.bad", value, param, ctx)


class Duration(click.ParamType[int]):
    """An option that is a length of time (s)."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return seconds."""
        return _converted(duration, "when.bad_duration", value, param, ctx)


def _converted(
    read: Callable[[str], int], complaint: str, value: object, param: click.Parameter | None, ctx: click.Context | None
) -> int:
    if isinstance(value, int):
        return value
    try:
        return read(str(value).strip())
    except (ValueError, OverflowError):
        raise click.BadParameter(t(complaint, value=str(value)), ctx=ctx, param=param) from None


def utc(epoch_s: int | None) -> str:
    """Return ``2026-11-24 02:15:00``, "-" for None."""
    return "-" if epoch_s is None else datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%d %H:%M:%S")
