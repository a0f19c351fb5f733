"""Random filters with what they mean: a text, and a function of one row that answers True, False or None (unknown)."""

from __future__ import annotations

import ipaddress
import operator
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from query.worlds import ADDRESSES, EDGES, HOUR, INTERFACES, PORTS

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Filter:
    text: str
    of: Callable[[dict[str, Any]], bool | None]

    def __repr__(self):
        return self.text


_COMPARE = {
    "=": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_EQUAL = st.sampled_from(["=", "!=", "<>"])
_ANY = st.sampled_from(list(_COMPARE))
_NUMBERS = {
    "srcport": PORTS,
    "dstport": [*PORTS, 70_000],
    "protocol": [1, 6, 17, 250],
    "packets": range(7),
    "bytes": [0, 2**39, 2**41],
    "start": EDGES,
    "end": EDGES,
}
_TEXTS = {
    "action": ["ACCEPT", "REJECT", "accept", "it''s"],
    "log_status": ["OK", "NODATA", "SKIPDATA"],
    "interface_id": INTERFACES,
    "aws_account_id": ["123456789012", "210987654321", "345678901234", "unknown", "000000000000"],
    "aws_region": ["us-east-1", "eu-west-1", "unknown"],
    "protocol_name": ["TCP", "UDP", "250"],
    "hour": ["22", "23", "00"],
}
_SIDES = ("srcaddr", "dstaddr", "pkt_srcaddr", "pkt_dstaddr", "src", "dst")
_NETWORKS = [
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.128.0/17",
    "10.1.0.0/17",
    "10.0.0.1/32",
    "0.0.0.0/0",
    "0.0.0.0/1",
    "128.0.0.0/1",
    "10.0.0.0/31",
    "2001:db8::/32",
    "2001:db8::/33",
    "2001:db8:8000::/33",
    "::/0",
    "::1/128",
    "fe80::/10",
    "2000::/3",
]
_PATTERNS = ["%", "eni-%", "eni_1", "E%", "_", "", "10.%", "%.0.0._", "%:%", "REJ%T"]
_SPELLINGS = {
    "srcaddr": "srcAddr",
    "interface_id": "interface-id",
    "pkt_srcaddr": "pktSrcAddr",
    "end": "endTime",
    "log_status": "LOG-STATUS",
}


def _compared(field: str, symbol: str, written: str, value: Any) -> Filter:
    def of(row):
        return None if row[field] is None else _COMPARE[symbol](row[field], value)

    return Filter(f"{_SPELLINGS.get(field, field)} {symbol} {written}", of)


def _dash(field: str, symbol: str) -> Filter:
    return Filter(f"{field} {symbol} -", lambda row: (row[field] is None) is (symbol == "="))


def _null(field: str, word: str) -> Filter:
    return Filter(f"{field} {word}", lambda row: (row[field] is None) is (word == "is null"))


def _two(pair: tuple[str, str], symbol: str) -> Filter:
    one, other = pair

    def of(row):
        return None if row[one] is None or row[other] is None else _COMPARE[symbol](row[one], row[other])

    return Filter(f"{one} {symbol} {other}", of)


def _within(address: str | None, network: str) -> bool | None:
    if address is None:
        return None
    parsed, net = ipaddress.ip_address(address), ipaddress.ip_network(network)
    return parsed.version == net.version and parsed in net


def _network(field: str, symbol: str, network: str) -> Filter:
    return Filter(f"{field} {symbol} {network}", lambda row: _same(_within(row[field], network), symbol == "="))


def _same(answer: bool | None, wanted: bool) -> bool | None:  # noqa: FBT001
    return None if answer is None else answer is wanted


def _in(field: str, values: list[str], negated: bool) -> Filter:  # noqa: FBT001
    def of(row):
        tests = [_is_value(row[field], value) for value in values]
        return not_(or_(tests)) if negated else or_(tests)

    return Filter(f"{field} {'not in' if negated else 'in'} ({', '.join(values)})", of)


def _is_value(found: Any, value: str) -> bool | None:
    if value == "-":
        return found is None
    if found is None:
        return None
    if "/" in value:
        return _within(found, value)
    return found == (int(value) if isinstance(found, int) else value.strip("'").replace("''", "'"))


def _like(field: str, pattern: str, negated: bool) -> Filter:  # noqa: FBT001
    expression = "".join({"%": ".*", "_": "."}.get(character, re.escape(character)) for character in pattern)

    def of(row):
        return None if row[field] is None else _same(bool(re.fullmatch(expression, row[field], re.DOTALL)), not negated)

    return Filter(f"{field} {'not like' if negated else 'like'} '{pattern}'", of)


def _moment(field: str, symbol: str, moment: int, offset: int) -> Filter:
    when = datetime.fromtimestamp(moment, UTC)
    local = when.astimezone(timezone(timedelta(hours=offset))).isoformat()
    value = when.replace(tzinfo=None) if field.endswith("_time") else moment
    return _compared(field, symbol, local, value)


def _date(symbol: str, day: int) -> Filter:
    when = (datetime.fromtimestamp(HOUR, UTC) + timedelta(days=day)).date()
    return _compared("date", symbol, when.isoformat(), when)


def not_(answer: bool | None) -> bool | None:  # noqa: FBT001
    return None if answer is None else not answer


def or_(answers: list[bool | None]) -> bool | None:
    return True if True in answers else None if None in answers else False


def and_(answers: list[bool | None]) -> bool | None:
    return False if False in answers else None if None in answers else True


def _of_field(
    values: dict[str, Any], make: Callable[[str, Any], st.SearchStrategy[Filter]]
) -> st.SearchStrategy[Filter]:
    return st.sampled_from(sorted(values)).flatmap(lambda field: make(field, st.sampled_from(list(values[field]))))


_addresses = dict.fromkeys(_SIDES, ADDRESSES)
_listed = {name: [str(value) for value in values] for name, values in _NUMBERS.items()}
_listed |= {name: [f"'{value}'" for value in values] for name, values in _TEXTS.items()}
_listed |= {side: [*ADDRESSES, *_NETWORKS] for side in _SIDES}
_fields = st.sampled_from([*_NUMBERS, *_TEXTS, *_SIDES, "start_time", "end_time", "date"])

comparisons = st.one_of(
    _of_field(_NUMBERS, lambda f, v: st.builds(lambda s, x: _compared(f, s, str(x), x), _ANY, v)),
    _of_field(_TEXTS, lambda f, v: st.builds(lambda s, x: _compared(f, s, f"'{x}'", x.replace("''", "'")), _EQUAL, v)),
    _of_field(_addresses, lambda f, v: st.builds(lambda s, x: _compared(f, s, x, x), _EQUAL, v)),
    _of_field(
        _listed,
        lambda f, v: st.builds(_in, st.just(f), st.lists(v | st.just("-"), min_size=1, max_size=4), st.booleans()),
    ),
    st.builds(_network, st.sampled_from(_SIDES), st.sampled_from(["=", "!="]), st.sampled_from(_NETWORKS)),
    st.builds(_like, st.sampled_from(["action", "interface_id", *_SIDES]), st.sampled_from(_PATTERNS), st.booleans()),
    st.builds(_dash, _fields, st.sampled_from(["=", "!="])),
    st.builds(_null, _fields, st.sampled_from(["is null", "is not null"])),
    st.builds(_two, st.sampled_from([("srcport", "dstport"), ("start", "end"), ("packets", "bytes")]), _ANY),
    st.builds(_two, st.sampled_from([("srcaddr", "pkt_srcaddr"), ("src", "dst"), ("dst", "dstaddr")]), _EQUAL),
    st.builds(
        _moment,
        st.sampled_from(["start", "end", "start_time", "end_time"]),
        _ANY,
        st.sampled_from(EDGES),
        st.integers(-12, 14),
    ),
    st.builds(_date, _ANY, st.integers(-1, 2)),
)

lookups = st.lists(
    st.one_of(
        st.builds(
            lambda f, x: _compared(f, "=", x, x),
            st.sampled_from(_SIDES),
            st.sampled_from(ADDRESSES[:4] + ADDRESSES[-3:]),
        ),
        st.builds(
            lambda f, x: _in(f, x, negated=False),
            st.sampled_from(_SIDES),
            st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=3),
        ),
    ),
    min_size=1,
    max_size=4,
).map(lambda parts: _joined("or", parts))
"""Disjunctions of address look-ups, which become branches."""

ranges = st.lists(
    st.builds(
        lambda f, s, x: _compared(f, s, str(x), x), st.sampled_from(["start", "end"]), _ANY, st.sampled_from(EDGES)
    ),
    min_size=1,
    max_size=3,
).map(lambda parts: _joined("and", parts))
"""Conjunctions of time ranges, which leave out files."""


def _joined(word: str, parts: list[Filter]) -> Filter:
    join = or_ if word == "or" else and_
    return Filter(f" {word} ".join(part.text for part in parts), lambda row: join([part.of(row) for part in parts]))


def _parenthesised(part: Filter) -> Filter:
    return Filter(f"({part.text})", part.of)


def _negated(part: Filter) -> Filter:
    return Filter(f"not ({part.text})", lambda row: not_(part.of(row)))


def _wider(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    parts = st.lists(inner.map(_parenthesised), min_size=2, max_size=3)
    return st.one_of(st.builds(_joined, st.sampled_from(["and", "or"]), parts), inner.map(_negated))


anything = st.recursive(st.one_of(comparisons, lookups, ranges), _wider, max_leaves=5)
pruned = st.tuples(lookups | comparisons, ranges).map(
    lambda pair: _joined("and", [_parenthesised(part) for part in pair])
)
