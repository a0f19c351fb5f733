"""Explanations, wired: the lake (or sources) that is asked, and the network model that the answer is held against."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from vpcflow.errors import RecordError, UsageError
from vpcflow.types import TimeRange

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vpcflow.analyze.explain.cases import Pair
    from vpcflow.analyze.explain.find import Causes
    from vpcflow.analyze.explain.silence import Silence
    from vpcflow.analyze.plan import Scope
    from vpcflow.query.answer import Asker
    from vpcflow.record.format import LogFormat

NEAR_S: Final = 600
"""How far from the moment of ``--at``, or from a record, records may lie: the longest aggregation interval."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A conversation that is asked about: source opens to destination. None leaves a part open."""

    source: str
    destination: str
    port: int | None = None
    protocol: int | None = None
    source_port: int | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to one question.

    asked: None where all that was refused is meant. silences: what is recorded at either end, where there is no record of it.
    """

    asked: Asked | None
    time: TimeRange
    found: Causes
    silences: tuple[Silence, ...] = ()


def address(text: str) -> str:
    """Return an address as records have it; UsageError for what is none."""
    try:
        return str(ipaddress.ip_address(text.strip().strip("[]")))
    except ValueError:
        raise UsageError("explain.not_an_address", text=text) from None


def explain(asker: Asker, asked: Asked, scope: Scope) -> Explanation:
    """Explain the records of one conversation in *scope*."""
    from vpcflow.analyze.explain.find import one
    from vpcflow.analyze.explain.silence import silences

    pair = _pair(asked)
    modelled: Mapping[str, Sequence[str]] = {}
    found = one(asker, scope, pair, modelled)
    silent = () if found.causes else silences(asker, scope, pair, modelled)
    return Explanation(asked, scope.time, found, silent)


def explain_all(asker: Asker, scope: Scope) -> Explanation:
    """Explain everything that was refused in *scope*, by cause."""
    from vpcflow.analyze.explain.find import every

    return Explanation(None, scope.time, every(asker, scope, {}))


def _pair(asked: Asked) -> Pair:
    from vpcflow.analyze.explain.cases import Pair

    return Pair((asked.source,), (asked.destination,), asked.port, asked.source_port, asked.protocol)


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
    asked = Asked(source, destination, record.get("dstport"), record.get("protocol"), record.get("srcport"))
    start, end = record.get("start"), record.get("end")
    if start is None:
        return asked, TimeRange()
    return asked, TimeRange(max(0, start - NEAR_S), (end or start) + NEAR_S)


def near(scope: Scope, moment: int) -> Scope:
    """Return *scope* around a moment."""
    return replace(scope, time=TimeRange(max(0, moment - NEAR_S), moment + NEAR_S))
