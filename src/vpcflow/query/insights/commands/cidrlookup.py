"""`cidrlookup`: fields out of a table of networks, by an address in them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from sqlglot import exp

from vpcflow.query.insights import kinds
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.commands.lookup import Output, beside, check, give, read_outputs
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.faults import malformed
from vpcflow.query.insights.kinds import call
from vpcflow.query.insights.syntax import Field, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.relation import Relation

_MAPPED: Final = 0xFFFF << 32
"""Where IPv4 lies among the addresses of 128 bits (RFC 4291 §2.5.5.2)."""


@dataclass(frozen=True, slots=True)
class CidrLookup(Stage):
    """column: of networks, None for the first one that has nothing else. fresh: OUTPUTNEW."""

    table: Field
    address: Field
    column: Field | None
    fresh: bool
    outputs: tuple[Output, ...]


def parse(parser: Parser, token: Token) -> CidrLookup:
    """Read the table, the field, and the outputs."""
    table, address = parser.field(), parser.field()
    column = parser.field() if parser.accept_word("as") else None
    fresh, outputs = read_outputs(parser)
    return CidrLookup("cidrlookup", token.start, parser.end, table, address, column, fresh, outputs)


def compile_(relation: Relation, stage: CidrLookup) -> None:
    """Join the row of the smallest network that holds the address."""
    compiler = relation.compiler
    table = compiler.lookup_table(stage.table.name, stage.table)
    column = check(relation, table, stage.column) if stage.column else _networks(relation, table, stage)
    outputs = [check(relation, table, one.column) for one in stage.outputs]
    networks = [
        (place, network) for place, text in enumerate(table.column(column).to_pylist()) if (network := _network(text))
    ]
    left_out = table.num_rows - len(networks)
    if left_out:
        compiler.note("note.insights_no_cidr", count=f"{left_out:,}", column=column)
    ranges = list(_ranges(networks))
    low, high, *keys = (compiler.fresh() for _ in range(2 + len(outputs)))
    rows = table.select(outputs).take(pa.array([place for _, _, place in ranges], pa.int64())).rename_columns(keys)
    rows = rows.append_column(low, pa.array([f"{first:032x}" for first, _, _ in ranges], pa.string()))
    rows = rows.append_column(high, pa.array([f"{last:032x}" for _, last, _ in ranges], pa.string()))
    address = Reading(relation).field(stage.address)
    key = kinds.Value(call("cwl_key", kinds.text(kinds.scalar(address))), kinds.TEXT)
    settled = relation.settle(key).sql
    # The last range that begins at the address or before it; it holds the address unless it has ended.
    begins = exp.GTE(this=settled.copy(), expression=exp.column(low, quoted=True))
    beside(relation, compiler.attach(rows), begins, method="ASOF")
    give(relation, stage, keys, exp.LTE(this=settled.copy(), expression=exp.column(high, quoted=True)))


def _network(text: str | None) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network((text or "").strip(), strict=False)
    except ValueError:
        return None


def _networks(relation: Relation, table: pa.Table, stage: CidrLookup) -> str:
    """Return the first column in which every value is a network."""
    for name in table.column_names:
        values = table.column(name).to_pylist()
        if values and all(value is not None and "/" in value and _network(value) for value in values):
            return str(name)
    node = stage.table
    raise malformed("no_cidr_column", relation.compiler.text, node.start, node.end, name=node.name)


def _ranges(
    networks: Iterable[tuple[int, ipaddress.IPv4Network | ipaddress.IPv6Network]],
) -> Iterable[tuple[int, int, int]]:
    """Yield (first, last, row) of ranges that do not overlap, by their begin: each address with its smallest network.

    Networks either hold one another or have nothing in common, so those that are open form a stack. Of equal ones the first counts.
    """
    spans = []
    for row, network in networks:
        shift = _MAPPED if network.version == 4 else 0
        first, last = int(network[0]) + shift, int(network[-1]) + shift
        spans.append((first, -last, row))
    opened: list[tuple[int, int]] = []
    seen: set[tuple[int, int]] = set()
    at = 0
    for first, negative, row in sorted(spans):
        last = -negative
        while opened and opened[-1][0] < first:
            end, owner = opened.pop()
            if at <= end:
                yield at, end, owner
                at = end + 1
        if opened and at < first:
            yield at, first - 1, opened[-1][1]
        if (first, last) in seen:
            continue
        seen.add((first, last))
        at = first
        opened.append((last, row))
    while opened:
        end, owner = opened.pop()
        if at <= end:
            yield at, end, owner
            at = end + 1


NETWORKS: Final = "network,owner,zone\n10.0.0.0/8,corp,all\n10.1.0.0/16,web,dmz\n2001:db8::/32,lab,six\n"

COMMAND: Final = Command(
    "cidrlookup",
    (
        "cidrlookup table field [AS column] OUTPUT column [as name] [, …]",
        "cidrlookup table field … OUTPUTNEW column [as name] [, …]",
    ),
    "Adds columns of a lookup table from the row whose network holds the address: the smallest one, of equal ones the first. *column* has "
    "the networks; without it, the first column in which every value is one. `OUTPUT` and `OUTPUTNEW` are as in `lookup`.",
    parse,
    compile_,
    (
        Example(
            "fields srcAddr | cidrlookup nets srcAddr OUTPUT owner, zone as area",
            (
                {"srcAddr": "10.1.2.3"},
                {"srcAddr": "10.2.0.1"},
                {"srcAddr": "8.8.8.8"},
                {"srcAddr": "2001:db8::5"},
                {"srcAddr": "-"},
            ),
            "srcAddr | owner | area\n10.1.2.3 | web | dmz\n10.2.0.1 | corp | all\n8.8.8.8 |  | \n2001:db8::5 | lab | six\n- |  | ",
            tables={"nets": NETWORKS},
        ),
        Example(
            "fields a, owner | cidrlookup nets a AS network OUTPUTNEW owner",
            ({"a": "10.1.0.0", "owner": "me"}, {"a": "10.1.255.255"}),
            "a | owner\n10.1.0.0 | me\n10.1.255.255 | web",
            tables={"nets": NETWORKS},
        ),
    ),
    narrows=True,
)
