"""Columns of addresses as text → numbers, a distinct address once."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LONGEST: Final = 15
"""Characters of the longest IPv4 address."""

_DOT: Final = ord(".")
_ZERO: Final = ord("0")


@dataclass(frozen=True, slots=True)
class Coded:
    """A column of text: a code for each row, the place of its value in *values*; -1 for null."""

    codes: NDArray[np.int32]
    values: pa.Array

    @classmethod
    def of(cls, column: pa.Array) -> Coded:
        """Read a column of strings, dictionary-encoded or not."""
        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
        if not pa.types.is_dictionary(column.type):
            column = column.cast(pa.string()).dictionary_encode()
        codes = column.indices.cast(pa.int32())
        return cls(codes.fill_null(-1).to_numpy(zero_copy_only=False), column.dictionary.cast(pa.string()))


@dataclass(frozen=True, slots=True)
class Addresses:
    """Distinct addresses, and a last element that stands for null, so that the code -1 finds it.

    version: 4, 6, or 0 for what is no address. four: numbers of IPv4 ones. six: IPv6 ones, 16 bytes each.
    """

    version: NDArray[np.uint8]
    four: NDArray[np.uint32]
    six: NDArray[np.bytes_]

    @classmethod
    def of(cls, values: pa.Array) -> Addresses:
        """Read an array of strings; what is no IPv4 address is tried as IPv6."""
        count = len(values)
        version, four = np.zeros(count + 1, np.uint8), np.zeros(count + 1, np.uint32)
        six = np.zeros(count + 1 if count else 1, "S16")
        if count:
            numbers, valid = _ipv4(values)
            version[:count][valid], four[:count] = 4, np.where(valid, numbers, 0)
            for place in np.flatnonzero(~valid).tolist():
                packed = _ipv6(values[place].as_py())
                if packed is not None:
                    version[place], six[place] = 6, packed
        return cls(version, four, six)


def _ipv6(text: str | None) -> bytes | None:
    if text is None or ":" not in text:
        return None
    try:
        return socket.inet_pton(socket.AF_INET6, text)
    except (OSError, ValueError):
        return None


def _ipv4(values: pa.Array) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """Read dotted quads character by character, all texts at once: four numbers up to 255 without leading zeros."""
    starts, lengths, data = _buffers(values)
    valid = (lengths >= 7) & (lengths <= _LONGEST)
    number, octet = np.zeros(len(starts), np.uint32), np.zeros(len(starts), np.uint32)
    digits, dots = np.zeros(len(starts), np.uint8), np.zeros(len(starts), np.uint8)
    for place in range(int(min(_LONGEST, lengths.max(initial=0)))):
        inside = lengths > place
        character = data[np.minimum(starts + place, len(data) - 1)]
        is_dot = inside & (character == _DOT)
        digit = character - np.uint8(_ZERO)
        is_digit = inside & (digit < 10)
        valid &= is_dot | is_digit | ~inside
        # A digit after a single 0 would be a leading zero.
        valid &= ~(is_digit & (digits == 1) & (octet == 0))
        valid &= ~(is_dot & (digits == 0))
        octet = np.where(is_digit, octet * np.uint32(10) + digit, octet)
        digits += is_digit
        valid &= (digits <= 3) & (octet <= 255)
        number = np.where(is_dot, number << np.uint32(8) | octet, number)
        octet[is_dot] = 0
        digits[is_dot] = 0
        dots += is_dot
    valid &= (dots == 3) & (digits > 0)
    return number << np.uint32(8) | octet, valid


def _buffers(values: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """Return where each string begins, its length (0 for null), and the bytes of all."""
    offsets: NDArray[Any] = np.frombuffer(values.buffers()[1], np.int32)[
        values.offset : values.offset + len(values) + 1
    ]
    text = values.buffers()[2]
    data = np.frombuffer(text, np.uint8) if text is not None and text.size else np.zeros(1, np.uint8)
    lengths = np.diff(offsets).astype(np.int64)
    if values.null_count:
        lengths[values.is_null().to_numpy(zero_copy_only=False)] = 0
    return offsets[:-1].astype(np.int64), lengths, data
