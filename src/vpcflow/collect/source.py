"""SOURCE, as a user names it → objects, one after another."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vpcflow.collect import local, stdin
from vpcflow.collect.left_out import told
from vpcflow.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vpcflow.aws import S3Access
    from vpcflow.collect.selection import Selection
    from vpcflow.types import Looks, SourceObject

STDIN: Final = "-"


@dataclass(frozen=True, slots=True)
class Total:
    """How much there is to read, for a progress bar."""

    objects: int = 0
    bytes: int = 0


def open_sources(
    sources: Sequence[str],
    selection: Selection,
    access: S3Access,
    left_out: Counter[str],
    looks: Looks | None = None,
) -> Iterator[SourceObject]:
    """Check all *sources* at once, then yield their objects, each uri once, as they are found.

    left_out: counts what is not taken, by the reasons of `left_out.REASONS`, as the listing goes. looks: what is known of
    sources that may still grow; None reads all of them.
    SourceError: here for a source that is not there or no source at all; while iterating for one that cannot be listed,
    and at the end when there was nothing to read in any. Nothing to read because of *selection* is no error.
    """
    once = list(dict.fromkeys(sources))
    for source in once:
        _check(source)
    return _objects(once, selection, access, left_out, looks)


def total(sources: Sequence[str], selection: Selection) -> Total | None:
    """Return how much the files of *sources* hold, None if one is not of this machine (counting would cost a listing)."""
    if any(source == STDIN or is_remote(source) for source in sources):
        return None
    sizes: dict[str, int] = {}
    for source in sources:
        sizes.update((found.uri, found.bytes) for found in local.objects(source, selection, Counter()))
    return Total(len(sizes), sum(sizes.values()))


def is_remote(source: str) -> bool:
    """Tell whether a source is not of this machine, so that reading less of it pays."""
    return _is_s3(source) or is_log_group(source)


def _is_s3(source: str) -> bool:
    return source.startswith("s3://")


def is_log_group(source: str) -> bool:
    """Tell whether a source is a log group of CloudWatch Logs."""
    return source.startswith("cloudwatch:")


def _check(source: str) -> None:
    if _is_s3(source):
        from vpcflow.collect import s3  # noqa: PLC0415 - obstore takes 25 ms that files need not pay

        s3.split(source)
    elif is_log_group(source):
        from vpcflow.collect import log_group  # noqa: PLC0415 - as above

        log_group.split(source)
    elif source != STDIN:
        local.check(source)


def _objects(
    sources: list[str], selection: Selection, access: S3Access, left_out: Counter[str], looks: Looks | None
) -> Iterator[SourceObject]:
    # One bucket's listing names no key twice, so millions of keys need no memory; links and several sources may repeat.
    may_repeat = len(sources) != 1 or not is_remote(sources[0])
    seen: set[str] = set()
    empty: list[str] = []
    for source in sources:
        nothing, passed = True, _passed(left_out)
        for found in _of(source, selection, access, left_out, looks):
            nothing = False
            if found.uri in seen:
                left_out["duplicate"] += 1
                continue
            if may_repeat:
                seen.add(found.uri)
            yield found
        if nothing and _passed(left_out) == passed:
            empty.append(source)
    # Work on what the others hold is not stopped for one of them.
    if empty and len(empty) == len(sources):
        raise SourceError("source.empty", source=", ".join(empty), left_out=told(left_out) or "-")
    left_out["empty_source"] += len(empty)


def _passed(left_out: Counter[str]) -> int:
    """Return how much was left out because it is not wanted now."""
    return sum(left_out[reason] for reason in ("not_selected", "no_events", "read_before"))


def _of(
    source: str, selection: Selection, access: S3Access, left_out: Counter[str], looks: Looks | None
) -> Iterator[SourceObject]:
    if source == STDIN:
        yield stdin.spool()
    elif _is_s3(source):
        from vpcflow.collect import s3  # noqa: PLC0415 - see _check

        yield from s3.objects(source, selection, access, left_out)
    elif is_log_group(source):
        from vpcflow.collect import cloudwatch  # noqa: PLC0415 - as above

        yield from cloudwatch.objects(source, selection, access, left_out, looks)
    else:
        yield from local.objects(source, selection, left_out)
