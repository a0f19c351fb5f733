"""Files, folders and globs of this machine.

A folder is walked name by name in order, so that AWS's layout comes in the order of time; only one folder's names are in
memory. Names beginning with "." or "_", zero-byte files and our own lakes are left out; links are followed, never in a loop.
"""

from __future__ import annotations

import os
import stat
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TypeAlias

from vpcflow.collect.order import in_time_order
from vpcflow.errors import SourceError
from vpcflow.record.layout import parse
from vpcflow.types import SourceObject

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from vpcflow.collect.selection import Selection

_LAKE: Final = "_vpcflow"
"""The folder that makes a folder a lake."""

_MAX_DEPTH: Final = 200
"""Folders in folders. AWS's layout has a dozen; a path could have two thousand, and each is a call inside a call."""

_MAGIC: Final = frozenset("*?[")

_KINDS: Final = (
    (stat.S_ISDIR, "folder"),
    (stat.S_ISFIFO, "fifo"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
)


def check(source: str) -> None:
    """Raise SourceError when *source* is neither a file, a folder nor a glob with something to begin at."""
    if "\0" in source or not source:
        raise SourceError("source.bad_name", source=repr(source))
    path = Path(source)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if not is_glob(source):
            raise SourceError("source.missing", source=source) from None
        return
    except OSError as error:
        raise _unreadable(source, error) from error
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise SourceError("source.not_a_file", source=source, kind=_kind(mode))


def objects(source: str, selection: Selection, left_out: Counter[str]) -> Iterator[SourceObject]:
    """Yield the files that *source* names (a file, a folder, a glob), as far as *selection* may want them."""
    walk = _Walk(selection, left_out)
    path = Path(source).absolute()
    if path.exists() or not is_glob(source):
        yield from in_time_order(walk.of(path))
        return
    named = len(path.parts) - len(Path(source).parts)
    fixed = next(i for i, part in enumerate(path.parts) if i >= named and _MAGIC & set(part))
    yield from in_time_order(walk.matching(Path(*path.parts[:fixed]), path.parts[fixed:]))


def is_glob(source: str) -> bool:
    """Tell whether *source* holds a pattern's characters."""
    return bool(_MAGIC & set(source))


_Id: TypeAlias = tuple[int, int]


class _Walk:
    """One way through folders."""

    def __init__(self, selection: Selection, left_out: Counter[str]) -> None:
        self._selection, self._left_out = selection, left_out
        self._last = self._last_real = Path()

    def of(self, path: Path) -> Iterator[SourceObject]:
        """Yield the file *path*, or all files under it. A file the user named himself is taken even if it is empty."""
        if path.is_dir():
            yield from self._folder(path, ())
        else:
            yield from self._file(path, named=True)

    def matching(self, folder: Path, pattern: tuple[str, ...], above: tuple[_Id, ...] = ()) -> Iterator[SourceObject]:
        """Yield the files that *pattern* (one part a folder; ``**`` is any number) names from *folder* on."""
        first, *rest = pattern
        if first == "**" and not rest:
            yield from self.of(folder)
            return
        if first == "**":
            yield from self.matching(folder, tuple(rest), above)
            for entry, inside in self._folders(folder, above):
                yield from self.matching(entry, pattern, inside)
            return
        for name in self._names(folder, first):
            path = folder / name
            if not rest:
                yield from self.of(path) if path.is_dir() else self._file(path, named=False)
            elif path.is_dir():
                yield from self.matching(path, tuple(rest), above)

    def _names(self, folder: Path, pattern: str) -> list[str]:
        if not _MAGIC & set(pattern):
            return [pattern] if (folder / pattern).exists() else []
        hidden = pattern[0] in "._"
        return [
            entry for entry in self._entries(folder) if fnmatchcase(entry, pattern) and (hidden or not _hidden(entry))
        ]

    def _folders(self, folder: Path, above: tuple[_Id, ...]) -> Iterator[tuple[Path, tuple[_Id, ...]]]:
        inside = self._entered(folder, above)
        if inside is None:
            return
        for name in self._entries(folder):
            path = folder / name
            if not _hidden(name) and path.is_dir():
                yield path, inside

    def _folder(self, folder: Path, above: tuple[_Id, ...]) -> Iterator[SourceObject]:
        inside = self._entered(folder, above)
        if inside is None:
            return
        reason = self._selection.refuses_under(folder.as_posix())
        if reason:
            self._left_out[reason] += 1
            return
        for name in self._entries(folder):
            if _hidden(name):
                self._left_out["hidden"] += 1
                continue
            path = folder / name
            if path.is_dir():
                yield from self._folder(path, inside)
            else:
                yield from self._file(path, named=False)

    def _entries(self, folder: Path) -> list[str]:
        """Return the names in *folder* in order; none of a folder that cannot be read or is a lake of ours."""
        try:
            names = sorted(os.listdir(folder))  # noqa: PTH208 - names are wanted, and iterdir() makes a path of each
        except OSError:
            self._left_out["unreadable"] += 1
            return []
        if _LAKE in names:
            self._left_out["lake"] += 1
            return []
        return names

    def _entered(self, folder: Path, above: tuple[_Id, ...]) -> tuple[_Id, ...] | None:
        """Return the folders one is inside of once in *folder*; None when a link has led back into one of them."""
        try:
            status = folder.stat()
        except OSError:
            self._left_out["unreadable"] += 1
            return None
        here = (status.st_dev, status.st_ino)
        if here in above:
            return None
        if len(above) == _MAX_DEPTH:
            self._left_out["unreadable"] += 1
            return None
        return (*above, here)

    def _file(self, path: Path, *, named: bool) -> Iterator[SourceObject]:
        reason: str = self._selection.refuses(path.as_posix())
        if reason == "other_service" and named:
            reason = ""
        try:
            status = path.stat()
        except OSError:
            self._left_out["unreadable"] += 1
            return
        if not stat.S_ISREG(status.st_mode):
            reason = "not_a_file"
        elif not status.st_size and not named:
            reason = "empty"
        if reason:
            self._left_out[reason] += 1
            return
        yield _object(path, self._real(path), status)

    def _real(self, path: Path) -> Path:
        """Return *path* without links; a folder's is found once for all its files, as it costs a call for each part."""
        if path.is_symlink():
            return path.resolve()
        if path.parent != self._last:
            self._last, self._last_real = path.parent, path.parent.resolve()
        return self._last_real / path.name


def _hidden(name: str) -> bool:
    return name[0] in "._"


def _object(path: Path, real: Path, status: os.stat_result) -> SourceObject:
    key = parse(path.as_posix())
    return SourceObject(
        uri=real.as_uri(),
        etag=f"{status.st_size}-{status.st_mtime_ns}",
        bytes=status.st_size,
        open=partial(_open, real),
        account=key.account if key else None,
        region=key.region if key else None,
        time_s=key.time_s if key else None,
        changed_s=int(status.st_mtime),
    )


def _open(path: Path) -> BinaryIO:
    """Open a regular file for reading; SourceError for anything else that has its name by now."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO would wait for its writer
    except FileNotFoundError as error:
        raise SourceError("source.gone", source=str(path)) from error
    except OSError as error:
        raise _unreadable(str(path), error) from error
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(handle, "rb")
    os.close(handle)
    raise SourceError("source.not_a_file", source=str(path), kind=_kind(mode))


def _kind(mode: int) -> str:
    return next((kind for test, kind in _KINDS if test(mode)), "other")


def _unreadable(source: str, error: OSError) -> SourceError:
    return SourceError("source.unreadable", source=source, reason=error.strerror or str(error))
