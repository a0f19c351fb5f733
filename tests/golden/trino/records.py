"""The records of `flow_logs/` as rows of the lake's table, read by splitting lines; both Trino and the lake get these."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from vpcflow.record.fields import TABLES

FOLDER = Path(__file__).parent / "flow_logs"
FIELDS = TABLES["flow_logs"]
TYPES = {"int32": "integer", "int64": "bigint", "string": "varchar"}
KEYS = {
    "date": "date",
    **dict.fromkeys(("aws_account_id", "aws_region", "year", "month", "day", "hour"), "varchar"),
}

Row = dict[str, Any]


def files() -> list[tuple[Path, str, str]]:
    """Return each file with its account and region."""
    return [(path, *path.name.removesuffix(".log").split(".")) for path in sorted(FOLDER.glob("*.log"))]


def columns() -> dict[str, str]:
    """Return Trino's types of the columns with data, in the lake's order."""
    written = {name for path, _, _ in files() for name in path.read_text().partition("\n")[0].split()}
    return {field.column: TYPES[field.type] for field in FIELDS if field.name in written} | KEYS


def rows(*, dashes: bool) -> list[Row]:
    """Return all records. dashes: text fields hold "-" where the file does, as AWS's text tables do, else null.

    The lake holds the text of tags, AWS's table what encodes it.
    """
    found: list[Row] = []
    for path, account, region in files():
        head, *lines = path.read_text().splitlines()
        for line in lines:
            values = dict(zip(head.split(), line.split(" "), strict=True))
            row: Row = {
                field.column: _value(values.get(field.name), field.type, dashes=dashes)
                if dashes or field.kind != "tag"
                else _decoded(values.get(field.name))
                for field in FIELDS
                if field.column in columns()
            }
            when = datetime.fromtimestamp(row["start"], UTC)
            row |= {"date": when.date(), "aws_account_id": account, "aws_region": region}
            row |= {"year": f"{when:%Y}", "month": f"{when:%m}", "day": f"{when:%d}", "hour": f"{when:%H}"}
            found.append(row)
    return found


def _value(text: str | None, kind: str, *, dashes: bool) -> int | str | None:
    if text is None or (text == "-" and not (dashes and kind == "string")):
        return None
    return text if kind == "string" else int(text)


def _decoded(text: str | None) -> str | None:
    return None if text in (None, "-") else unquote(text)
