"""`diff`: what has changed among the patterns since an earlier time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from vpcflow.query.insights import shifting, tokens
from vpcflow.query.insights.commands import pattern
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.faults import malformed
from vpcflow.query.insights.kinds import INT, TEXT
from vpcflow.query.insights.records import Range
from vpcflow.query.insights.syntax import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vpcflow.query.insights.commands.pattern import Pattern
    from vpcflow.query.insights.kinds import Kind
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.records import Column
    from vpcflow.query.insights.relation import Relation

_DAYS: Final = {"previousday": 1, "previousweek": 7}
COLUMNS: Final = (
    ("@pattern", TEXT), ("@sampleCount", INT), ("@baselineSampleCount", INT), ("@difference", INT),
    ("@differenceDescription", TEXT), ("@severityLabel", TEXT),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Diff(Stage):
    """`diff previousDay`. to: which time it is compared with, "" for the one just before."""

    to: str


def parse(parser: Parser, token: Token) -> Diff:
    """Read a modifier."""
    word = parser.accept_word("previousday", "previousweek", "previousmonth")
    return Diff("diff", token.start, parser.end, "" if word is None else word.lower)


def compile_(relation: Relation, stage: Diff) -> Relation:
    """Compare with the other time."""
    made = behind_pattern(relation, stage, "diff_after_pattern")
    baseline = earlier(shifting.asked(relation, stage), stage.to)
    given = [pattern.templates(one, made.expr) for one in both(relation, baseline)]
    return relation.compiler.operate(Changed(), *((one, list(one.names.items())) for one in given))


def behind_pattern(relation: Relation, stage: Stage, code: str) -> Pattern:
    """Return the stage `pattern` that stands just before; MalformedQuery where none does."""
    compiler = relation.compiler
    last = compiler.before[-1] if compiler.before else None
    if not isinstance(last, pattern.Pattern):
        raise malformed(code, compiler.text, stage.start, stage.end)
    return last


def earlier(span: Range, to: str) -> Range:
    """Return the equally long time before *span* that it is compared with; ms, both ends inclusive."""
    length = span.end - span.start + 1
    if not to:
        return Range(span.start - length, span.end - length)
    back = span.start - _month_before(span.start) if to == "previousmonth" else _DAYS[to] * 86_400_000
    return Range(span.start - back, span.end - back)


def _month_before(time: int) -> int:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    when = epoch + timedelta(milliseconds=time)
    year, month = (when.year, when.month - 1) if when.month > 1 else (when.year - 1, 12)
    # The 31st of a month whose predecessor has fewer days is compared with that one's last day.
    for day in range(when.day, when.day - 4, -1):
        try:
            found = when.replace(year=year, month=month, day=day)
        except ValueError:
            continue
        return round((found - epoch) / timedelta(milliseconds=1))
    return time - 30 * 86_400_000


def both(relation: Relation, baseline: Range) -> tuple[Relation, Relation]:
    """Return what `pattern`, the stage before, looked at: of the time asked about, and of *baseline*."""
    before = relation.compiler.before[:-1]
    return shifting.once_more(relation, before), shifting.again(relation, before, baseline)


def joined(now: pa.Table, then: pa.Table) -> list[tuple[tokens.Cluster, int, int]]:
    """Return the patterns of both, made of all their templates: each with its counts now and then."""
    counts: dict[str, list[int]] = {}
    for place, table in enumerate((now, then)):
        for template, count in zip(table["template"].to_pylist(), table["count"].to_pylist(), strict=True):
            counts.setdefault(template, [0, 0])[place] = count
    found = tokens.Clusters()
    for template, (one, other) in sorted(counts.items(), key=lambda item: (-sum(item[1]), item[0])):
        found.add(template, one + other)
    return [
        (cluster, sum(counts[one][0] for one in cluster.members), sum(counts[one][1] for one in cluster.members))
        for cluster in found.all()
    ]


@dataclass(frozen=True, slots=True)
class Changed:
    """Compares the templates of two times."""

    most: int = pattern.MAX_TEMPLATES

    def columns(self, *given: Sequence[Column]) -> Sequence[tuple[str, Kind]]:
        """See `Operator`."""
        del given
        return COLUMNS

    def run(self, *tables: pa.Table) -> pa.Table:
        """See `Operator`."""
        found = sorted(joined(*tables), key=lambda one: (-abs(one[1] - one[2]), one[0].pattern))
        shown = [cluster.pattern for cluster, _, _ in found]
        return pa.table(
            {
                "@pattern": pa.array(shown, pa.string()),
                "@sampleCount": pa.array([now for _, now, _ in found], pa.int64()),
                "@baselineSampleCount": pa.array([then for _, _, then in found], pa.int64()),
                "@difference": pa.array([now - then for _, now, then in found], pa.int64()),
                "@differenceDescription": pa.array([described(now, then) for _, now, then in found], pa.string()),
                "@severityLabel": pa.array([tokens.severity(one) for one in shown], pa.string()),
            }
        )


def described(now: int, then: int) -> str:
    """Return a change in words."""
    if not then:
        return "New"
    if not now:
        return "Gone"
    if now == then:
        return "No change"
    return f"{'Increased' if now > then else 'Decreased'} by {abs(now - then) / then:.0%}"


COMMAND: Final = Command(
    "diff",
    ("diff [previousDay | previousWeek | previousMonth]",),
    "Behind `pattern`: compares the patterns of the time asked about with those of an equally long time: the one just before, or the same "
    "time a day, a week or a month earlier. Needs a time with a begin. Shows `@pattern`, `@sampleCount`, `@baselineSampleCount`, "
    "`@difference`, `@differenceDescription` and `@severityLabel`, the greatest differences first; AWS does not publish its names. "
    "Approximate, as `pattern` is.",
    parse,
    compile_,
    (
        Example(
            "SOURCE 'g' start=1000 end=1999 | pattern @message | diff",
            (),
            "@pattern | @sampleCount | @baselineSampleCount | @difference | @differenceDescription | @severityLabel\n"
            "bye | 0 | 1 | -1 | Gone | NONE\ndisk full | 1 | 0 | 1 | New | NONE\n"
            "job <Number-1> done | 2 | 1 | 1 | Increased by 100% | NONE",
            groups={
                "g": (
                    {"@timestamp": "1500", "@message": "job 1 done"},
                    {"@timestamp": "1400", "@message": "job 2 done"},
                    {"@timestamp": "1300", "@message": "disk full"},
                    {"@timestamp": "900", "@message": "job 3 done"},
                    {"@timestamp": "800", "@message": "bye"},
                )
            },
        ),
        Example(
            "SOURCE 'g' start=90000000 end=90000999 | pattern @message | diff previousDay | filter @difference != 0 "
            "| display @pattern",
            (),
            "@pattern\nc d e",
            groups={
                "g": (
                    {"@timestamp": "90000500", "@message": "a b"},
                    {"@timestamp": "3600500", "@message": "a b"},
                    {"@timestamp": "3600600", "@message": "c d e"},
                )
            },
        ),
    ),
)
