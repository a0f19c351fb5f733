"""Text: Trino's "String functions", "Regular expression functions", "URL functions", "Binary functions"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.athena.call import sql, text
from vpcflow.query.athena.types import BIGINT, DOUBLE, INTEGER, VARCHAR, array, common

if TYPE_CHECKING:
    from vpcflow.query.athena.call import Bound, Call

FUNCTIONS: Final = r"""
length(x varchar) bigint -> length
length(x varbinary) bigint -> octet_length
lower(x varchar) varchar -> lower
upper(x varchar) varchar -> upper
reverse(x varchar) varchar -> reverse
reverse(x array(T)) array(T) -> list_reverse
replace(x varchar, search varchar) varchar = replace(x, search, '')
replace(x varchar, search varchar, put varchar) varchar -> replace
substr(x varchar, first bigint) varchar = CASE WHEN first = 0 OR abs(first) > length(x) THEN '' ELSE substring(x, first) END
substr(x varchar, first bigint, size bigint) varchar = CASE WHEN x IS NULL OR first IS NULL OR size IS NULL THEN NULL
  WHEN first = 0 OR abs(first) > length(x) OR size <= 0 THEN ''
  ELSE substring(x, CASE WHEN first < 0 THEN length(x) + first + 1 ELSE first END, size) END
strpos(x varchar, part varchar) bigint = CAST(strpos(x, part) AS BIGINT)
split(x varchar, separator varchar) array(varchar) = CASE WHEN separator = '' THEN error('The delimiter may not be the empty string')
  ELSE string_split(x, separator) END
split(x varchar, separator varchar, most bigint) array(varchar) = CASE WHEN most <= 0 THEN error('Limit must be positive')
  WHEN len(string_split(x, separator)) <= most THEN string_split(x, separator)
  ELSE list_append(string_split(x, separator)[1:most - 1], array_to_string(string_split(x, separator)[most:], separator)) END
split_part(x varchar, separator varchar, place bigint) varchar = CASE WHEN place < 1 THEN error('Index must be greater than zero')
  WHEN separator = '' THEN CASE WHEN place <= length(x) THEN substring(x, place, 1) END
  WHEN split_part(x, separator, place) <> '' THEN split_part(x, separator, place)
  ELSE string_split(x, separator)[place] END
lpad(x varchar, size bigint, pad varchar) varchar = CASE WHEN pad = '' THEN error('Padding string must not be empty')
  WHEN size < 0 THEN error('Target length must be in the range [0..2147483647]') ELSE lpad(x, CAST(size AS INTEGER), pad) END
rpad(x varchar, size bigint, pad varchar) varchar = CASE WHEN pad = '' THEN error('Padding string must not be empty')
  WHEN size < 0 THEN error('Target length must be in the range [0..2147483647]') ELSE rpad(x, CAST(size AS INTEGER), pad) END
internal blanks() varchar = ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || chr(28) || chr(29) || chr(30) || chr(31)
trim(x varchar) varchar = trim(x, trino_blanks())
trim(x varchar, off varchar) varchar -> trim
ltrim(x varchar) varchar = ltrim(x, trino_blanks())
ltrim(x varchar, off varchar) varchar -> ltrim
rtrim(x varchar) varchar = rtrim(x, trino_blanks())
rtrim(x varchar, off varchar) varchar -> rtrim
starts_with(x varchar, prefix varchar) boolean -> starts_with
ends_with(x varchar, suffix varchar) boolean -> ends_with
translate(x varchar, put varchar, by varchar) varchar -> translate
chr(n bigint) varchar = chr(CAST(n AS INTEGER))
codepoint(x varchar) integer = CASE WHEN length(x) = 1 THEN unicode(x)
  ELSE error('Input string must be a single character string') END
hamming_distance(x varchar, y varchar) bigint = CASE WHEN length(x) <> length(y)
  THEN error('The input strings to hamming_distance function must have the same length') ELSE hamming(x, y) END
levenshtein_distance(x varchar, y varchar) bigint -> levenshtein
concat_ws(separator varchar, parts... varchar) varchar -> concat_ws
concat_ws(separator varchar, parts array(varchar)) varchar = array_to_string(list_filter(parts, lambda part: part IS NOT NULL), separator)
regexp_like(x varchar, pattern varchar) boolean -> regexp_matches
regexp_extract(x varchar, pattern varchar) varchar = CASE WHEN regexp_matches(x, pattern) THEN regexp_extract(x, pattern, 0) END
regexp_extract(x varchar, pattern varchar, part integer) varchar = CASE WHEN regexp_matches(x, pattern)
  THEN regexp_extract(x, pattern, part) END
regexp_extract_all(x varchar, pattern varchar) array(varchar) = regexp_extract_all(x, pattern)
regexp_extract_all(x varchar, pattern varchar, part integer) array(varchar) = regexp_extract_all(x, pattern, part)
regexp_count(x varchar, pattern varchar) bigint = len(regexp_extract_all(x, pattern))
regexp_position(x varchar, pattern varchar) integer = CASE WHEN regexp_matches(x, pattern)
  THEN length(regexp_split_to_array(x, pattern)[1]) + 1 WHEN x IS NOT NULL AND pattern IS NOT NULL THEN -1 END
regexp_split(x varchar, pattern varchar) array(varchar) -> regexp_split_to_array
regexp_replace(x varchar, pattern varchar) varchar = regexp_replace(x, pattern, '', 'g')
regexp_replace(x varchar, pattern varchar, put varchar) varchar = regexp_replace(x, pattern,
  regexp_replace(replace(put, '\', '\\'), '\$([0-9])', '\\\1', 'g'), 'g')
url_decode(x varchar) varchar = url_decode(replace(x, '+', ' '))
url_encode(x varchar) varchar = replace(replace(replace(url_encode(x), '%20', '+'), '~', '%7E'), '%2A', '*')
internal uri(x varchar) varchar = CASE WHEN regexp_full_match(x, '([^\x00-\x20<>"{}|\\^`%\x7f]|%[0-9A-Fa-f]{2})*') THEN x END
url_extract_protocol(x varchar) varchar = CASE WHEN trino_uri(x) IS NOT NULL THEN regexp_extract(x, '^([A-Za-z][A-Za-z0-9+.-]*):', 1) END
url_extract_host(x varchar) varchar = nullif(regexp_extract(trino_uri(x),
  '^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:]*)', 1), '')
url_extract_port(x varchar) bigint = TRY_CAST(regexp_extract(trino_uri(x),
  '^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?:\[[^\]]*\]|[^/?#:]*):([0-9]+)', 1) AS BIGINT)
url_extract_path(x varchar) varchar = regexp_extract(trino_uri(x), '^(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?://[^/?#]*)?([^?#]*)', 1)
url_extract_query(x varchar) varchar = CASE WHEN contains(split_part(trino_uri(x), '#', 1), '?') THEN regexp_extract(x, '\?([^#]*)', 1)
  WHEN trino_uri(x) IS NOT NULL THEN '' END
url_extract_fragment(x varchar) varchar = regexp_extract(trino_uri(x), '#(.*)$', 1)
url_extract_parameter(x varchar, name varchar) varchar = trino_url_decode_0(regexp_extract(
  list_filter(string_split(regexp_extract(trino_uri(x), '\?([^#]*)', 1), '&'), lambda one: one = name OR starts_with(one, name || '='))[1],
  '^[^=]*=?(.*)$', 1))
to_utf8(x varchar) varbinary -> encode
from_utf8(x varbinary) varchar -> decode
to_hex(x varbinary) varchar -> hex
from_hex(x varchar) varbinary -> unhex
to_base64(x varbinary) varchar -> to_base64
to_base64url(x varbinary) varchar = translate(to_base64(x), '+/', '-_')
from_base64url(x varchar) varbinary = from_base64(translate(x, '-_', '+/'))
split_to_map(x varchar, entries varchar, pairs varchar) map(varchar,varchar) = map_from_entries(list_transform(string_split(x, entries),
  lambda one: CASE WHEN contains(one, pairs) THEN {'key': one[1:strpos(one, pairs) - 1], 'value': one[strpos(one, pairs) + length(pairs):]}
  ELSE error('Key-value delimiter must appear exactly once in each entry. Bad input: ''' || one || '''') END))
from_base64(x varchar) varbinary -> from_base64
md5(x varbinary) varbinary = unhex(md5(x))
sha1(x varbinary) varbinary = unhex(sha1(x))
sha256(x varbinary) varbinary = unhex(sha256(x))
normalize(x varchar) varchar -> nfc_normalize
"""


def _concat(call: Call) -> Bound:
    """Join texts, or arrays; null if any part is (unlike DuckDB's concat)."""
    call.takes(2, 1000)
    first = call.arguments[0].type
    kind = first if first.name == "array" else VARCHAR
    if kind.name == "array":
        for value in call.arguments[1:]:
            kind = common(kind, value.type) or kind
    parts = [call.binder.coerce(value, kind) for value in call.arguments]
    joined = parts[0].node
    for part in parts[1:]:
        joined = exp.DPipe(this=joined, expression=part.node)
    return call.bound(exp.paren(joined, copy=False), kind)


_SPEC: Final = re.compile(
    r"%(?:(?P<flags>[-,0+ ]*)(?P<width>\d*)(?:\.(?P<precision>\d+))?(?P<kind>[sdfxXbeEc])|(?P<plain>[%n]))"
)

_DIGITS: Final = 20
_GROUP: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]])*\]|\(\?(?!P?<[A-Za-z])|\(|\)", re.DOTALL)
"""What opens and closes groups of a pattern, with what only looks so: "(" stands for a group that has a number."""


def _format(call: Call) -> Bound:
    """Put arguments into a pattern of java.util.Formatter; each part by itself, so that null is "null"."""
    call.takes(1, 1000)
    pattern = call.arguments[0].text
    if pattern is None:
        raise call.binder.fail("query.not_literal", call.node, name=call.name)
    values = iter(call.arguments[1:])
    parts: list[exp.Expr] = []
    rest = 0
    for match in _SPEC.finditer(pattern):
        _plain(call, parts, pattern[rest : match.start()])
        rest = match.end()
        if match["plain"]:
            parts.append(text("%" if match["plain"] == "%" else "\n"))
            continue
        value = next(values, None)
        if value is None:
            raise call.binder.fail("query.arguments", call.node, name=call.name, given=call.told)
        parts.append(_formatted(call, value, match))
    _plain(call, parts, pattern[rest:])
    joined = parts[0] if parts else text("")
    for part in parts[1:]:
        joined = exp.DPipe(this=joined, expression=part)
    return call.bound(exp.paren(joined, copy=False), VARCHAR)


def _plain(call: Call, parts: list[exp.Expr], plain: str) -> None:
    if "%" in plain:
        raise call.binder.fail(
            "query.pattern", call.arguments[0].written, pattern=plain[plain.index("%") :][:3], name=call.name
        )
    if plain:
        parts.append(text(plain))


def _formatted(call: Call, value: Bound, match: re.Match[str]) -> exp.Expr:
    kind, flags, width = match["kind"], match["flags"], match["width"]
    align = "<" if "-" in flags else ">"
    zero = "0" if "0" in flags and "-" not in flags else ""
    plus = "+" if "+" in flags else " " if " " in flags else ""
    comma = "," if "," in flags else ""
    if kind in "dxX" and value.type.is_integer:
        node = call.binder.coerce(value, BIGINT).node
        spec = f"{plus}{zero}{width}{comma}{kind}"
    elif kind in "feE" and (value.type.is_number and not value.type.is_integer):
        digits = match["precision"] or "6"
        node = call.binder.coerce(value, DOUBLE).node
        if kind == "f" and int(digits) <= _DIGITS:
            node = _half_up(node, int(digits))
        spec = f"{plus}{zero}{width}{comma}.{digits}{kind}"
    elif kind in "sb" and not match["precision"]:
        node = call.binder.cast(value, VARCHAR).node
        spec = f"{align if width else ''}{width}"
    else:
        raise call.binder.fail("query.pattern", value.written, pattern=match[0], name=call.name)
    if "-" in flags and kind not in "sb" and width:
        raise call.binder.fail("query.pattern", value.written, pattern=match[0], name=call.name)
    shown = sql("format", text("{:" + spec + "}"), node)
    return exp.Coalesce(this=shown, expressions=[text("null")])


def _half_up(node: exp.Expr, digits: int) -> exp.Expr:
    """Round as Java's Formatter does: the shortest decimal that is the number, halves away from zero."""
    shown = exp.cast(node.copy(), "VARCHAR")
    rounded = exp.TryCast(this=shown, to=exp.DataType.build(f"DECIMAL(38,{digits})", dialect="duckdb"))
    return exp.Coalesce(this=exp.cast(rounded, "DOUBLE"), expressions=[node])


def _regexp_extract(call: Call) -> Bound:
    """What matched, or a group of it; null without a match, and for a group that took no part in it."""
    call.takes(2, 3)
    given = [
        call.binder.coerce(value, kind)
        for value, kind in zip(call.arguments, (VARCHAR, VARCHAR, INTEGER), strict=False)
    ]
    made = sql(f"trino_regexp_extract_{len(given) - 2}", *(value.node for value in given))
    pattern, part = given[1].text, given[2].written if len(given) == 3 else None
    if pattern is not None and isinstance(part, exp.Literal) and not _may_be_empty(pattern, part.name):
        made = sql("nullif", made, text(""))
    return call.bound(made, VARCHAR)


def _may_be_empty(pattern: str, part: str) -> bool:
    """Tell whether a group of a pattern can match the empty text; where nobody knows, it may."""
    opened = [found.start() for found in _GROUP.finditer(pattern) if found[0] == "("]
    if not part.isdecimal() or not 1 <= int(part) <= len(opened):
        return True
    start, depth = opened[int(part) - 1], 0
    for found in _GROUP.finditer(pattern, start):
        depth += found[0].startswith("(") - (found[0] == ")")
        if depth == 0:
            try:
                return re.fullmatch(pattern[start : found.end()], "") is not None
            except re.error:
                return True
    return True


def _array_join(call: Call) -> Bound:
    """Join an array's elements; nulls are left out, or replaced by the third argument."""
    call.takes(2, 3)
    given = call.arguments[0]
    if given.type.name != "array":
        raise call.binder.fail("query.arguments", call.node, name=call.name, given=call.told)
    texts = call.binder.cast(given, array(VARCHAR))
    separator = call.binder.coerce(call.arguments[1], VARCHAR)
    name = "joined" if len(call.arguments) == 2 else "joined_all"
    more = [call.binder.coerce(value, VARCHAR) for value in call.arguments[2:]]
    return call.binder.call(name, texts, separator, *more)


BUILDERS: Final = {"regexp_extract": _regexp_extract, "concat": _concat, "format": _format, "array_join": _array_join}
