"""`relevantfields`: which fields tell records that meet a condition from the rest."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from sqlglot import exp

from vpcflow.query.insights import kinds
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.compile import used_fields
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.faults import malformed
from vpcflow.query.insights.kinds import BOOL, DOUBLE, INT, NUMBERS, TEXT, Value, number_of
from vpcflow.query.insights.syntax import Expr, Field, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vpcflow.query.insights.kinds import Kind
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.records import Column
    from vpcflow.query.insights.relation import Relation

MAX_ROWS: Final = 100_000
MAX_FIELDS: Final = 200
MAX_CELLS: Final = 5_000_000
_NUMERIC: Final = 0.9
"""Part of a field's values that must be numbers for its medians to be compared."""
_FLAG: Final = "\0meets"
_VALUES: Final = 100
_TOLD: Final = 3
COLUMNS: Final = (
    ("@fieldName", TEXT), ("@relevanceScore", DOUBLE), ("@topRelevanceContributors", TEXT), ("@conditionalMedian", DOUBLE),
    ("@baselineMedian", DOUBLE),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RelevantFields(Stage):
    """`relevantfields a, b where condition`."""

    fields: tuple[Field, ...]
    condition: Expr


def parse(parser: Parser, token: Token) -> RelevantFields:
    """Read fields and the condition."""
    fields: list[Field] = []
    if not parser.accept_word("where"):
        fields.append(parser.field())
        while parser.accept(","):
            fields.append(parser.field())
        parser.expect_word("where")
    condition = parser.expression()
    return RelevantFields("relevantfields", token.start, parser.end, tuple(fields), condition)


def compile_(relation: Relation, stage: RelevantFields) -> Relation:
    """Take the newest records, and rank their fields."""
    compiler = relation.compiler
    reading = Reading(relation)
    records = relation.records
    for field in stage.fields:
        if records is not None and field.name in relation.names:
            raise malformed("relevant_computed", compiler.text, field.start, field.end, name=field.name)
    meets = Value(exp.func("coalesce", reading.condition(stage.condition), exp.false()), BOOL)
    if stage.fields:
        named = [(field.name, reading.field(field)) for field in stage.fields]
    else:
        # What the condition is about would only tell itself.
        mine = used_fields((stage.condition,))
        known = list(relation.names) if records is None else [one for one in records.names() if not one.startswith("@")]
        named = [(name, reading.named(name, Field((name,), 0, 0))) for name in known if name not in mine][:MAX_FIELDS]
    wanted = [(name, _plain(value)) for name, value in named if value.kind is not kinds.LIST]
    most = min(MAX_ROWS, MAX_CELLS // (len(wanted) + 1))
    return compiler.operate(Ranked(most), (relation, [(_FLAG, meets), *wanted]))


def _plain(value: Value) -> Value:
    value = kinds.scalar(value)
    if value.kind is INT and value.bits > 63:
        return Value(kinds.real(value), DOUBLE)
    return value if value.kind in NUMBERS or value.kind is TEXT else Value(kinds.text(value), TEXT)


@dataclass(frozen=True, slots=True)
class Ranked:
    """Ranks fields by how well they tell the records of the first column's condition from the others."""

    most: int

    def columns(self, *given: Sequence[Column]) -> Sequence[tuple[str, Kind]]:
        """See `Operator`."""
        del given
        return COLUMNS

    def run(self, *tables: pa.Table) -> pa.Table:
        """See `Operator`."""
        (table,) = tables
        meets = table[_FLAG].to_pylist()
        found = []
        for name in table.column_names[1:]:
            values = table[name].to_pylist()
            one = [value for value, is_in in zip(values, meets, strict=True) if is_in and value is not None]
            other = [value for value, is_in in zip(values, meets, strict=True) if not is_in and value is not None]
            told = _told(name, one, other)
            if told[1] > 0:
                found.append(told)
        found.sort(key=lambda row: (-row[1], row[0]))
        types = (pa.string(), pa.float64(), pa.string(), pa.float64(), pa.float64())
        arrays = [pa.array([row[place] for row in found], kind) for place, kind in enumerate(types)]
        return pa.Table.from_arrays(arrays, names=[name for name, _ in COLUMNS])


def _told(
    name: str, one: list[object], other: list[object]
) -> tuple[str, float, str | None, float | None, float | None]:
    """Return a field's row. one, other: its values where the condition is met, and where it is not."""
    numbers = [[number for value in side if (number := _number(value)) is not None] for side in (one, other)]
    if one and other and sum(map(len, numbers)) >= _NUMERIC * (len(one) + len(other)):
        score = _apart(*numbers) if all(numbers) else 0.0
        medians = [_median(side) if side else None for side in numbers]
        return name, round(score, 4), None, medians[0], medians[1]
    counts = Counter(map(str, one)), Counter(map(str, other))
    score = _association(*counts)
    return name, round(score, 4), _contributors(*counts), None, None


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, (int, float)):
        return float(value)
    found = number_of(value) if isinstance(value, str) else None
    return None if found is None else float(found)


def _median(values: list[float]) -> float:
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _apart(one: list[float], other: list[float]) -> float:
    """Return the greatest distance of two distributions (Kolmogorov-Smirnov): 0 where they are the same, 1 where they are apart."""
    left, right = sorted(one), sorted(other)
    place = [0, 0]
    most = 0.0
    while place[0] < len(left) and place[1] < len(right):
        value = min(left[place[0]], right[place[1]])
        for side, values in enumerate((left, right)):
            while place[side] < len(values) and values[place[side]] == value:
                place[side] += 1
        most = max(most, abs(place[0] / len(left) - place[1] / len(right)))
    return most


def _association(one: Counter[str], other: Counter[str]) -> float:
    """Return Cramér's V of condition and value, corrected for bias, so that a field whose values are all different tells nothing."""
    sizes = one.total(), other.total()
    total = sum(sizes)
    if not all(sizes) or total < 2:
        return 0.0
    both = one + other
    frequent = [value for value, _ in both.most_common(_VALUES)]
    rows = [(one[value], other[value]) for value in frequent]
    if len(both) > len(frequent):
        rows.append((sizes[0] - sum(row[0] for row in rows), sizes[1] - sum(row[1] for row in rows)))
    chi = 0.0
    for row in rows:
        for side in (0, 1):
            expected = sum(row) * sizes[side] / total
            chi += (row[side] - expected) ** 2 / expected if expected else 0.0
    levels = len(rows)
    phi = max(0.0, chi / total - (levels - 1) / (total - 1))
    corrected = min(levels - (levels - 1) ** 2 / (total - 1), 2 - 1 / (total - 1)) - 1
    return min(1.0, math.sqrt(phi / corrected)) if corrected > 0 else 0.0


def _contributors(one: Counter[str], other: Counter[str]) -> str | None:
    """Return the values whose share has changed most: `value (20% → 80%)`, from the rest to where the condition is met."""
    sizes = max(1, one.total()), max(1, other.total())
    shares = [(value, one[value] / sizes[0], other[value] / sizes[1]) for value in {*one, *other}]
    shares.sort(key=lambda share: (-abs(share[1] - share[2]), share[0]))
    told = [f"{value} ({before:.0%} → {now:.0%})" for value, now, before in shares[:_TOLD] if now != before]
    return ", ".join(told) or None


COMMAND: Final = Command(
    "relevantfields",
    ("relevantfields [field, …] where condition",),
    "Ranks fields by how much their values differ between records that meet a condition and the rest: `@fieldName`, `@relevanceScore` "
    "(0 to 1), for numbers `@conditionalMedian` and `@baselineMedian`, for texts `@topRelevanceContributors`: the values whose share changes "
    "most. Without fields all are looked at but those of the condition and system fields; computed ones are refused. The score of numbers is "
    "the greatest distance of the two distributions (Kolmogorov-Smirnov), of texts Cramér's V, corrected for bias. Fields that score nothing "
    f"are left out. Looks at the {MAX_ROWS:,} newest records and {MAX_FIELDS} fields at most, {MAX_CELLS:,} values in all. AWS's score is not published; this one is ours.",
    parse,
    compile_,
    (
        Example(
            "relevantfields a, n, same where slow = 1",
            (
                *({"slow": "1", "a": "x", "n": str(90 + k), "same": "s"} for k in range(5)),
                *({"slow": "0", "a": "y" if k else "x", "n": str(k), "same": "s"} for k in range(5)),
            ),
            "@fieldName | @relevanceScore | @topRelevanceContributors | @conditionalMedian | @baselineMedian\n"
            "n | 1 |  | 92 | 2\na | 0.7906 | x (20% → 100%), y (80% → 0%) |  | ",
        ),
        Example(
            "filter ispresent(a) | relevantfields where n > 2 | display @fieldName",
            tuple({"a": "x" if k > 2 else "y", "n": str(k)} for k in range(8)),
            "@fieldName\na",
        ),
    ),
)
