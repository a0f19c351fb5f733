"""Counts by time as bars on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from vpcflow.cli.render import bar, width
from vpcflow.cli.shown import printable
from vpcflow.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vpcflow.cli.session import Session
    from vpcflow.query.insights.ask import Rows

MAX_BARS: Final = 100
"""Source: CloudWatch Logs quotas, bars of a chart."""
_CELLS: Final = 40


def draw(session: Session, rows: Rows) -> None:
    """Draw the first number of each row as a bar, by time; UsageError where rows are not by bin, or have no number.

    Rows of several groups stand one under another; a bin without records is a line without a bar.
    """
    from vpcflow.query.insights import shown
    from vpcflow.query.insights.kinds import DOUBLE, INT

    if rows.chart is None:
        raise UsageError("chart_bin")
    name, number, unit = rows.chart
    names = [column.name for column in rows.columns]
    figures = [place for place, column in enumerate(rows.columns) if column.kind in (INT, DOUBLE)]
    if name not in names or not figures:
        raise UsageError("chart_bin")
    time, figure = names.index(name), figures[0]
    others = [place for place in range(len(names)) if place not in (time, *figures)]
    texts = shown.texts(rows)
    moments = rows.rows.column(time).to_pylist()
    values = [0.0 if value is None else float(value) for value in rows.rows.column(figure).to_pylist()]
    order = sorted(range(len(texts)), key=lambda row: (moments[row] is None, moments[row] or 0))
    lines: list[tuple[str, str, float]] = []
    step = _step(number, unit)
    before: int | None = None
    for row in order:
        moment = moments[row]
        while step and before is not None and moment is not None and moment > before + step and len(lines) <= MAX_BARS:
            before += step
            lines.append((shown.time(before), "", 0.0))
        before = moment
        label = "  ".join(texts[row][place] or "" for place in (time, *others))
        lines.append((label, texts[row][figure] or "", values[row]))
    _write(lines[:MAX_BARS], names[figure])
    if len(lines) > MAX_BARS:
        session.note("note.chart_more", bars=MAX_BARS, count=f"{len(lines):,}")


def _step(number: int, unit: str) -> int:
    """Return a bin's length (ms), 0 for one of the calendar: its gaps are not drawn."""
    from vpcflow.query.insights.periods import MILLISECONDS

    return number * MILLISECONDS.get(unit, 0)


def _write(lines: Sequence[tuple[str, str, float]], title: str) -> None:
    labels = [printable(label) for label, _, _ in lines]
    wide = max((width(label) for label in labels), default=0)
    figures = max((width(figure) for _, figure, _ in lines), default=0)
    most = max((value for _, _, value in lines), default=0.0)
    click.echo(f"{'':{wide}}  {printable(title):>{figures}}")
    for label, (_, figure, value) in zip(labels, lines, strict=True):
        drawn = bar(value / most, _CELLS) if most > 0 else ""
        click.echo(f"{label}{' ' * (wide - width(label))}  {figure:>{figures}}  {drawn}".rstrip())
