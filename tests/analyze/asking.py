"""Lakes made of plain rows, and a way to ask them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from lake import lakes
from vpcflow.lake.lake import Lake
from vpcflow.query.answer import Asker
from vpcflow.query.duckdb import DuckDBEngine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

NAMES = (
    "account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status "
    "pkt-srcaddr pkt-dstaddr"
)


def fill(root: Path, rows: Iterable[dict[str, Any]], names: str = NAMES) -> Path:
    """Put *rows* into a lake; what a row does not have is `-`."""
    lines = [
        " ".join(
            "-" if row.get(name.replace("-", "_")) is None else str(row[name.replace("-", "_")])
            for name in names.split()
        )
        for row in rows
    ]
    source = root / "source.log"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text("\n".join([names, *lines]) + "\n")
    progress = lakes.ingest(root / "lake", [source], durable=False)
    assert not progress.report.bad
    return root / "lake"


@contextlib.contextmanager
def asker(root: Path) -> Iterator[Asker]:
    """Open a way to ask the lake at *root*."""
    lake = Lake(root)
    engine = DuckDBEngine([root], threads=1)
    try:
        yield Asker(engine, lake)
    finally:
        engine.close()
        lake.close()
