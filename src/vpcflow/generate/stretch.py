"""One stretch of the span: which kinds of traffic, how many records of each, in which order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from vpcflow.generate import hostile, traffic
from vpcflow.generate.draw import INTERVAL_S, Draw
from vpcflow.generate.rows import NODATA, OK, SKIPDATA, Rows, quiet
from vpcflow.record.layout import WINDOW_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from vpcflow.generate.config import Config
    from vpcflow.generate.load import Load
    from vpcflow.generate.network import Network
    from vpcflow.generate.rows import Ints

STRETCH: Final = 100_000
"""Records made at once; part of what a seed means."""

_BREACH_FROM: Final = 500
"""A set of fewer records has no room for the planted scanner's accepted flows."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of traffic: records in ten thousand, records a conversation, how to make some."""

    share: int
    legs: int
    make: Callable[[Draw, int], Rows]


def _no_data(draw: Draw, count: int) -> Rows:
    return _quiet(draw, count, NODATA)


def _skipped(draw: Draw, count: int) -> Rows:
    return _quiet(draw, count, SKIPDATA)


def _quiet(draw: Draw, count: int, status: int) -> Rows:
    end = draw.times(count)
    return quiet(draw.below(draw.network.interfaces, count), end - (INTERVAL_S - 1), end, status)


KINDS: Final = {
    "visits": Kind(2_200, 2, traffic.visits),
    "visits6": Kind(200, 2, traffic.visits6),
    "direct": Kind(1_855, 2, traffic.direct),
    "downloads": Kind(300, 6, traffic.downloads),
    "forwards": Kind(1_400, 4, traffic.forwards),
    "calls": Kind(1_100, 4, traffic.calls),
    "queries": Kind(1_100, 4, traffic.queries),
    "pings": Kind(50, 4, traffic.pings),
    "translated": Kind(700, 6, traffic.translated),
    "services": Kind(400, 2, traffic.services),
    "scans": Kind(500, 1, hostile.scans),
    "refused passwords": Kind(80, 1, hostile.refused_passwords),
    "tried passwords": Kind(40, 2, hostile.tried_passwords),
    "denied": Kind(40, 2, hostile.denied),
    "no data": Kind(30, 1, _no_data),
    "skipped": Kind(5, 1, _skipped),
}
"""All kinds; their shares make ten thousand."""


def stretches(config: Config) -> int:
    """Return how many stretches the span has: it depends on the records alone, so that files may be cut anywhere."""
    return -(-config.records // STRETCH)


def rows(config: Config, network: Network, load: Load, number: int) -> Rows:
    """Return the records of stretch *number*, by minute and interface."""
    count = stretches(config)
    first, stop = config.records * number // count, config.records * (number + 1) // count
    rng = np.random.Generator(np.random.PCG64([config.seed, 2, number]))
    draw = Draw(network, load, rng, first / config.records, stop / config.records, first)
    planted = hostile.breach(draw, 2) if number == count // 2 and config.records >= _BREACH_FROM else None
    missing = stop - first - (len(planted) if planted else 0)
    talks = _talks(missing)
    parts = [KINDS[name].make(draw, talks[name]) for name in KINDS if talks[name]]
    made = Rows.joined([*parts, planted] if planted else parts)
    made = replace(made, start=_seen(made, rng))
    # Within a delivery, AWS's objects have their records in no order.
    mixed = rng.permutation(len(made))
    return made.take(mixed[np.argsort(made.end[mixed] // WINDOW_S, kind="stable")])


def _seen(rows: Rows, rng: np.random.Generator) -> Ints:
    """Return each record's start: the first packet passes interfaces, and comes back, a little later here than there."""
    delay = np.where(rows.status == OK, rng.integers(0, 3, len(rows)), 0)
    return np.minimum(rows.start + delay, rows.end)


def _talks(records: int) -> dict[str, int]:
    """Return conversations of each kind, together exactly *records*: what no kind can fill is visits and one scan."""
    talks = {name: records * kind.share // 10_000 // kind.legs for name, kind in KINDS.items()}
    left = records - sum(talks[name] * kind.legs for name, kind in KINDS.items())
    talks["visits"] += left // 2
    talks["scans"] += left % 2
    return talks
