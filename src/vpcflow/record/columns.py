"""Columns of any names and types → FlowBatch: what AWS's own Parquet and everybody else's tables go through.

Names are matched in every spelling AWS uses, values are made what the registry says. A row with a value that cannot be
made so is a bad row; the others are kept. Strings are looked at by their distinct values, so a column costs what its
dictionary does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vpcflow.record.extra import as_map
from vpcflow.record.fields import BY_ANY_NAME, FIELDS
from vpcflow.record.finish import MILLISECONDS_FROM, TIMESTAMP, finish
from vpcflow.record.format import LogFormat
from vpcflow.record.schema import ARROW, ENCODED, OWN
from vpcflow.telemetry import BadLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from vpcflow.record.fields import Field
    from vpcflow.telemetry import ReadReport
    from vpcflow.types import FlowBatch

_NO_VALUE: Final = frozenset({"-", ""})
_WILD_NO_VALUE: Final = _NO_VALUE | {"None", "none", "nan", "NaN", "null", "NULL", "<NA>", "NaT"}
"""What stands for "no value" in tables that went through pandas or Hive."""

_PARTITION: Final = {"aws_account_id": "account-id", "aws_region": "region"}
_DERIVED: Final = frozenset({"x_source", "aws_service", "date", "year", "month", "day", "hour"})
"""Columns a lake adds: where a row lies, and the ledger's number of its source, which is void anywhere else."""

_LIKE: Final = {"x_rule": FIELDS["protocol"]}
"""A field whose type a column of ours has; the others are texts."""

_KEPT_NAME: Final = re.compile(r"[^a-z0-9_-]+")
_NUMBER: Final = re.compile(r"(-?)0*([0-9]{1,19})(?:\.0*)?")
_LIMITS: Final = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}


class Columns:
    """Which column is what, for all batches of one source.

    names: as the source has them. wild: somebody else wrote it: words for "no value" and blanks around values go, and tag
    values are percent-encoded; otherwise strings are what they say.
    log_format: what the records then have, in the source's order; unknown fields under names a format may have.
    """

    def __init__(self, names: Sequence[str], *, wild: bool) -> None:
        self._wild = wild
        self._targets: dict[int, str] = {}
        self._own: dict[int, str] = {}
        self._event_time = self._extra = -1
        by_name = {_key(name): place for place, name in reversed(list(enumerate(names)))}
        for place, name in enumerate(names):
            key = _key(name)
            if key == "x_event_time":
                self._event_time = place
            elif key == "x_extra":
                self._extra = place
            elif key in OWN:
                self._own[place] = key
            elif key in _PARTITION:
                if not any(_field_name(other) == _PARTITION[key] for other in by_name):
                    self._targets[place] = _PARTITION[key]
            elif key not in _DERIVED:
                self._targets[place] = self._unused(_field_name(key) or _unknown_name(name))
        self.log_format = LogFormat(tuple(self._targets.values()) or ("version",))

    def _unused(self, name: str) -> str:
        taken = set(self._targets.values())
        found, count = name, 2
        while found in taken:
            found, count = f"{name[:58]}_{count}", count + 1
        return found

    @property
    def plausible(self) -> bool:
        """Tell whether these are columns of flow logs: three of the registry's, or half of all."""
        known = sum(name in FIELDS for name in self._targets.values())
        return known >= 3 or 2 * known >= len(self._targets) > 0

    def records(
        self, arrays: Sequence[pa.Array], numbers: Sequence[int], source: str, report: ReadReport
    ) -> Iterator[tuple[str, FlowBatch]]:
        """Yield (table, records) of a batch; rows that are no records go to *report* under their number."""
        rows = len(numbers)
        bad = _BadRows(rows)
        values: dict[str, pa.Array] = {}
        if self._event_time >= 0:
            values[TIMESTAMP] = bad.take(TIMESTAMP, _event_times(arrays[self._event_time]))
        for place, name in self._targets.items():
            values[name] = bad.take(name, _typed(arrays[place], FIELDS.get(name), wild=self._wild))
        for place, name in self._own.items():
            values[name] = bad.take(name, _typed(arrays[place], _LIKE.get(name), wild=self._wild))
        extra = as_map(arrays[self._extra]) if self._extra >= 0 else None
        bad.report(numbers, source, report)
        kept = None if not bad.rows.any() else pa.array(~bad.rows)
        if kept is not None:
            values = {name: column.filter(kept) for name, column in values.items()}
            extra = extra if extra is None else extra.filter(kept)
            rows = int(np.count_nonzero(~bad.rows))
        if not rows or not values:
            return
        report.rows += rows
        for name in self.log_format.unknown:
            report.unknown_fields[name] += rows
        yield self.log_format.table, finish(values, self.log_format, extra, tags_encoded=self._wild)


class _BadRows:
    """Rows that cannot be kept, each with the first reason met."""

    def __init__(self, rows: int) -> None:
        self.rows = np.zeros(rows, bool)
        self._why: list[tuple[str, str, NDArray[np.bool_]]] = []

    def take(self, name: str, typed: tuple[pa.Array, NDArray[np.bool_] | None, str]) -> pa.Array:
        column, wrong, reason = typed
        if wrong is not None:
            self._why.append((name, reason, wrong & ~self.rows))
            self.rows |= wrong
        return column

    def report(self, numbers: Sequence[int], source: str, report: ReadReport) -> None:
        found = [(int(row), name, why) for name, why, rows in self._why for row in np.flatnonzero(rows)]
        for row, name, reason in sorted(found):
            report.bad_line(BadLine(source, numbers[row], reason, name))


_Typed = tuple[pa.Array, "NDArray[np.bool_] | None", str]


def _key(name: str) -> str:
    return name.strip().lower().replace("-", "_")


def _field_name(key: str) -> str | None:
    field = BY_ANY_NAME.get(key) or BY_ANY_NAME.get(key.replace("_", "-"))
    return field.name if field else None


def _unknown_name(name: str) -> str:
    """Return a column's name as a format may have it."""
    plain = _KEPT_NAME.sub("_", name.strip().lower())[:60]
    return plain if plain[:1].isalpha() and plain.isascii() else f"c{plain or '_'}"[:60]


def _typed(column: pa.Array, field: Field | None, *, wild: bool) -> _Typed:
    """Return *column* as the field's type, with the rows where it is not one (None for no such row) and why."""
    if pa.types.is_null(column.type):
        return (
            pa.nulls(len(column), ENCODED if field is None or field.type == "string" else ARROW[field.type]),
            None,
            "",
        )
    texts = _encoded(column)
    if field is None or field.type == "string":
        account = field is not None and field.kind == "account"
        if texts is not None:
            return _strings(texts, wild=wild)
        return _strings(_as_text(column, width=12 if account else 0), wild=wild)
    numbers = _from_texts(texts) if texts is not None else _numbers(column, time=field.kind == "time")
    return _in_range(*numbers, field)


def _encoded(column: pa.Array) -> pa.DictionaryArray | None:
    """Return a column of strings or bytes with int32 codes; None for other types."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not any(is_kind(kind) for is_kind in _TEXT_TYPES):
        return None
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.binary() if kind in (pa.binary(), pa.large_binary()) else pa.string())
        return column.dictionary_encode()
    return column


_TEXT_TYPES: Final[tuple[Callable[[pa.DataType], bool], ...]] = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)


def _codes(column: pa.DictionaryArray) -> NDArray[np.int64]:
    return np.asarray(column.indices.cast(pa.int64()).fill_null(-1))


def _texts(values: pa.Array, *, wild: bool) -> list[str | bytes | None]:
    """Return distinct values as text, None for "no value", bytes where they are no text."""
    found: list[str | bytes | None] = []
    for raw in values.cast(pa.large_binary()).to_pylist():
        if raw is None:
            found.append(None)
            continue
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            found.append(raw)
            continue
        text = text.strip() if wild else text
        found.append(raw if "\0" in text else None if text in (_WILD_NO_VALUE if wild else _NO_VALUE) else text)
    return found


def _strings(column: pa.DictionaryArray, *, wild: bool) -> _Typed:
    texts = _texts(column.dictionary, wild=wild)
    numbers: dict[str, int] = {}
    places = [numbers.setdefault(text, len(numbers)) if isinstance(text, str) else -1 for text in texts]
    place = np.array([*places, -1], np.int32)[_codes(column)]
    wrong = _wrong(column, texts)
    result = pa.DictionaryArray.from_arrays(pa.array(place, mask=place < 0), pa.array(list(numbers), pa.string()))
    return result, wrong, "not_text"


def _wrong(column: pa.DictionaryArray, values: Sequence[object]) -> NDArray[np.bool_] | None:
    """Return the rows whose value is bytes, which stand for what is none."""
    wrong = np.array([*(isinstance(value, bytes) for value in values), False], bool)
    return wrong[_codes(column)] if wrong.any() else None


def _as_text(column: pa.Array, *, width: int) -> pa.DictionaryArray:
    if pa.types.is_floating(column.type) and _all_whole(column):
        column = _numbers(column, time=False)[0]
    if pa.types.is_nested(column.type):
        column = pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())
    text = column.cast(pa.string())
    return (pc.utf8_lpad(text, width, "0") if width and pa.types.is_integer(column.type) else text).dictionary_encode()


def _all_whole(column: pa.Array) -> bool:
    values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    known = values[~np.isnan(values)]
    return bool(np.all(np.abs(known) < 2**63) and np.all(known == np.floor(known)))


_Numbers = tuple[pa.Array, "NDArray[np.bool_] | None"]


def _from_texts(column: pa.DictionaryArray) -> _Numbers:
    values = [_number(text) for text in _texts(column.dictionary, wild=True)]
    numbers = pa.array([value if isinstance(value, int) else None for value in values], pa.int64())
    return numbers.take(column.indices), _wrong(column, values)


def _number(text: str | bytes | None) -> int | bytes | None:
    if not isinstance(text, str):
        return text
    match = _NUMBER.fullmatch(text)
    number = int(match[1] + match[2]) if match else 2**63
    return number if -(2**63) <= number < 2**63 else text.encode()


def _numbers(column: pa.Array, *, time: bool) -> _Numbers:
    """Return a column of numbers (or times, as seconds) as int64."""
    if time and pa.types.is_temporal(column.type):
        return _seconds(column)
    if pa.types.is_signed_integer(column.type):
        return column.cast(pa.int64()), None
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_decimal(column.type)):
        return pa.nulls(len(column), pa.int64()), np.asarray(column.is_valid())
    if pa.types.is_floating(column.type):
        column = column.cast(pa.float64())
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, pa.float64()), column)
    try:
        return column.cast(pa.int64()), None
    except pa.ArrowInvalid:
        values = [_number_of(value) for value in column.to_pylist()]
        wrong = np.array([isinstance(value, bytes) for value in values], bool)
        return pa.array([value if isinstance(value, int) else None for value in values], pa.int64()), wrong


def _number_of(value: object) -> int | bytes | None:
    return None if value is None else _number(f"{value:f}" if not isinstance(value, int) else str(value))


def _seconds(column: pa.Array) -> _Numbers:
    try:
        return column.cast(pa.timestamp("s"), safe=False).cast(pa.int64()), None
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.nulls(len(column), pa.int64()), np.asarray(column.is_valid())


def _in_range(column: pa.Array, wrong: NDArray[np.bool_] | None, field: Field) -> _Typed:
    low, high = (0, MILLISECONDS_FROM * 1000 - 1) if field.kind == "time" else _LIMITS[field.type]
    bounds = pc.min_max(column)
    least, most = bounds["min"].as_py(), bounds["max"].as_py()
    if least is not None and (least < low or most > high):
        outside = np.asarray(pc.fill_null(pc.or_(pc.less(column, low), pc.greater(column, high)), fill_value=False))
        wrong = outside if wrong is None else wrong | outside
        column = pc.if_else(pa.array(outside), pa.scalar(None, pa.int64()), column)
    return column.cast(ARROW[field.type]), wrong, "not_a_number"


def _event_times(column: pa.Array) -> _Typed:
    texts = _encoded(column)
    if texts is not None:
        numbers = _from_texts(texts)
    elif pa.types.is_timestamp(column.type):
        numbers = column.cast(pa.timestamp("ms"), safe=False).cast(pa.int64()), None
    else:
        numbers = _numbers(column, time=False)
    return _in_range(*numbers, FIELDS["start"])
