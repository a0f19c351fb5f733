"""Objects of one folder in the order of their windows: a folder of several flow logs lists them one log after another."""

from __future__ import annotations

from itertools import groupby, islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vpcflow.types import SourceObject

_HELD: Final = 10_000
"""Objects held to be ordered; a folder of more is ordered piece by piece."""


def in_time_order(objects: Iterable[SourceObject]) -> Iterator[SourceObject]:
    """Yield *objects*, each run of one folder ordered by time in the name, then name; those without a time come last."""
    for _, folder in groupby(objects, key=lambda found: found.uri.rpartition("/")[0]):
        while held := list(islice(folder, _HELD)):
            yield from sorted(held, key=_when)


def _when(found: SourceObject) -> tuple[bool, int, str]:
    return found.time_s is None, found.time_s or 0, found.uri
