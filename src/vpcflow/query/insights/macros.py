"""Macros of DuckDB that compiled queries use: made for a question when its SQL names them.

Functions of one expression (`functions/`) are macros too; these are what they and comparisons are made of.
"""

from __future__ import annotations

import functools
import re
from typing import Final

from vpcflow.query.athena.functions import registry
from vpcflow.query.insights.kinds import NUMBER

_OPERATORS: Final = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


def _base() -> dict[str, str]:
    found = {
        # A text that acts as a number, as one; null for any other.
        "cwl_number(t)": f"CASE WHEN regexp_full_match(t, '{NUMBER}') THEN cwl_finite(TRY_CAST(t AS DOUBLE)) END",
        "cwl_finite(d)": "CASE WHEN isfinite(d) THEN d END",
        # A double as a text: whole numbers without a point, no exponent where all digits count.
        "cwl_shown(d)": (
            "CASE WHEN d = trunc(d) AND abs(d) < 1e15 THEN CAST(CAST(d AS BIGINT) AS VARCHAR) "
            "WHEN isfinite(d) THEN CAST(CAST(d AS DOUBLE) AS VARCHAR) END"
        ),
        "cwl_int(d)": "CASE WHEN abs(d) < 9.2e18 THEN CAST(trunc(d) AS BIGINT) END",
        # What JSON holds, if it is a scalar: texts without quotes, true and false as 1 and 0.
        "cwl_scalar(j)": (
            "CASE json_type(j) WHEN 'OBJECT' THEN NULL WHEN 'ARRAY' THEN NULL WHEN 'NULL' THEN NULL "
            "WHEN 'BOOLEAN' THEN CASE j ->> '$' WHEN 'true' THEN '1' ELSE '0' END ELSE j ->> '$' END"
        ),
        "cwl_json(t)": "CAST(to_json(t) AS VARCHAR)",
        # Natural order: runs of digits by length, then by value, other runs by code points; each run ends with U+0001.
        "cwl_natural(t)": (
            "CASE WHEN t = '' THEN '' ELSE list_aggregate(list_transform(regexp_extract_all(t, '[0-9]+|[^0-9]+'), lambda c: "
            "CASE WHEN c[1] BETWEEN '0' AND '9' THEN '0' || lpad(CAST(length(c) AS VARCHAR), 5, '0') || c ELSE c END "
            "|| chr(1)), 'string_agg', '') END"
        ),
        # A field of a JSON event: booleans are 1 and 0, as those of `jsonParse` are.
        "cwl_event_field(m, p)": (
            "CASE WHEN json_valid(m) THEN CASE json_type(m, p) WHEN 'OBJECT' THEN NULL WHEN 'ARRAY' THEN NULL "
            "WHEN 'NULL' THEN NULL WHEN 'BOOLEAN' THEN CASE json_extract_string(m, p) WHEN 'true' THEN '1' ELSE '0' END "
            "ELSE json_extract_string(m, p) END END"
        ),
        # The 32 hexadecimal digits of an address of either family.
        "cwl_key(s)": "CASE WHEN cwl_is_ip4(s) THEN '00000000000000000000ffff' || printf('%08x', cwl_ip4(s)) ELSE cwl_ip6(s) END",
        # A tag's value as a flow log line has it.
        "cwl_tag(t)": "replace(replace(replace(replace(url_encode(t), '-', '%2D'), '_', '%5F'), '.', '%2E'), '~', '%7E')",
    }
    for name, operator in _OPERATORS.items():
        other = "TRUE" if name == "ne" else "FALSE"
        # A number and a text.
        found[f"cwl_number_{name}(n, t)"] = (
            f"CASE WHEN n IS NOT NULL AND t IS NOT NULL THEN coalesce(n {operator} cwl_number(t), {other}) END"
        )
        # A text that may act as a number, and one that does not.
        found[f"cwl_word_{name}(t, w)"] = (
            f"CASE WHEN cwl_number(t) IS NULL THEN t {operator} w WHEN t IS NOT NULL THEN {other} END"
        )
        mixed = f"(cwl_number(a) IS NULL) <> (cwl_number(b) IS NULL) THEN {other}"
        if name in ("eq", "ne"):
            found[f"cwl_text_{name}(a, b)"] = (
                f"CASE WHEN a IS NULL OR b IS NULL THEN NULL WHEN a = b THEN {'FALSE' if name == 'ne' else 'TRUE'} "
                f"WHEN length(a) > 15 AND length(b) > 15 THEN {other} "
                f"ELSE coalesce(cwl_number(a) {operator} cwl_number(b), {other}) END"
            )
        else:
            found[f"cwl_text_{name}(a, b)"] = (
                f"CASE WHEN a IS NULL OR b IS NULL THEN NULL WHEN {mixed} "
                f"WHEN cwl_number(a) IS NULL THEN a {operator} b ELSE cwl_number(a) {operator} cwl_number(b) END"
            )
    return found


_USED: Final = re.compile(r"\bcwl_\w+", re.IGNORECASE)


@functools.cache
def _all() -> dict[str, tuple[str, str]]:
    """Return name → (parameters, body) of every macro."""
    from vpcflow.query.insights import functions  # noqa: PLC0415 - functions are made of these macros
    from vpcflow.query.insights.commands import parse  # noqa: PLC0415 - so is what this command extracts

    found: dict[str, tuple[str, str]] = {}
    for head, body in (*_base().items(), *functions.macros().items(), *parse.HELPERS.items()):
        name, _, parameters = head.partition("(")
        found[name] = (parameters.rstrip(")"), body)
    return found


def statements(sql: str, made: set[str] | None = None) -> list[str]:
    """Return what makes the macros that *sql* uses, those they use first; *made* grows by their names."""
    made = set() if made is None else made
    # Those of Athena that ours are made of come first.
    found = registry.statements(sql, made)
    for name in dict.fromkeys(name.lower() for name in _USED.findall(sql)):
        if name in made or name not in _all():
            continue
        made.add(name)
        parameters, body = _all()[name]
        found += [*statements(body, made), f"CREATE OR REPLACE TEMP MACRO {name}({parameters}) AS ({body})"]
    return found
