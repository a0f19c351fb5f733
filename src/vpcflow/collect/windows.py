"""Time of a log group, cut into windows: which of them must be read (again), and as which stretches.

CloudWatch Logs takes events up to 14 days old, and no request tells what came late: events are asked for by their own time,
never by the time they arrived. So a window is read again at growing intervals, each time its age has doubled: until 15
minutes after its end at every look, then 30 minutes after it, 1 hour, 2 … A late event is in the lake when the
window is twice as old as it was late, for a twelfth reading or so of each window. 14 days after its end nothing can
come any more, and a window read then is never read again.

Source: CloudWatch Logs API reference, PutLogEvents ("None of the log events in the batch can be more than 14 days old").
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Mapping

    from vpcflow.types import Look

WINDOW_S: Final = 600
"""Seconds; windows begin at multiples of it."""

FRESH_S: Final = 900
"""After a window's end: AWS publishes records of ten minutes some five minutes later."""

ACCEPTED_S: Final = 14 * 86_400 + 3600
"""Nothing comes later: 14 days, and an hour for what was taken but cannot be found yet."""

_TOGETHER: Final = 1008
"""Windows looked up at once: a week."""


def window_of(time_s: int) -> int:
    """Return the window (its begin, s) that *time_s* lies in."""
    return time_s // WINDOW_S * WINDOW_S


def is_due(window_s: int, look: Look | None, now_s: int) -> bool:
    """Tell whether a window must be read at *now_s*; look: the last one, None when it was never read."""
    if look is None:
        return True
    end = window_s + WINDOW_S
    then, now = look.at_s - end, now_s - end
    if then >= ACCEPTED_S:
        return False
    return then < FRESH_S or now >= min(2 * then, ACCEPTED_S)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Windows side by side that are due, from *start* to *end* (s, exclusive). known: the last look at those that had any."""

    start: int
    end: int
    known: Mapping[int, Look] = field(default_factory=dict)

    def cut(self, place: int) -> tuple[Stretch, Stretch | None]:
        """Return the part before *place* and the part from there on, if there is one."""
        if place >= self.end:
            return self, None
        before = {window: look for window, look in self.known.items() if window < place}
        after = {window: look for window, look in self.known.items() if window >= place}
        return Stretch(self.start, place, before), Stretch(place, self.end, after)


def due(
    start: int,
    end: int,
    looks: Callable[[list[int]], Mapping[int, Look]],
    left_out: Counter[str],
    *,
    now_s: int,
    gone_before: int,
) -> Iterator[Stretch]:
    """Yield the due stretches between *start* and *end* in order; windows that are not due are left out as `read_before`.

    looks: the last look at each of some windows. gone_before: events before it (s) may be expired, so windows that reach
    there are not read again: what is left of them would replace what was whole.
    """
    first: int | None = None
    known: dict[int, Look] = {}
    for window, look in _looked_up(start, end, looks):
        gone = look is not None and window < gone_before
        if gone or not is_due(window, look, now_s):
            if first is not None:
                yield Stretch(first, window, known)
                first, known = None, {}
            left_out["read_before"] += 1
            continue
        if first is not None and len(known) >= _TOGETHER:
            yield Stretch(first, window, known)
            first, known = None, {}
        first = window if first is None else first
        if look is not None:
            known[window] = look
    if first is not None:
        yield Stretch(first, max(window_of(end - 1) + WINDOW_S, first + WINDOW_S), known)


def _looked_up(
    start: int, end: int, looks: Callable[[list[int]], Mapping[int, Look]]
) -> Iterator[tuple[int, Look | None]]:
    for place in range(window_of(start), end, WINDOW_S * _TOGETHER):
        windows = list(range(place, min(end, place + WINDOW_S * _TOGETHER), WINDOW_S))
        found = looks(windows)
        for window in windows:
            yield window, found.get(window)
