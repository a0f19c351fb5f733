"""CloudWatch Logs Insights on the lake: who answers, what there is to ask about."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

    from vpcflow.app import App
    from vpcflow.lake.lake import Lake
    from vpcflow.query.insights.ask import Insights, Question, Rows
    from vpcflow.query.insights.flow_records import Sources
    from vpcflow.query.insights.follow import Following
    from vpcflow.query.insights.records import Scope
    from vpcflow.state.store import State
    from vpcflow.types import Limits


@contextlib.contextmanager
def insights(app: App, lake: Lake, names: Sequence[str] = (), scope: Scope | None = None) -> Iterator[Insights]:
    """Open a way to put Insights queries to *lake*; its files stay as they are until the block ends.

    names: the log groups that are asked, none for all flow logs. scope: which records count, None for all.
    """
    from vpcflow.query.answer import Asker
    from vpcflow.query.duckdb import DuckDBEngine
    from vpcflow.query.insights.ask import Insights
    from vpcflow.query.insights.event_records import LakeEvents
    from vpcflow.query.insights.groups import LakeGroups
    from vpcflow.query.insights.records import EVERYTHING
    from vpcflow.query.schema import Schema
    from vpcflow.record.fields import TABLES
    from vpcflow.record.schema import LOG_EVENTS

    with lake.reading(), app.state() as state, tempfile.TemporaryDirectory(prefix=f"vpcflow-{os.getpid()}-") as spill:
        engine = DuckDBEngine(
            [lake.readable],
            memory=app.engine_memory,
            threads=app.config.number("threads"),
            temporary=Path(spill),
        )
        sources = sources_of(lake)
        schema = Schema({table: frozenset(lake.columns(table)) for table in TABLES}, lake.keys())
        events = LakeEvents(partial(lake.ledger.log_groups, LOG_EVENTS), Asker(engine, lake))
        try:
            groups = LakeGroups(schema, sources, names, events=events, lookup=_lookup(state), scope=scope or EVERYTHING)
            yield Insights(engine, lake, sources, groups)
        finally:
            engine.close()


def _lookup(state: State) -> Callable[[str], pa.Table | None]:
    """Return what gives a lookup table by its name."""
    import pyarrow as pa

    from vpcflow.state.lookup_tables import LookupTables

    def table(name: str) -> pa.Table | None:
        found = LookupTables(state).rows(name)
        if found is None:
            return None
        fields, rows = found
        columns = [pa.array([row[place] for row in rows], pa.string()) for place in range(len(fields))]
        return pa.Table.from_arrays(columns, names=fields)

    return table


def sources_of(lake: Lake) -> Sources:
    """Return what the ledger tells of the sources of flow logs."""
    from vpcflow.query.insights.flow_records import FlowSource, Sources

    return Sources(
        FlowSource(one.id, tuple(one.formats), one.log_group, one.log_stream, one.ingested_at)
        for one in lake.ledger.live_sources()
    )


def follow(
    app: App, lake: Lake, names: Sequence[str], scope: Scope, question: Question, limits: Limits, poll_s: float = 1.0
) -> Iterator[Rows]:
    """Answer a query again and again as records arrive, until it is stopped; MalformedQuery for one that cannot be followed.

    What is in the lake already is answered first where the question says since when; else only what comes from now on.
    """
    from vpcflow.query.insights.follow import following

    how = following(question.text)
    rounds = _binned(lake, names, question, how) if how.bin_ms else _events(lake, question)
    for only, asked in rounds:
        if asked is not None:
            with insights(app, lake, names, replace(scope, sources=only)) as asker:
                yield asker.ask(asked, limits)
        else:
            time.sleep(poll_s)


_Rounds: TypeAlias = "Iterator[tuple[frozenset[int] | None, Question | None]]"
"""What is asked next, and of which sources, None for all; no question where there is nothing new."""


def _events(lake: Lake, question: Question) -> _Rounds:
    seen = 0 if question.span.start else lake.ledger.commit_number()
    while True:
        commit = lake.ledger.commit_number()
        new = lake.ledger.sources_after(seen) if commit > seen else frozenset()
        seen = commit
        yield new, question if new else None


def _binned(lake: Lake, names: Sequence[str], question: Question, how: Following) -> _Rounds:
    from vpcflow.query.insights.records import Range

    done = (question.span.start - how.offset_ms) // how.bin_ms * how.bin_ms + how.offset_ms
    if not question.span.start:
        newest = _newest(lake, names)
        done = how.closed((int(time.time()) if newest is None else newest) * 1000)
    while True:
        newest = _newest(lake, names)
        closed = done if newest is None else how.closed(newest * 1000)
        if closed > done:
            yield None, replace(question, span=Range(done, min(closed - 1, question.span.end)))
            done = closed
        else:
            yield None, None


def _newest(lake: Lake, names: Sequence[str]) -> int | None:
    """Return when the newest event of these log groups is (s), of flow logs where none is named; None where there is nothing."""
    chosen = [one for one in lake.ledger.log_groups() if (one.name in names if names else one.table == "flow_logs")]
    return max((one.last_s for one in chosen if one.last_s is not None), default=None)
