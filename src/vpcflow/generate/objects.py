"""Objects in AWS's S3 layout: which window each has, what it is called, how it is written.

Source: VPC User Guide "Flow log files": an object named by a window's start holds the records whose `end` lies in it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import numpy as np
from isal import isal_zlib

from vpcflow.record import layout

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from vpcflow.generate.config import Config
    from vpcflow.generate.rows import Ints

_LEVEL: Final = 1
_PIECE: Final = 1 << 20
_GZIP: Final = 31  # window bits of zlib's interface: 32 KiB with a gzip header


def edges(config: Config) -> Ints:
    """Return the files + 1 bounds of the windows, epoch seconds; on five minutes where windows are that long."""
    bounds: Ints = config.start + np.arange(config.files + 1) * config.span_s // config.files
    if config.span_s >= config.files * layout.WINDOW_S:
        bounds[1:-1] -= bounds[1:-1] % layout.WINDOW_S
    return bounds


def path(config: Config, number: int, start: int) -> Path:
    """Return where file *number*, whose window begins at *start*, is written."""
    named = f"{config.seed}/{config.account}/{config.region}/{config.flow_log_id}/{number}"
    unique = hashlib.sha256(named.encode()).hexdigest()[:8]
    key = layout.of(config.account, config.region, config.flow_log_id, start)
    return config.out / layout.key_for(key, unique=unique)


class Objects:
    """Writes the files one after another; each appears under its name when it is complete.

    paths, packed: the complete files, and their bytes together. As a context: an error leaves complete files only.
    """

    def __init__(self, config: Config) -> None:
        self.paths: list[Path] = []
        self.packed = 0
        self._config = config
        self._starts: list[int] = edges(config).tolist()
        self._current = self._begin()

    def write(self, number: int, lines: bytes) -> None:
        """Write lines of file *number*; numbers never go back."""
        while len(self.paths) < number:
            self._finish()
            self._current = self._begin()
        self._current.write(lines)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._current.abandon()
            return
        # A window without records has a file with its header only.
        self.write(self._config.files - 1, b"")
        self._finish()

    def _begin(self) -> _Packed:
        number = len(self.paths)
        current = _Packed(path(self._config, number, self._starts[number]))
        current.write(f"{self._config.log_format.header()}\n".encode())
        return current

    def _finish(self) -> None:
        self.packed += self._current.finish()
        self.paths.append(self._current.path)


class _Packed:
    """One gzip file under a hidden name until it is complete."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._hidden = path.with_name(f".{path.name}.part")
        self._file = self._hidden.open("wb")
        self._held = bytearray()
        self._gzip = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _GZIP)

    def write(self, data: bytes) -> None:
        # igzip's first block is twice as big when it is begun with a header line alone.
        self._held += data
        if len(self._held) >= _PIECE:
            self._pack()

    def _pack(self) -> None:
        self._file.write(self._gzip.compress(bytes(self._held)))
        self._held.clear()

    def finish(self) -> int:
        """Return the file's bytes; it has its name now."""
        self._pack()
        self._file.write(self._gzip.flush())
        size = self._file.tell()
        self._file.close()
        self._hidden.replace(self.path)
        return size

    def abandon(self) -> None:
        self._file.close()
        self._hidden.unlink(missing_ok=True)
