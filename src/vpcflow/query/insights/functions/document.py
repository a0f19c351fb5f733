"""JSON. What `jsonParse` gives is a map or a list; its parts are reached with dots and brackets from the next stage on.

Source: CloudWatch Logs User Guide, "JSON functions" and "unnest".
"""

from __future__ import annotations

from typing import Final

from vpcflow.query.insights import kinds
from vpcflow.query.insights.functions.function import Function
from vpcflow.query.insights.kinds import INT, JSON, TEXT, Value, call

HELPERS: Final = {
    "cwl_structure(s)": "CASE WHEN json_valid(s) AND json_type(s) IN ('OBJECT', 'ARRAY') THEN s END",
    "cwl_array(s)": "CASE WHEN json_valid(s) AND json_type(s) = 'ARRAY' THEN s END",
}
"""Macros of this family."""

FUNCTIONS: Final = (
    Function(
        "jsonParse", "s: text", JSON, "The map or list that a JSON text holds; nothing for any other text.",
        (('jsonStringify(jsonParse("[1, 2]"))', "[1,2]"), ('jsonParse("7")', ""), ('jsonParse("{")', "")),
        body="CAST(json(cwl_structure(s)) AS VARCHAR)",
    ),
    Function(
        "jsonStringify", "m: json", TEXT, "A map or list as JSON text.",
        (('jsonStringify(jsonParse("{\\"a\\": [true, null]}"))', '{"a":[true,null]}'), ("jsonStringify(missing)", ""),
         ('jsonStringify(split("a,b", ","))', '["a","b"]')),
        build=lambda _scope, _node, values: Value(
            call("cwl_structure", values[0].sql) if values[0].kind in kinds.STRUCTURES else kinds.nothing().sql, TEXT
        ),
    ),
    Function(
        "jsonArraySize", "s: json", INT, "How many elements an array has, given as text or parsed; nothing for anything else.",
        (('jsonArraySize("[1, [2, 3], 4]")', "3"), ('jsonArraySize("[]")', "0"), ('jsonArraySize("{}")', "")),
        body="CAST(json_array_length(cwl_array(s)) AS BIGINT)",
    ),
    Function(
        "jsonArrayContains", "s: json, v: text", INT,
        "1 if an array, given as text or parsed, has *v* among its elements, with the same case; 0 for anything else.",
        (('jsonArrayContains("[\\"a\\", \\"b\\"]", "a")', "1"), ('jsonArrayContains("[\\"a\\"]", "A")', "0"),
         ('jsonArrayContains("[1, 2]", 2)', "1"), ('jsonArrayContains("oops", "a")', "0")),
        body="CAST(coalesce(list_contains(json_extract_string(cwl_array(s), '$[*]'), v), false) AS BIGINT)",
    ),
)  # fmt: skip
