"""Sources listed again and again: what is new comes out once it is complete.

A file may still be written, so it is taken when one interval has passed without a change of its size and time; an S3
object appears whole. What came out is remembered as far as memory is given for; what is forgotten comes out again, and
the lake's ledger knows it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from vpcflow.errors import SourceError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator

    from vpcflow.types import SourceObject

_REMEMBERED: Final = 100_000
"""Objects: a day of some 300 flow logs, about 30 MB."""

_TOGETHER: Final = 1000
"""Objects handed out at once."""

_HELD: Final = 256 << 20
"""Bytes of spooled ones handed out at once."""


def watch(
    open_all: Callable[[], Iterable[SourceObject]],
    interval_s: float,
    stop: threading.Event,
    *,
    remembered: int = _REMEMBERED,
) -> Iterator[list[SourceObject]]:
    """Yield new complete objects in lists of at most 1,000, listing with *open_all* every *interval_s*, until *stop* is set.

    A source with nothing in it (`source.empty`) is waited for; other errors of *open_all* are raised, and the caller may
    begin anew.
    """
    taken: OrderedDict[str, str] = OrderedDict()
    growing: dict[str, str] = {}
    while not stop.is_set():
        seen: dict[str, str] = {}
        together: list[SourceObject] = []
        held = 0
        for found in _listed(open_all):
            if stop.is_set():
                break
            if found.looked_at is not None:
                # The lake keeps when it was looked at, changed or not; and what is spooled must not wait for a thousand.
                together.append(found)
                held += found.bytes
            elif taken.get(found.uri) == found.etag:
                taken.move_to_end(found.uri)
            elif not found.remote and growing.get(found.uri) != found.etag:
                seen[found.uri] = found.etag
            else:
                taken[found.uri] = found.etag
                together.append(found)
            if len(together) == _TOGETHER or held > _HELD:
                yield together
                together, held = [], 0
            while len(taken) > remembered:
                taken.popitem(last=False)
        if together:
            yield together
        growing = seen
        stop.wait(interval_s)


def _listed(open_all: Callable[[], Iterable[SourceObject]]) -> Iterator[SourceObject]:
    try:
        yield from open_all()
    except SourceError as error:
        if error.code != "source.empty":
            raise
