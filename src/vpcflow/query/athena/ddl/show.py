"""Tables and views as SHOW CREATE TABLE, DESCRIBE and SHOW PARTITIONS print them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vpcflow.state.tables import UserView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vpcflow.state.tables import HiveColumn, UserTable

_PARQUET: Final = (
    "ROW FORMAT SERDE\n  'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe'",
    "STORED AS INPUTFORMAT\n  'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat'",
    "OUTPUTFORMAT\n  'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat'",
)
_SIGNS: Final = {"\t": "\\t", "\n": "\\n", "\x01": "\\001", "'": "\\'", "\\": "\\\\"}


def partition(table: UserTable, values: tuple[str, ...]) -> str:
    """Return `key=value/key=value`."""
    return "/".join(f"{key.name}={value}" for key, value in zip(table.keys, values, strict=True))


def described(table: UserTable, *, formatted: bool) -> list[tuple[str, str, str]]:
    """Return the rows of DESCRIBE: columns, then those that are partition columns once more."""
    rows = [(column.name, column.type, column.comment) for column in (*table.columns, *table.keys)]
    if table.keys:
        rows += [
            ("", "", ""),
            ("# Partition Information", "", ""),
            ("# col_name", "data_type", "comment"),
            ("", "", ""),
        ]
        rows += [(key.name, key.type, key.comment) for key in table.keys]
    if formatted:
        rows += [("", "", ""), ("# Detailed Table Information", "", ""), ("Database:", table.database, "")]
        rows += [
            ("Location:", table.location, ""),
            ("Table Type:", "EXTERNAL_TABLE", ""),
            ("Format:", table.format, ""),
        ]
        rows += [(f"  {name}", value, "") for name, value in sorted(table.properties.items())]
    return rows


def create(relation: UserTable | UserView) -> str:
    """Return the statement that makes *relation*; it can be pasted into Athena and back here."""
    if isinstance(relation, UserView):
        return f"CREATE VIEW {relation.name} AS\n{relation.text.strip()}"
    parts = [f"CREATE EXTERNAL TABLE `{relation.name}`(\n{_columns(relation.columns)})"]
    if relation.comment:
        parts.append(f"COMMENT {_string(relation.comment)}")
    if relation.keys:
        parts.append(f"PARTITIONED BY (\n{_columns(relation.keys)})")
    parts += _PARQUET if relation.format == "parquet" else _delimited(relation.serde)
    parts.append(f"LOCATION\n  {_string(relation.location)}")
    if relation.properties:
        parts.append(f"TBLPROPERTIES (\n{_properties(relation.properties)})")
    return "\n".join(parts)


def _columns(columns: tuple[HiveColumn, ...]) -> str:
    told = [
        f"  `{column.name}` {column.type}" + (f" COMMENT {_string(column.comment)}" if column.comment else "")
        for column in columns
    ]
    return ",\n".join(told)


def _delimited(serde: Mapping[str, str]) -> list[str]:
    words = (
        ("field.delim", "FIELDS TERMINATED BY"), ("escape.delim", "ESCAPED BY"),
        ("serialization.null.format", "NULL DEFINED AS"),
    )  # fmt: skip
    told = [f"  {words_of} {_string(serde[key])}" for key, words_of in words if key in serde]
    return ["ROW FORMAT DELIMITED\n" + "\n".join(told)] if told else []


def _properties(properties: Mapping[str, str]) -> str:
    return ",\n".join(f"  {_string(name)}={_string(value)}" for name, value in properties.items())


def _string(text: str) -> str:
    return "'" + "".join(_SIGNS.get(sign, sign) for sign in text) + "'"
