"""The compiled engine: a flow table that grows up to a limit, then asks to be drained."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vpcflow.capture import _kernels
from vpcflow.capture.walk import DRAIN, STATUS, USED
from vpcflow.record.flow_counts import ROW

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vpcflow.capture.cursor import Cursor

_FIRST_ROWS: Final = 1 << 16


class CompiledEngine:
    """Folds packets with Numba. max_bytes: what the table may take; keep_nd: count neighbor discovery too."""

    name = "numba"

    def __init__(self, interval_s: int, *, max_bytes: int = 128 << 20, keep_nd: bool = False) -> None:
        self._interval_s, self._keep_nd = interval_s, keep_nd
        self._max_rows = max(1 << 10, 1 << (max_bytes // ROW.itemsize).bit_length() - 1)
        self._table = _table(min(_FIRST_ROWS, self._max_rows))
        self._used = 0
        self._seed = np.uint64(secrets.randbits(64))
        self._keys = np.zeros((_kernels.BATCH, 6), np.uint64)
        self._values = np.zeros((_kernels.BATCH, 4), np.int64)

    def fold(self, data: NDArray[np.uint8], end: int, cursor: Cursor) -> int:
        """See `Engine`."""
        state = cursor.state
        while True:
            state[USED] = self._used
            _kernels.fold(
                data, end, cursor.form, cursor.big, cursor.links, state, cursor.reasons, self._table,
                self._interval_s, self._seed, self._keep_nd, self._keys, self._values,
            )  # fmt: skip
            self._used = int(state[USED])
            status = int(state[STATUS])
            if status == DRAIN and self._full and self._rows < self._max_rows:
                self._grow()
                continue
            return status

    @property
    def _rows(self) -> int:
        return len(self._table) // _kernels.WORDS

    @property
    def _full(self) -> bool:
        return bool(self._used > _kernels.room(self._rows))

    def _grow(self) -> None:
        larger = _table(min(self._rows * 2, self._max_rows))
        _kernels.rehash(self._table, larger, self._seed)
        self._table = larger

    def drain(self) -> NDArray[Any]:
        """See `Engine`."""
        rows = np.empty(self._used, ROW)
        _kernels.drain(self._table, rows.view(np.uint64))
        self._used = 0
        return rows


def _table(rows: int) -> NDArray[np.uint64]:
    return np.zeros(rows * _kernels.WORDS, np.uint64)
