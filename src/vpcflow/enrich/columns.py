"""Columns of a FlowBatch, filled by their distinct values: a column costs what its dictionary does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vpcflow.record.schema import ENCODED, arrow_type, in_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from vpcflow.types import FlowBatch


def encoded(batch: FlowBatch, name: str) -> tuple[list[str | None], NDArray[np.int64]]:
    """Return the distinct values of a string column, and for each row the place of its own; -1 is null."""
    column = batch.column(name)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    codes = pc.fill_null(column.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    return column.dictionary.to_pylist(), codes


class Words:
    """Words that columns are made of; what is None or empty is null."""

    def __init__(self, values: Sequence[str | None]) -> None:
        distinct = dict.fromkeys(value for value in values if value)
        code = {word: number for number, word in enumerate(distinct)}
        self._distinct = pa.array(list(distinct), pa.string())
        # The last one is for places below 0.
        self._codes = np.array([*(code.get(value or "", -1) for value in values), -1], np.int32)

    def at(self, places: NDArray[Any]) -> pa.DictionaryArray:
        """Return the word at each of *places*; -1 is null."""
        codes = self._codes[places]
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), self._distinct)


def words(values: Sequence[str | None], places: NDArray[Any]) -> pa.DictionaryArray:
    """Return the value at each of *places* as a column; -1, and a value that is None or empty, is null."""
    return Words(values).at(places)


def numbers(values: NDArray[Any], known: NDArray[np.bool_]) -> pa.Array:
    """Return an int32 column, null where nothing is known."""
    return pa.array(values.astype(np.int32), mask=~known)


def equals(batch: FlowBatch, name: str, word: str) -> NDArray[np.bool_]:
    """Tell in which rows column *name* is *word*; in none where it is missing."""
    if name not in batch.schema.names:
        return np.zeros(batch.num_rows, bool)
    values, places = encoded(batch, name)
    return np.array([*(value == word for value in values), False])[places]


def column_or_null(batch: FlowBatch, name: str) -> pa.Array:
    """Return a column, plain; null where it is missing."""
    if name not in batch.schema.names:
        return pa.nulls(batch.num_rows, arrow_type(name))
    column = batch.column(name)
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def filled(batch: FlowBatch, new: dict[str, pa.Array]) -> FlowBatch:
    """Return *batch* with the columns of *new*; where a new one is null, what was there stays."""
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    for name, column in new.items():
        old = columns.get(name)
        columns[name] = column if old is None or old.null_count == len(old) else _over(column, old)
    return ordered(columns)


def ordered(columns: dict[str, pa.Array]) -> FlowBatch:
    """Return a batch of these columns in the order of the registry; what no registry has stands last."""
    names = in_order("flow_logs", columns)
    names += [name for name in columns if name not in names]
    return pa.RecordBatch.from_arrays([columns[name] for name in names], names=names)


def _over(column: pa.Array, old: pa.Array) -> pa.Array:
    if not column.null_count:
        return column
    if pa.types.is_dictionary(column.type) or pa.types.is_dictionary(old.type):
        texts = pc.coalesce(column.cast(pa.string()), old.cast(pa.string()))
        return texts.dictionary_encode().cast(ENCODED)
    return pc.coalesce(column, old)
