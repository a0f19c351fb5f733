"""Recorded traffic held against two networks: what one lets through and the other refuses.

An answer needs two things: that its connection may be opened, and that the network ACL lets it pass; the security group
remembers. So an accepted answer never counts as refused for want of a rule of its own. Traffic whose role nobody can tell
(ICMP, two ports of the same kind) is let through if either reading of it is.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vpcflow.analyze.explain import flows
from vpcflow.vpc.vector import ACCEPT, REJECT, Evaluator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from vpcflow.analyze.plan import Asker, Scope
    from vpcflow.vpc.topology import Network
    from vpcflow.vpc.vector import Verdicts

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

_NAMED: Final = 500
_FOLD: Final = 400_000
"""Rows of changed flows that are kept before they are added up."""
_KEYS: Final = ("interface_id", "source", "destination", "protocol", "port")
_SUMS: Final = ("records", "packets", "bytes")


@dataclass(frozen=True, slots=True)
class Flows:
    """Recorded traffic of one opener to one service at one interface. first_s, last_s: epoch seconds."""

    interface_id: str
    source: str
    destination: str
    protocol: int
    port: int
    records: int
    packets: int
    bytes: int
    first_s: int
    last_s: int


@dataclass(frozen=True, slots=True)
class Share:
    """What one service or one source has of the changed traffic. sources: distinct ones."""

    key: tuple[Any, ...]
    records: int
    bytes: int
    sources: int


@dataclass(slots=True)
class Turned:
    """Traffic that is let through by one network and refused by the other; `table` has a row for each of `_KEYS`."""

    records: int = 0
    packets: int = 0
    bytes: int = 0
    table: pa.Table | None = None
    _parts: list[pa.Table] = field(default_factory=list)
    _waiting: int = 0

    def add(self, part: pa.Table) -> None:
        """Add changed flows."""
        if not part.num_rows:
            return
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + (pc.sum(part.column(name)).as_py() or 0))
        self._parts.append(part)
        self._waiting += part.num_rows
        if self._waiting >= _FOLD:
            self.finish()

    def finish(self) -> Turned:
        """Make one row of each key; return itself."""
        parts = [*([self.table] if self.table is not None else []), *self._parts]
        if parts:
            sums = [(name, "sum") for name in _SUMS]
            grouped = pa.concat_tables(parts, promote_options="permissive").group_by(list(_KEYS))
            found = grouped.aggregate([*sums, ("first_s", "min"), ("last_s", "max")])
            self.table = found.rename_columns(
                [name.removesuffix("_sum").removesuffix("_min").removesuffix("_max") for name in found.column_names]
            )
        self._parts, self._waiting = [], 0
        return self

    @property
    def flows(self) -> int:
        """Distinct (interface, source, destination, service)."""
        return 0 if self.table is None else self.table.num_rows

    @property
    def sources(self) -> int:
        """Distinct sources."""
        return 0 if self.table is None else len(self.table.column("source").unique())

    def examples(self, limit: int) -> list[Flows]:
        """Return the flows with most records."""
        if self.table is None:
            return []
        order = [("records", "descending"), *((name, "ascending") for name in _KEYS)]
        rows = self.table.sort_by(order).slice(0, limit).select(list(Flows.__dataclass_fields__)).to_pylist()
        return [Flows(**row) for row in rows]

    def by(self, *names: str, limit: int) -> list[Share]:
        """Return what each value of *names* has, most records first."""
        if self.table is None:
            return []
        grouped = self.table.group_by(list(names)).aggregate(
            [("records", "sum"), ("bytes", "sum"), ("source", "count_distinct")]
        )
        order = [("records_sum", "descending"), *((name, "ascending") for name in names)]
        rows = grouped.sort_by(order).slice(0, limit).to_pylist()
        return [
            Share(
                tuple(row[name] for name in names), row["records_sum"], row["bytes_sum"], row["source_count_distinct"]
            )
            for row in rows
        ]


@dataclass(slots=True)
class Replay:
    """What came of a replay.

    refused: accepted traffic that would be refused. let_in: refused traffic that would be let through. records, flows: looked
    at, and what they were added up to. unexplained: records that the network before the change would have treated otherwise
    than they were (`accepted`: it refuses what was accepted; `refused`: it allows what was refused, as late packets are).
    undecided: records that the network lacks something for. uncovered: accepted records that the changed network refuses,
    whatever it was before. ambiguous: accepted records that would be refused if they open, and pass if they answer.
    """

    refused: Turned = field(default_factory=Turned)
    let_in: Turned = field(default_factory=Turned)
    records: int = 0
    flows: int = 0
    uncovered: int = 0
    ambiguous: int = 0
    unexplained: Counter[str] = field(default_factory=Counter)
    undecided: Counter[str] = field(default_factory=Counter)
    sql: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """A batch of flows with what one network says of it. opening: verdicts on the packets that open.

    allowed, refused: by the readings there are, where nothing tells whether packets open or answer: either may let them through.
    opens, answers: what is allowed and what is refused by each of these readings alone.
    """

    allowed: Bools
    refused: Bools
    opens: tuple[Bools, Bools]
    answers: tuple[Bools, Bools]
    opening: Verdicts
    answer: Verdicts

    @property
    def may_refuse(self) -> Bools:
        """Where a reading is refused."""
        found: Bools = self.opens[1] | self.answers[1]
        return found


class Side:
    """One network that flows are held against."""

    def __init__(self, network: Network) -> None:
        self._evaluator = Evaluator(network)

    def decide(self, packets: pa.Table) -> Verdicts:
        """Decide on packets as those of new connections."""
        return self._evaluator.decide(packets)

    def see(self, batch: pa.Table) -> Seen:
        """Hold a batch of `flows.plan` against the network."""
        role = np.asarray(batch.column("role").combine_chunks(), np.int64)
        answers = role == flows.ANSWER
        count = batch.num_rows
        opening = self._evaluator.decide(opening_of(batch, answers))
        remembered = pa.array(np.ones(count, bool))
        back = self._evaluator.decide(_packets(batch), remembered)
        allowed = (opening.action == ACCEPT) & (~answers | (back.action == ACCEPT))
        refused = (opening.action == REJECT) | (answers & (back.action == REJECT))
        opens = allowed, refused
        either = role == flows.EITHER
        as_answer = no_answer = np.zeros(count, bool)
        if either.any():
            # Read as an answer: to an opening from the other end, to the port that these packets come from.
            other = self._evaluator.decide(opening_of(batch, either, to_client=True))
            as_answer = either & (other.action == ACCEPT) & (back.action == ACCEPT)
            no_answer = either & (other.action == ACCEPT) & (back.action == REJECT)
        return Seen(allowed | as_answer, refused & ~as_answer, opens, (as_answer, no_answer), opening, back)


def _packets(batch: pa.Table) -> pa.Table:
    """Return the packets as they were recorded, as records have them."""
    role = np.asarray(batch.column("role").combine_chunks(), np.int64)
    port = pc.if_else(pa.array(role == flows.ANSWER), batch.column("client"), batch.column("port"))
    return pa.table(
        {
            "interface_id": batch.column("interface_id"),
            "srcaddr": batch.column("src"),
            "dstaddr": batch.column("dst"),
            "dstport": port,
            "protocol": batch.column("protocol"),
            "flow_direction": batch.column("flow_direction"),
        }
    )


def opening_of(batch: pa.Table, turned: Bools, *, to_client: bool = False) -> pa.Table:
    """Return the packets that open each conversation: those recorded, with the ends of *turned* ones exchanged."""
    turn = pa.array(turned)
    src, dst, way = (batch.column(name) for name in ("src", "dst", "flow_direction"))
    flipped = pc.if_else(pc.equal(way, "ingress"), "egress", pc.if_else(pc.equal(way, "egress"), "ingress", None))
    port = batch.column("port")
    return pa.table(
        {
            "interface_id": batch.column("interface_id"),
            "srcaddr": pc.if_else(turn, dst, src),
            "dstaddr": pc.if_else(turn, src, dst),
            "dstport": pc.if_else(turn, batch.column("client"), port) if to_client else port,
            "protocol": batch.column("protocol"),
            "flow_direction": pc.if_else(turn, flipped, way),
        }
    )


def recorded(
    asker: Asker,
    scope: Scope,
    networks: Sequence[Network],
    *,
    interfaces: Sequence[str] | None = None,
    action: str = "",
) -> tuple[Iterator[pa.Table], str]:
    """Return the flows of *scope* in batches, as far as *networks* can tell them apart, and the question as SQL."""
    few = None if interfaces is None or len(interfaces) > _NAMED else interfaces
    answer = asker.ask(flows.plan(scope, asker.schema(), flows.port_cuts(networks), interfaces=few, action=action))

    def batches() -> Iterator[pa.Table]:
        wanted = None if interfaces is None or few is not None else pa.array(interfaces)
        for batch in answer.batches:
            table = pa.table(batch)
            if wanted is not None:
                table = table.filter(pc.is_in(table.column("interface_id"), wanted))
            if table.num_rows:
                yield table

    return batches(), answer.sql


def replay(
    asker: Asker,
    scope: Scope,
    before: Network,
    after: Network,
    *,
    action: str = "",
    on_batch: Callable[[pa.Table, Seen], None] | None = None,
    interfaces: Sequence[str] | None = None,
) -> Replay:
    """Hold the traffic recorded in *scope* against a network before and after a change.

    action: only records with it. on_batch: gets each batch with what *before* says of it. interfaces: only traffic there;
    None for those that the change is about.
    """
    concerned = affected(before, after) if interfaces is None else list(interfaces)
    found = Replay()
    if not concerned:
        return found
    batches, found.sql = recorded(asker, scope, (before, after), interfaces=concerned, action=action)
    for batch, old, new in _seen(batches, Side(before), Side(after)):
        if on_batch is not None:
            on_batch(batch, old)
        records = np.asarray(batch.column("records").combine_chunks(), np.int64)
        accepted = np.asarray(pc.equal(batch.column("action"), "ACCEPT").combine_chunks(), bool)
        found.records += int(records.sum())
        found.flows += batch.num_rows
        found.uncovered += int(records[accepted & new.refused].sum())
        found.unexplained["accepted"] += int(records[accepted & old.refused].sum())
        found.unexplained["refused"] += int(records[~accepted & old.allowed & ~old.may_refuse].sum())
        found.ambiguous += int(records[accepted & old.opens[0] & new.opens[1] & new.answers[0]].sum())
        _undecided(found, batch, old, new, records)
        found.refused.add(_turned(batch, accepted & old.allowed & new.refused))
        turned = (old.opens[1] & new.opens[0]) | (old.answers[1] & new.answers[0])
        found.let_in.add(_turned(batch, ~accepted & turned))
    found.refused.finish()
    found.let_in.finish()
    found.unexplained, found.undecided = +found.unexplained, +found.undecided
    return found


def _seen(batches: Iterator[pa.Table], before: Side, after: Side) -> Iterator[tuple[pa.Table, Seen, Seen]]:
    """Yield each batch with what either side says of it; the two are asked at the same time."""
    with ThreadPoolExecutor(1, thread_name_prefix="after") as pool:
        for batch in batches:
            coded = _coded(batch)
            new = pool.submit(after.see, coded)
            old = before.see(coded)
            yield batch, old, new.result()


def _coded(batch: pa.Table) -> pa.Table:
    """Return *batch* with its texts as codes, both ends' of one dictionary: each reading of either network needs them."""
    src, dst = (batch.column(name).combine_chunks().cast(pa.string()) for name in ("src", "dst"))
    ends = pa.concat_arrays([src, dst]).dictionary_encode()
    columns = {
        "src": ends.slice(0, batch.num_rows),
        "dst": ends.slice(batch.num_rows),
        "interface_id": batch.column("interface_id").combine_chunks().cast(pa.string()).dictionary_encode(),
    }
    for name, column in columns.items():
        batch = batch.set_column(batch.column_names.index(name), name, column)
    return batch


def _undecided(found: Replay, batch: pa.Table, old: Seen, new: Seen, records: Ints) -> None:
    from vpcflow.vpc.vector import WHYS  # noqa: PLC0415

    open_ = ~(old.allowed | old.refused) | ~(new.allowed | new.refused)
    if not open_.any():
        return
    del batch
    why = np.where(new.opening.action == 0, new.opening.why, new.answer.why)[open_]
    totals = np.bincount(why, weights=records[open_], minlength=len(WHYS))
    for code in np.flatnonzero(totals).tolist():
        found.undecided[WHYS[code]] += int(totals[code])


def _turned(batch: pa.Table, which: Bools) -> pa.Table:
    """Return the flows that changed, from who opened them to the service."""
    rows = pa.array(np.flatnonzero(which))
    some = batch.take(rows)
    answers = np.asarray(some.column("role").combine_chunks(), np.int64) == flows.ANSWER
    turn = pa.array(answers)
    src, dst = some.column("src"), some.column("dst")
    return pa.table(
        {
            "interface_id": some.column("interface_id").cast(pa.string()),
            "source": pc.if_else(turn, dst, src).cast(pa.string()),
            "destination": pc.if_else(turn, src, dst).cast(pa.string()),
            "protocol": some.column("protocol").cast(pa.int64()),
            "port": some.column("port").cast(pa.int64()),
            **{name: some.column(name).cast(pa.int64()) for name in (*_SUMS, "first_s", "last_s")},
        }
    )


def affected(before: Network, after: Network) -> list[str]:
    """Return the interfaces for which the two networks may decide otherwise."""
    whole = ("vpcs", "subnets", "interfaces", "prefix_lists", "route_tables", "gateways", "incomplete")
    if any(getattr(before, name) != getattr(after, name) for name in whole):
        return list({**before.interfaces, **after.interfaces})
    groups = {
        key
        for key in {**before.security_groups, **after.security_groups}
        if before.security_groups.get(key) != after.security_groups.get(key)
    }
    acls = {
        key
        for key in {**before.network_acls, **after.network_acls}
        if before.network_acls.get(key) != after.network_acls.get(key)
    }
    subnets = {subnet.id for subnet in after.subnets.values() if subnet.network_acl in acls}
    return [
        one.id
        for one in after.interfaces.values()
        if one.subnet_id in subnets or groups.intersection(one.security_groups)
    ]
