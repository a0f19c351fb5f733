"""CloudWatch Logs Insights on the lake: who answers, what there is to ask about."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vpcflow.app import App
    from vpcflow.lake.lake import Lake
    from vpcflow.query.insights.ask import Insights
    from vpcflow.query.insights.flow_records import Sources


@contextlib.contextmanager
def insights(app: App, lake: Lake, names: Sequence[str] = ()) -> Iterator[Insights]:
    """Open a way to put Insights queries to *lake*; its files stay as they are until the block ends.

    names: the log groups that are asked, none for all flow logs.
    """
    from vpcflow.query.duckdb import DuckDBEngine
    from vpcflow.query.insights.ask import Insights
    from vpcflow.query.insights.groups import LakeGroups
    from vpcflow.query.schema import Schema
    from vpcflow.record.fields import TABLES

    with lake.reading(), tempfile.TemporaryDirectory(prefix="vpcflow-insights-") as spill:
        engine = DuckDBEngine(
            [lake.readable],
            memory=app.engine_memory,
            threads=app.config.number("threads"),
            temporary=Path(spill),
        )
        sources = sources_of(lake)
        schema = Schema({table: frozenset(lake.columns(table)) for table in TABLES}, lake.keys())
        try:
            yield Insights(engine, lake, sources, LakeGroups(schema, sources, names))
        finally:
            engine.close()


def sources_of(lake: Lake) -> Sources:
    """Return what the ledger tells of the sources of flow logs."""
    from vpcflow.query.insights.flow_records import FlowSource, Sources

    return Sources(
        FlowSource(one.id, tuple(one.formats), one.log_group, one.log_stream, one.ingested_at)
        for one in lake.ledger.live_sources()
    )
