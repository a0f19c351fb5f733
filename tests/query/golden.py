"""Golden cases of the compiler: TOML files a person can read, and rewrite with VPCFLOW_GOLDEN=rewrite.

title = "…"  plan = "SELECT … in Athena's dialect"  or  filter = "…"   columns = "those with data"
scans = "what the ledger is asked for"   [sql] duckdb = athena = trino = "…", laid out to be read
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sqlglot import exp, parse_one

from vpcflow.query.compile import compile as compile_plan
from vpcflow.query.filter import parse
from vpcflow.query.schema import Schema

if TYPE_CHECKING:
    from vpcflow.types import PartitionFilter, TimeRange

FOLDER = Path(__file__).parent.parent / "golden" / "compile"
DIALECTS = ("duckdb", "athena", "trino")
REWRITE = os.environ.get("VPCFLOW_GOLDEN") == "rewrite"


@dataclass
class Case:
    """One file."""

    path: Path
    title: str
    columns: str
    plan: str = ""
    filter: str = ""
    scans: str = ""
    sql: dict[str, str] = field(default_factory=dict)

    @property
    def tree(self) -> exp.Expr:
        if self.plan:
            return parse_one(self.plan, dialect="athena")
        return exp.select("srcaddr").from_("flows").where(parse(self.filter))

    @property
    def schema(self) -> Schema:
        return Schema({"flow_logs": frozenset(self.columns.split())})

    def now(self, dialect: str) -> tuple[str, str]:
        """Return the SQL as compiled now, laid out, and the scans."""
        compiled = compile_plan(self.tree, self.schema, dialect)
        text = parse_one(compiled.sql, dialect=dialect).sql(dialect=dialect, pretty=True, identify=True)
        scans = "\n".join(f"{table}: {told(where)}" for table, where in sorted(compiled.scans.items()))
        return text, scans

    def rewrite(self) -> None:
        self.sql = {dialect: self.now(dialect)[0] for dialect in DIALECTS}
        self.scans = self.now("duckdb")[1]
        parts = [f'title   = "{self.title}"']
        parts.append(f"filter  = '''{self.filter}'''" if self.filter else f"plan    = '''{self.plan}'''")
        parts.append(f'columns = "{self.columns}"')
        parts.append(f'scans   = "{self.scans}"' if "\n" not in self.scans else f'scans   = """\n{self.scans}"""')
        parts.append("\n[sql]")
        parts += [f"{dialect} = '''\n{text}'''" for dialect, text in self.sql.items()]
        self.path.write_text("\n".join(parts) + "\n")


def cases() -> list[Case]:
    return [Case(path, **tomllib.loads(path.read_text())) for path in sorted(FOLDER.glob("*.toml"))]


def told(where: PartitionFilter) -> str:
    """Return what a scan asks of the ledger, in words."""
    parts = [f"{name} {_range(part)}" for name, part in (("time", where.time), ("end", where.end)) if part]
    for name, values in (("accounts", where.accounts), ("regions", where.regions)):
        if values is not None:
            parts.append(f"{name} {{{', '.join(sorted(values))}}}")
    return ", ".join(parts) or "everything"


def _range(time: TimeRange) -> str:
    return f"[{'' if time.since is None else time.since}, {'' if time.until is None else time.until})"
