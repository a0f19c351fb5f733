"""Ask a Trino server every question of the .sql files here and write its answers beside them, as .json.

    python tests/golden/trino/record.py http://127.0.0.1:8080

Speaks Trino's client protocol; the session is in UTC. Run with vpcflow importable. See README.md for a server.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from datetime import date
from pathlib import Path
from typing import Any

from records import columns, rows

from vpcflow.query.athena.saved import PREDEFINED
from vpcflow.record.numbers import PROTOCOLS

FOLDER = Path(__file__).parent
TODAY = "2023-12-02"
"""The day that the questions marked "now" are asked on."""


def asked(url: str, sql: str, schema: str = "default") -> dict[str, object]:
    """Return the columns and rows of an answer, or the error's name and text."""
    headers = {
        "X-Trino-User": "vpcflow",
        "X-Trino-Time-Zone": "UTC",
        "X-Trino-Catalog": "memory",
        "X-Trino-Schema": schema,
    }
    request = urllib.request.Request(f"{url}/v1/statement", sql.encode(), headers)
    names: list[list[str]] = []
    found: list[object] = []
    while True:
        with urllib.request.urlopen(request, timeout=60) as response:
            page = json.load(response)
        if "error" in page:
            return {"error": page["error"]["errorName"], "message": page["error"]["message"]}
        names = [[column["name"], column["type"]] for column in page.get("columns") or []] or names
        found += page.get("data") or []
        if "nextUri" not in page:
            return {"columns": names, "rows": found}
        request = urllib.request.Request(page["nextUri"], headers=headers)


def questions(name: str) -> list[str]:
    """Return the questions of a file, one a line."""
    lines = (FOLDER / name).read_text().splitlines()
    return [line for line in lines if line and not line.startswith("--")]


def main(url: str) -> None:
    """Record all."""
    version = asked(url, "SELECT node_version FROM system.runtime.nodes")
    told = {"trino": version.get("rows", [["?"]])[0][0]}
    for name in ("expressions", "differences"):
        _write(name, told | {"answers": {one: asked(url, one) for one in questions(f"{name}.sql")}})
    load(url)
    over = {one: answered(url, one) for one in questions("flow_logs.sql")}
    saved = {name: asked(url, text) for name, text in PREDEFINED.items()}
    _write("flow_logs", told | {"answers": over, "saved": saved})
    names = asked(url, "SHOW FUNCTIONS").get("rows", [])
    kinds = {"scalar": "scalar", "aggregate": "aggregate", "window": "window"}
    _write("functions", told | {"functions": {row[0]: kinds[row[3]] for row in names}})


def answered(url: str, line: str) -> dict[str, object]:
    """Ask a question of flow_logs.sql as its mark says."""
    sql, _, mark = line.partition(" -- ")
    if mark == "flows":
        sql = f"with {flows()} {sql}"
    if mark == "now":
        sql = sql.replace("current_date", f"date '{TODAY}'").replace("current_timestamp", "now()")
        sql = sql.replace("now()", f"timestamp '{TODAY} 00:00:00.000 UTC'")
    # Tables are in Athena's default catalogue there, in "memory" here.
    return asked(url, sql.replace('"awsdatacatalog".', '"memory".'), "dashes" if mark == "dash" else "default")


def flows() -> str:
    """Return what the lake calls flows, written out."""
    names = " ".join(f"when {number} then '{name}'" for number, name in PROTOCOLS.items())
    return (
        "flows as (select *, coalesce(pkt_srcaddr, srcaddr) as src, coalesce(pkt_dstaddr, dstaddr) as dst, "
        'from_unixtime(start) as start_time, from_unixtime("end") as end_time, '
        f"case protocol {names} else cast(protocol as varchar) end as protocol_name from flow_logs)"
    )


def load(url: str) -> None:
    """Make the tables: `default` has null where the lake has, `dashes` "-" where AWS's text has."""
    asked(url, "CREATE SCHEMA IF NOT EXISTS memory.dashes")
    for schema in ("default", "dashes"):
        kinds = ", ".join(f'"{name}" {kind}' for name, kind in columns().items())
        cells = [f"({', '.join(map(_literal, row.values()))})" for row in rows(dashes=schema == "dashes")]
        for sql in (
            "DROP VIEW IF EXISTS vpc_flow_logs",
            "DROP TABLE IF EXISTS flow_logs",
            f"CREATE TABLE flow_logs ({kinds})",
            f"INSERT INTO flow_logs VALUES {', '.join(cells)}",
            f"CREATE VIEW vpc_flow_logs AS SELECT * FROM memory.{schema}.flow_logs",
        ):
            done = asked(url, sql, schema)
            if "error" in done:
                raise SystemExit(f"{sql[:80]}: {done['message']}")


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("'", "''")
    return f"{'DATE ' if isinstance(value, date) else ''}'{text}'"


def _write(name: str, found: dict[str, Any]) -> None:
    (FOLDER / f"{name}.json").write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"))
