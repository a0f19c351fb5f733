"""Which engine reads a capture."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from vpcflow.capture.cursor import Engine

Name = Literal["auto", "numba", "numpy"]

SMALL: Final = 16 << 20
"""Bytes of captures that NumPy has read before Numba is loaded."""


def compiled_available() -> bool:
    """Tell whether Numba is installed."""
    return find_spec("numba") is not None


def make(name: Name, interval_s: int, *, total_bytes: int | None, max_bytes: int, keep_nd: bool) -> Engine:
    """Return an engine: the one named, or with `auto` the fastest for *total_bytes* (None: nobody knows)."""
    small = total_bytes is not None and total_bytes < SMALL
    if name == "numba" or (name == "auto" and not small and compiled_available()):
        try:
            from vpcflow.capture.compiled import CompiledEngine  # noqa: PLC0415 - loads a compiler

            return CompiledEngine(interval_s, max_bytes=max_bytes, keep_nd=keep_nd)
        except ImportError:  # Numba refuses a NumPy that it does not know yet
            if name == "numba":
                raise
    from vpcflow.capture.plain import PlainEngine  # noqa: PLC0415 - its twin

    return PlainEngine(interval_s, max_bytes=max_bytes, keep_nd=keep_nd)
