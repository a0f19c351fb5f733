"""Ask a Trino server every probe of expressions.sql and write its answers to expressions.json.

    python tests/golden/trino/record.py http://127.0.0.1:8080

Speaks Trino's client protocol; the session is in UTC. See README.md for a server.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path

FOLDER = Path(__file__).parent
HEADERS = {
    "X-Trino-User": "vpcflow",
    "X-Trino-Time-Zone": "UTC",
    "X-Trino-Catalog": "memory",
    "X-Trino-Schema": "default",
}


def asked(url: str, sql: str) -> dict[str, object]:
    """Return the columns and rows of an answer, or the error's name and text."""
    request = urllib.request.Request(f"{url}/v1/statement", sql.encode(), HEADERS)
    columns: list[list[str]] = []
    rows: list[object] = []
    while True:
        with urllib.request.urlopen(request, timeout=60) as response:
            page = json.load(response)
        if "error" in page:
            return {"error": page["error"]["errorName"], "message": page["error"]["message"]}
        columns = [[column["name"], column["type"]] for column in page.get("columns") or []] or columns
        rows += page.get("data") or []
        if "nextUri" not in page:
            return {"columns": columns, "rows": rows}
        request = urllib.request.Request(page["nextUri"], headers=HEADERS)


def main(url: str) -> None:
    """Record all."""
    version = asked(url, "SELECT node_version FROM system.runtime.nodes")
    probes = [
        line for line in (FOLDER / "expressions.sql").read_text().splitlines() if line and not line.startswith("--")
    ]
    answers = {probe: asked(url, probe) for probe in probes}
    found = {"trino": version.get("rows", [["?"]])[0][0], "answers": answers}
    text = json.dumps(found, ensure_ascii=False, indent=1)
    (FOLDER / "expressions.json").write_text(text + "\n")


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"))
