"""Networks: read, kept with their times, and found again for a time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vpcflow.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vpcflow.app import App
    from vpcflow.app.capture_network import Model
    from vpcflow.errors import SourceError
    from vpcflow.state.networks import Version
    from vpcflow.vpc.topology import Network

KEPT: Final = "@state"
"""How a call names the network that is kept; ``@2026-11-20`` and the like name that of a time."""


@dataclass(frozen=True, slots=True)
class Dated:
    """A network and when it was true.

    since_s: when the newest of its versions began (epoch s). early: whether one of them began only after the time that was
    asked for, so that what was true then is not known.
    """

    network: Network
    since_s: int
    early: bool = False


def read(paths: Sequence[str], given: Mapping[str, str] | None = None) -> Network:
    """Read a network from files and folders; RecordError and ConfigError say what is wrong with them."""
    from vpcflow.vpc.load import load

    return load([Path(path) for path in paths], given)


def live(app: App, region: str | None, on_left_out: Callable[[SourceError], None]) -> tuple[Network, str]:
    """Ask the EC2 API for a network; return it with the region. on_left_out: told each operation that was refused."""
    from vpcflow.collect.ec2 import describe
    from vpcflow.vpc.load import load_document

    document, where = describe(app.s3_access(), region, on_left_out)
    return load_document(document, f"ec2 {where}", region=where), where


def keep(app: App, network: Network, *, name: str, since_s: int, summary: str, source: str) -> bool:
    """Keep *network* as what is true from *since_s* on; False when that is what was true anyway."""
    from vpcflow.state.networks import Networks
    from vpcflow.vpc.json_form import dumps

    with app.state() as state:
        return Networks(state).put(name, since_s, int(time.time()), summary, source, dumps(network))


def versions(app: App) -> list[Version]:
    """Return all that is kept, by name and time."""
    from vpcflow.state.networks import Networks

    with app.state() as state:
        return Networks(state).all()


def remove(app: App, name: str, since_s: int) -> bool:
    """Forget a version; say whether there was one."""
    from vpcflow.state.networks import Networks

    with app.state() as state:
        return Networks(state).remove(name, since_s)


def at(app: App, time_s: int | None = None) -> Dated | None:
    """Return what was true at a time (epoch s), now for None; None where nothing is kept."""
    from vpcflow.state.networks import Networks
    from vpcflow.vpc.json_form import loads
    from vpcflow.vpc.load import merged

    with app.state() as state:
        kept = Networks(state)
        found = kept.at(time_s)
        if not found:
            return None
        in_order = sorted(found, key=lambda version: version.since_s)
        network = merged(loads(kept.document(version), f"{app.state_path} {version.name}") for version in in_order)
    early = time_s is not None and any(version.since_s > time_s for version in found)
    return Dated(network, max(version.since_s for version in found), early)


def named(app: App, word: str, when: Callable[[str], int]) -> Dated:
    """Return the network that *word* names: a file or a folder, `@state`, or `@TIME`, which *when* reads (epoch s).

    UsageError where nothing is kept, and for what is no time.
    """
    if not word.startswith("@"):
        return Dated(read([word]), 0)
    try:
        found = at(app, None if word == KEPT else when(word[1:]))
    except ValueError:
        raise UsageError("network.not_a_time", value=word) from None
    if found is None:
        raise UsageError("network.none_kept", path=app.state_path)
    return found


def model(app: App, word: str, when: Callable[[str], int], only: str | None = None, *, keep_all: bool = False) -> Model:
    """Return the network that *word* names (`named`) for captures; `@state` is what was true when each began."""
    import hashlib

    from vpcflow.app.capture_network import Model
    from vpcflow.vpc.json_form import dumps

    fixed = named(app, word, when)
    if word != KEPT:
        return Model(lambda _: fixed, hashlib.sha256(dumps(fixed.network).encode()).hexdigest(), only, keep_all)
    digests = [(version.name, version.since_s, version.digest) for version in versions(app)]
    return Model(lambda time_s: at(app, time_s) or fixed, repr(digests), only, keep_all)
