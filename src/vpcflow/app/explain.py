"""Explanations, wired: the lake (or sources) that is asked, and the network model that the answer is held against."""

from __future__ import annotations

import contextlib
import ipaddress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from vpcflow.errors import RecordError, UsageError
from vpcflow.types import TimeRange

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vpcflow.analyze.explain.cases import Pair
    from vpcflow.analyze.explain.cause import Cause
    from vpcflow.analyze.explain.find import Causes
    from vpcflow.analyze.explain.judge import Rules
    from vpcflow.analyze.explain.silence import Silence
    from vpcflow.analyze.explain.steps import PathTold
    from vpcflow.analyze.plan import Scope
    from vpcflow.app import App
    from vpcflow.query.answer import Asker
    from vpcflow.record.format import LogFormat
    from vpcflow.vpc.decision import Flow
    from vpcflow.vpc.rule_change import RuleChange

NEAR_S: Final = 600
"""How far from the moment of ``--at``, or from a record, records may lie: the longest aggregation interval."""
NO_RULES: Final = "none"
"""How a call says that records are to be explained without rules."""
_TCP: Final = 6
_ECHO: Final = {1: 8, 58: 128}


@dataclass(frozen=True, slots=True)
class Asked:
    """A conversation that is asked about: source opens to destination. None leaves a part open.

    source, destination: as they were written. sources, destinations: all addresses that each may be recorded with.
    """

    source: str
    destination: str
    port: int | None = None
    protocol: int | None = None
    source_port: int | None = None
    sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to one question.

    asked: None where all that was refused is meant. silences: what is recorded at either end, where there is no record of it.
    names: of groups, ACLs and interfaces, by id. path: what the rules say of a conversation without records.
    """

    asked: Asked | None
    time: TimeRange
    found: Causes
    silences: tuple[Silence, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    path: PathTold | None = None

    @property
    def causes(self) -> tuple[Cause, ...]:
        """What refused (or accepted) it, most refused records first."""
        return self.found.causes

    def document(self) -> dict[str, Any]:
        """Return it as plain values: codes, ids and numbers; times in epoch seconds."""
        from vpcflow.app.explanation import document

        return document(self)

    def markdown(self) -> str:
        """Return it as a report for a ticket, in the language in use."""
        from vpcflow.app.explanation import markdown

        return markdown(self)


@dataclass(frozen=True, slots=True)
class Reached:
    """Whether a conversation is let through by the rules. since_s: when the rules began to be true (epoch s), 0 for a file's."""

    asked: Asked
    since_s: int
    path: PathTold
    mend: tuple[RuleChange, ...] | None
    names: Mapping[str, str]


# --- rules ---------------------------------------------------------------------------------------------------------


def rules_in(app: App, time: TimeRange, word: str | None, when: Callable[[str], int]) -> tuple[Rules, ...]:
    """Return the rules that were in force in *time*, oldest first; none where no network is kept.

    word: names a network (`networks.named`) that holds for all of the time instead; `none` for no rules.
    """
    from vpcflow.analyze.explain.judge import Rules
    from vpcflow.app import networks

    if word == NO_RULES:
        return ()
    if word is not None:
        given = networks.named(app, word, when)
        return (Rules(given.network, given.since_s),)
    begins = sorted({version.since_s for version in networks.versions(app)})
    since = begins[0] if time.since is None and begins else time.since
    wanted = [moment for moment in begins if (since or 0) < moment and (time.until is None or moment < time.until)]
    wanted = [*[moment for moment in begins if moment <= (since or 0)][-1:], *wanted] or begins[:1]
    found = []
    for moment, until in zip(wanted, [*wanted, None][1:], strict=False):
        dated = networks.at(app, moment)
        if dated is not None:  # else it went while we read
            found.append(Rules(dated.network, moment, until, dated.early))
    if found and (time.since is None or time.since < found[0].since_s):
        first = found[0]
        found.insert(0, Rules(first.network, 0, first.since_s, early=True))
    return tuple(found)


def _names(rules: Sequence[Rules]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in rules:
        network = one.network
        parts = (
            network.security_groups,
            network.network_acls,
            network.interfaces,
            network.prefix_lists,
            network.subnets,
        )
        found |= {key: value.name for part in parts for key, value in part.items() if value.name}
    return found


def asked_about(
    source: str, destination: str, port: int | None, protocol: int | None, rules: Sequence[Rules] = ()
) -> Asked:
    """Return what is asked about; UsageError for an end that is neither an address nor an interface the rules know.

    An end may be an IP address, or the id or name of an interface (or its instance). A public address stands for the private
    one behind it too, and the other way round: records have the one or the other, by where they were made.
    """
    ends = [_addresses(text, rules) for text in (source, destination)]
    shown = [
        addresses[0] if _is_address(text) else text for text, addresses in zip((source, destination), ends, strict=True)
    ]
    return Asked(shown[0], shown[1], port, protocol, None, ends[0], ends[1])


def _is_address(text: str) -> bool:
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(text.strip().strip("[]"))
        return True
    return False


def _addresses(text: str, rules: Sequence[Rules]) -> tuple[str, ...]:
    found: list[str] = []
    if _is_address(text):
        found.append(str(ipaddress.ip_address(text.strip().strip("[]"))))
    for one in rules:
        for interface in one.network.interfaces.values():
            every = (*interface.addresses, *interface.ipv6, *interface.public)
            if text in (interface.id, interface.name, interface.instance_id):
                found += every
            elif found and found[0] in interface.public:
                place = interface.public.index(found[0])
                found += interface.addresses[place : place + 1] or interface.addresses[:1]
            elif found and found[0] in interface.addresses:
                place = interface.addresses.index(found[0])
                found += interface.public[place : place + 1]
    if not found:
        raise UsageError("explain.not_an_address", text=text)
    return tuple(dict.fromkeys(found))


# --- explained -----------------------------------------------------------------------------------------------------


def explain(asker: Asker, asked: Asked, scope: Scope, rules: Sequence[Rules] = ()) -> Explanation:
    """Explain the records of one conversation in *scope*."""
    from vpcflow.analyze.explain.find import one
    from vpcflow.analyze.explain.judge import Judge
    from vpcflow.analyze.explain.silence import silences

    pair = _pair(asked)
    judge = Judge(rules)
    found = one(asker, scope, pair, judge)
    if found.causes:
        return Explanation(asked, scope.time, found, names=_names(rules))
    silent = silences(asker, scope, pair, judge.own_addresses())
    told = _path(rules[-1], asked) if rules else None
    return Explanation(asked, scope.time, found, silent, _names(rules), told)


def explain_all(asker: Asker, scope: Scope, rules: Sequence[Rules] = ()) -> Explanation:
    """Explain everything that was refused in *scope*, by cause."""
    from vpcflow.analyze.explain.find import every
    from vpcflow.analyze.explain.judge import Judge

    return Explanation(None, scope.time, every(asker, scope, Judge(rules)), names=_names(rules))


def reach(rules: Rules, asked: Asked, source_port: int | None = None) -> Reached:
    """Tell whether the rules let a conversation through, step by step, and what would.

    source_port: the opener's, None for any that clients use.
    """
    from vpcflow.analyze.explain.mend import mend

    asked = replace(asked, source_port=source_port)
    told = _path(rules, asked)
    change = None if told.works else mend(rules.network, _opening(asked))
    return Reached(asked, rules.since_s, told, change, _names((rules,)))


def _path(rules: Rules, asked: Asked) -> PathTold:
    from vpcflow.analyze.explain.steps import path_told
    from vpcflow.vpc.evaluator import path
    from vpcflow.vpc.obstacle import obstacle

    found = path(rules.network, _opening(asked))
    return replace(path_told(found), obstacle=obstacle(rules.network, found))


def _opening(asked: Asked) -> Flow:
    """Return the packets that open a conversation: an echo request where it is ICMP."""
    from vpcflow.vpc.decision import Flow

    protocol = _TCP if asked.protocol is None else asked.protocol
    # One of several addresses: of the IP version that both ends have, private ones before public ones.
    pairs = [
        (one, other) for one in asked.sources for other in asked.destinations if (":" in one) == (":" in other)
    ] or [(asked.sources[0], asked.destinations[0])]
    source, destination = pairs[0]
    echo = _ECHO.get(protocol)
    kind, code = (None, None) if echo is None else (echo, 0)
    return Flow(source, destination, protocol, asked.source_port, asked.port or 0, icmp_type=kind, icmp_code=code)


def _pair(asked: Asked) -> Pair:
    from vpcflow.analyze.explain.cases import Pair

    sources, destinations = asked.sources or (asked.source,), asked.destinations or (asked.destination,)
    return Pair(sources, destinations, asked.port, asked.source_port, asked.protocol)


# --- one record ----------------------------------------------------------------------------------------------------


def read_records(lines: Sequence[str], log_format: LogFormat | None) -> list[dict[str, Any]]:
    """Return the records of *lines*, columns by name; RecordError for a line that is none, or whose format cannot be told."""
    import io

    from vpcflow.record.read import Origin, read
    from vpcflow.telemetry import ReadReport

    report = ReadReport()
    raw = io.BytesIO("\n".join(lines).encode() + b"\n")
    rows = [
        row for _, batch in read(raw, "record", report, Origin(), log_format=log_format) for row in batch.to_pylist()
    ]
    for bad in report.shown[:1]:
        raise RecordError("explain.bad_record", reason=bad.reason, field=bad.field or "-", text=bad.text)
    rows = [row for row in rows if row.get("srcaddr") and row.get("dstaddr")]
    if not rows:
        raise RecordError("explain.no_flow", text="\n".join(lines)[:200])
    return rows


def asked_of(record: Mapping[str, Any]) -> tuple[Asked, TimeRange]:
    """Return the conversation of a record, and the time around it."""
    source, destination = (record.get(f"pkt_{side}addr") or record[f"{side}addr"] for side in ("src", "dst"))
    ports = record.get("dstport"), record.get("srcport")
    asked = Asked(source, destination, ports[0], record.get("protocol"), ports[1], (source,), (destination,))
    start, end = record.get("start"), record.get("end")
    if start is None:
        return asked, TimeRange()
    return asked, TimeRange(max(0, start - NEAR_S), (end or start) + NEAR_S)


def near(scope: Scope, moment: int) -> Scope:
    """Return *scope* around a moment."""
    return replace(scope, time=TimeRange(max(0, moment - NEAR_S), moment + NEAR_S))
