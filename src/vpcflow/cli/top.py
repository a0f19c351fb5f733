"""`vpcflow top`: who has most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import pyarrow as pa

from vpcflow.analyze.top import MEASURES, rank
from vpcflow.cli.choices import Question, asked, athena_place, engine_options, field, one_of, question_options
from vpcflow.cli.render import bar, chosen, output_option, write_table
from vpcflow.cli.result import write_result
from vpcflow.cli.session import command as declare
from vpcflow.cli.shown import written
from vpcflow.cli.summary import amount, byte_size
from vpcflow.cli.words import option
from vpcflow.errors import UsageError
from vpcflow.i18n import t
from vpcflow.query.schema import FLOWS
from vpcflow.record.fields import BY_COLUMN
from vpcflow.record.numbers import protocol_name
from vpcflow.record.schema import arrow_type

if TYPE_CHECKING:
    from vpcflow.analyze.top import Ranking
    from vpcflow.cli.session import Session


@declare(
    "top",
    examples=(
        "vpcflow top srcaddr --by bytes -n 3",
        "vpcflow top srcaddr dstaddr dstport --since 24h -f 'action = ACCEPT'",
        "vpcflow top dstport --by records -o json --from ./AWSLogs",
    ),
)
@click.argument("dimensions", nargs=-1, required=True, metavar="FIELD…")
@option("--by", default="bytes", metavar="|".join(MEASURES), callback=one_of(*MEASURES, name="by"))
@option("-n", "--limit", "limit", type=click.IntRange(1, 1_000_000), default=10, metavar="N")
@option("--interface-level", is_flag=True)
@option("--table", default="flow_logs", metavar="TABLE", callback=one_of(*FLOWS.values(), name="table"))
@question_options
@engine_options
@option("--exit-code", is_flag=True)
@output_option
def command(session: Session, **values: Any) -> int:  # noqa: ANN401 - click's own
    """See ``command.top``."""
    question, place = Question.take(values), athena_place(values)
    flows = next(name for name, base in FLOWS.items() if base == values["table"])
    scope = question.scope(flows)
    dimensions = _dimensions(values["dimensions"], flows)
    with asked(session, question, athena=place) as asker:
        ranking = rank(
            asker, dimensions, values["by"], scope,
            limit=values["limit"], interface_level=values["interface_level"],
        )  # fmt: skip
    kind = chosen(values["kind"])
    if kind in ("table", "wide"):
        _draw(session, ranking, wide=kind == "wide")
    else:
        write_result([_table(ranking)], kind)
    if not ranking.talkers:
        session.note("note.no_records")
    if session.verbose:
        session.note("note.sql", sql=ranking.sql)
    return 1 if values["exit_code"] and not ranking.talkers else 0


def _dimensions(names: tuple[str, ...], flows: str) -> list[str]:
    if len(names) > 3:
        raise UsageError("too_many_dimensions", count=len(names))
    found = []
    for name in names:
        column = field(name, flows)
        if column in found:
            raise UsageError("same_dimension", name=name)
        found.append(column)
    return found


def _draw(session: Session, ranking: Ranking, *, wide: bool) -> None:
    if not ranking.talkers:
        return
    keys = [BY_COLUMN[name].name if name in BY_COLUMN else name for name in ranking.dimensions]
    head = ["#", *keys, t(f"top.{ranking.measure}"), t("top.share"), "", t("top.cumulated"), t("top.split")]
    if wide:
        head += [t(f"top.{name}") for name in MEASURES if name != ranking.measure]
    rows = []
    for place, talker in enumerate(ranking.talkers, 1):
        values = {"bytes": byte_size(talker.bytes), "packets": amount(talker.packets), "records": f"{talker.records:,}"}
        row = [
            str(place),
            *(_shown(name, value) for name, value in zip(ranking.dimensions, talker.key, strict=True)),
            values[ranking.measure],
            f"{talker.share:.1%}",
            bar(talker.share),
            f"{talker.cumulated:.1%}",
            "-" if talker.accepted is None else f"✓ {talker.accepted:.0%} ✕ {1 - talker.accepted:.0%}",
        ]
        rows.append(row + [values[name] for name in MEASURES if wide and name != ranking.measure])
    width = len(keys)
    numbers = {0, width + 1, width + 2, width + 4, *range(width + 6, width + 8)}
    write_table(session, head, rows, right=frozenset(numbers))
    others = ranking.distinct - len(ranking.talkers)
    if others > 0:
        whole = byte_size(ranking.other) if ranking.measure == "bytes" else amount(ranking.other)
        share = f"{ranking.other / ranking.total:.1%}" if ranking.total else "-"
        session.note("top.other", count=f"{others:,}", amount=whole, share=share)


def _shown(name: str, value: object) -> str:
    if name == "protocol" and isinstance(value, int):
        return protocol_name(value)
    return "-" if value is None else written(value)


def _table(ranking: Ranking) -> pa.RecordBatch:
    columns = {
        name: pa.array((talker.key[place] for talker in ranking.talkers), _type(name))
        for place, name in enumerate(ranking.dimensions)
    }
    for name in ("bytes", "packets", "records", "share", "cumulated", "accepted"):
        label = {"share": "share", "cumulated": "cumulated_share", "accepted": "accepted_share"}.get(name, name)
        if label in columns:
            label = f"total_{label}"
        kind = pa.int64() if name in MEASURES else pa.float64()
        columns[label] = pa.array((getattr(talker, name) for talker in ranking.talkers), kind)
    return pa.record_batch(columns)


def _type(name: str) -> pa.DataType:
    if name in BY_COLUMN:
        return arrow_type(name)
    return {"start_time": pa.timestamp("us"), "end_time": pa.timestamp("us"), "date": pa.date32()}.get(
        name, pa.string()
    )
