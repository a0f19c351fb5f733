"""The same stages for another time: what a query is compared with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vpcflow.query.insights.commands.source import Source
from vpcflow.query.insights.faults import malformed
from vpcflow.query.insights.records import Range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vpcflow.query.insights.relation import Relation
    from vpcflow.query.insights.syntax import Stage


def asked(relation: Relation, stage: Stage) -> Range:
    """Return the time that the query asks about; MalformedQuery where it has no begin. An open end is now."""
    compiler = relation.compiler
    now = compiler.now * 1000
    start, end = compiler.span.start, min(compiler.span.end, now) if compiler.span.open_end else compiler.span.end
    source = next((one for one in compiler.before if isinstance(one, Source)), None)
    if source is not None:
        since, until = (None if at is None else now + at if at < 0 else at for at in (source.since, source.until))
        start, end = start if since is None else since, end if until is None else until
    if start <= 0:
        raise malformed("needs_time", compiler.text, stage.start, stage.end, command=stage.command)
    return Range(start, end)


def again(relation: Relation, stages: Sequence[Stage], span: Range) -> Relation:
    """Compile *stages* for *span*, whatever time their SOURCE says."""
    compiler = relation.compiler
    before = compiler.before
    timeless = [replace(one, since=None, until=None) if isinstance(one, Source) else one for one in stages]
    found = compiler.again(timeless, span)
    compiler.before = before
    return found


def once_more(relation: Relation, stages: Sequence[Stage]) -> Relation:
    """Compile *stages* again for the time asked about."""
    compiler = relation.compiler
    before = compiler.before
    found = compiler.again(stages, compiler.span)
    compiler.before = before
    return found
