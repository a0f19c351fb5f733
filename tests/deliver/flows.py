"""Flow logs, records for them, and spools and destinations to look into."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa
from hypothesis import strategies as st

from vpcflow.analyze.plan import Scope
from vpcflow.app import App, Reading, Wanted
from vpcflow.config import load
from vpcflow.deliver.encode import selected
from vpcflow.deliver.spool import Spool
from vpcflow.query.schema import FLOWS
from vpcflow.record.fields import FIELDS
from vpcflow.record.format import DEFAULT, LogFormat
from vpcflow.record.schema import arrow_type
from vpcflow.vpc.flow_logs import DestinationOptions, FlowLog

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from vpcflow.types import FlowBatch

ACCOUNT, REGION = "123456789012", "us-east-1"
START = 1_700_002_800
"""A full hour, and so the start of a window."""

WIDE = LogFormat(tuple(FIELDS[name].name for name in (
    "version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes",
    "start", "end", "action", "log-status", "vpc-id", "tcp-flags", "type", "pkt-srcaddr", "flow-direction", "traffic-path",
    "instance-tag", "interface-tag-2", "next-hop-az-id",
)))  # fmt: skip


def flow_log(kind="folder", to="", log_format=DEFAULT, **more) -> FlowLog:
    options = DestinationOptions(**{name: more.pop(name) for name in DestinationOptions.__slots__ if name in more})
    given = {"id": "fl-0123456789abcdef0", "resource_type": "VPC", "resource_id": "vpc-1", **more}
    return FlowLog(
        account=ACCOUNT,
        region=REGION,
        log_destination_type=kind,
        log_destination=str(to),
        log_format=log_format,
        options=options,
        **given,
    )


def row(number: int, *, start: int = START, interface: str = "", **more) -> dict[str, object]:
    """Return a record unlike those of other numbers."""
    return {
        "version": 2,
        "account_id": ACCOUNT,
        "interface_id": interface or f"eni-{number % 3:017x}",
        "srcaddr": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
        "dstaddr": "2001:db8::1" if number % 4 == 0 else "198.51.100.7",
        "srcport": 1024 + number % 60000,
        "dstport": 443,
        "protocol": 6,
        "packets": 1 + number,
        "bytes": 40 + number,
        "start": start,
        "end": start + 50,
        "action": "REJECT" if number % 5 == 0 else "ACCEPT",
        "log_status": "OK",
        **more,
    }


def nothing(interface: str, status: str, start: int = START) -> dict[str, object]:
    """Return a NODATA or SKIPDATA record."""
    known = {"version", "account_id", "interface_id", "start", "end", "log_status"}
    return {
        name: value if name in known else None for name, value in row(0, start=start, interface=interface).items()
    } | {"log_status": status}


def batch(rows: Sequence[dict[str, object]], *, encoded: bool = True) -> FlowBatch:
    """Return rows as a batch, strings dictionary-encoded as captures have them."""
    names = list(rows[0])
    columns = [pa.array([one[name] for one in rows], arrow_type(name)) for name in names]
    if encoded:
        columns = [column.dictionary_encode() if pa.types.is_string(column.type) else column for column in columns]
    return pa.RecordBatch.from_arrays(columns, names=names)


def rows_of(batches: Iterable[FlowBatch], log_format: LogFormat = DEFAULT) -> Counter[tuple[object, ...]]:
    """Return how often each record is in *batches*; ``version`` is the format's, as delivery has it."""
    names = [FIELDS[name].column for name in log_format.names]
    found: Counter[tuple[object, ...]] = Counter()
    for one in batches:
        for record in one.to_pylist():
            record["version"] = log_format.version
            found[tuple(record.get(name) for name in names)] += 1
    return found


def wanted_rows(batches: Iterable[FlowBatch], flow: FlowLog) -> Counter[tuple[object, ...]]:
    """Return what a flow log should have of *batches*."""
    return rows_of([selected(one, flow) for one in batches], flow.log_format)


class Piece:
    """A unit in memory."""

    window_s = None

    def __init__(self, *batches: FlowBatch, name: str = "1") -> None:
        self.id, self._batches = name, batches

    def batches(self):
        return iter(self._batches)


def send(destination, *batches: FlowBatch, name: str = "1"):
    """Send a unit; return the receipts."""
    return [shipment.send(None, again=False) for shipment in destination.shipments(Piece(*batches, name=name))]


def app_of(folder: Path, url: str = "") -> App:
    flags = {"lake": str(folder / "lake"), "state": str(folder / "state")}
    return App(load(flags | ({"endpoint_url": url, "aws_region": REGION} if url else {}), {}))


def read_back(folder: Path, source: str, log_format: LogFormat = DEFAULT, url: str = "") -> Counter[tuple[object, ...]]:
    """Ingest *source* into a lake that goes, and return its records."""
    from vpcflow.analyze.records import plan  # noqa: PLC0415

    app = app_of(folder, url)
    names = [FIELDS[name].column for name in log_format.names]
    with app.passing_lake([source], Wanted(), Reading(log_format)) as (lake, done):
        assert not done.progress.failed, done.progress.failed
        assert not done.progress.report.bad, done.progress.report.shown
        flows = next(name for name, base in FLOWS.items() if base == log_format.table)
        with app.asker(lake) as asker:
            answer = asker.ask(plan(Scope(flows), asker.schema(), names, limit=None))
            return rows_of(answer.batches, log_format)


def spool(folder: Path, **more) -> Spool:
    numbers = iter(range(10**9))
    return Spool(folder, unique=lambda: f"{next(numbers):016x}", **more)


def heads(folder: Path) -> list[dict[str, object]]:
    from vpcflow.deliver.frames import frames  # noqa: PLC0415

    return [json.loads(next(frames(path)).payload) for path in sorted(folder.glob("*.sealed"))]


# --- random records --------------------------------------------------------------------------------------------------

_NAMES = st.text(
    st.characters(codec="ascii", categories=("L", "N"), include_characters="-_."), min_size=2, max_size=12
).map("id-{}".format)
"""No words that readers of foreign files take for nothing, such as "none"."""

_TAGS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=8).map("t{}".format)
_ADDRESSES = st.one_of(st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(str))


def _values(column: str, now: int):
    field = next(one for one in FIELDS.values() if one.column == column)
    if field.kind == "address":
        return _ADDRESSES
    if field.kind == "tag":
        return _TAGS
    if column in ("start", "end"):
        return st.integers(now - 900, now)
    if field.type == "int32":
        return st.integers(0, 2**31 - 1)
    if field.type == "int64":
        return st.integers(0, 2**63 - 1)
    return _NAMES


@st.composite
def batches_of(draw, log_format: LogFormat, now: int):
    """Batches of records of a format: OK ones with any field missing, NODATA and SKIPDATA ones."""
    columns = [FIELDS[name].column for name in log_format.names]
    status_only = {"version", "account_id", "interface_id", "start", "end", "log_status", "vpc_id", "tgw_attachment_id"}

    def one() -> dict[str, object]:
        status = draw(st.sampled_from(("OK", "OK", "OK", "NODATA", "SKIPDATA")))
        found = {}
        for column in columns:
            always = column in ("version", "account_id", "interface_id", "start", "end", "log_status")
            kept = (status == "OK" or column in status_only) and (always or draw(st.integers(0, 9)))
            found[column] = draw(_values(column, now)) if kept else None
        fixed = {"version": log_format.version, "account_id": ACCOUNT, "log_status": status}
        if "interface_id" in found:
            fixed["interface_id"] = draw(st.sampled_from(("eni-1", "eni-2", "eni-3")))
        if found.get("action"):
            fixed["action"] = draw(st.sampled_from(("ACCEPT", "REJECT")))
        return found | fixed

    sizes = draw(st.lists(st.integers(1, 8), min_size=1, max_size=3))
    return [batch([one() for _ in range(size)], encoded=draw(st.booleans())) for size in sizes]
