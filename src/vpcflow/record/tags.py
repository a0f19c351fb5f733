"""Tag values of version 11: percent-encoded in a record, so that it splits at spaces; plain in the lake.

Which characters AWS leaves alone is not published (letters and digits are); all others are encoded here.
"""

from __future__ import annotations

from urllib.parse import unquote

import pyarrow as pa


def decode_tag(column: pa.Array) -> pa.Array:
    """Percent-decode the values of a string column, encoded or plain."""
    return _mapped(column, lambda text: unquote(text) if "%" in text else text)


def encode_tag(column: pa.Array) -> pa.Array:
    """Percent-encode the values of a string column."""
    return _mapped(column, _encode)


def _encode(text: str) -> str:
    if text.isascii() and text.isalnum():
        return text
    return "".join(chr(b) if chr(b).isascii() and chr(b).isalnum() else f"%{b:02X}" for b in text.encode())


def _mapped(column: pa.Array, change: object) -> pa.Array:
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    values = [None if v is None else change(v) for v in encoded.dictionary.to_pylist()]  # type: ignore[operator]
    # Two encodings of one value may fall together, so the codes are taken through plain strings.
    return pa.array(values, pa.string()).take(encoded.indices)
