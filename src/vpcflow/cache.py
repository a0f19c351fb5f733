"""Objects fetched to be read here: a folder of bounded size, least recently used out first.

    <folder>/files/<name>            what was fetched, whole, by a name that says which version it is
    <folder>/in-use/<run>/<name>     links to what one process reads; `lock` is held while it lives

A file is fetched under another name and renamed, so there is never half of one. What is in use is linked, so dropping it from
the cache takes nothing from a reader. Locks are flock(2): the kernel lets go of them however a process ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vpcflow.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_TOGETHER: Final = 8
"""Objects fetched at once."""


@dataclass(frozen=True, slots=True)
class CacheItem:
    """One object. name: of this version, a relative path; bytes: its size; get: writes it to a path."""

    name: str
    bytes: int
    get: Callable[[Path], None]


@dataclass(slots=True)
class CacheCounts:
    """What was asked of a cache: files there already, and fetched, with their bytes."""

    hits: int = 0
    fetched: int = 0
    fetched_bytes: int = 0


class ObjectCache:
    """The cache in *folder*, of at most *limit* bytes; any number of processes may share it."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder.absolute()
        self.limit = limit
        self.counts = CacheCounts()

    def use(self) -> CacheUse:
        """Begin to read from it."""
        return CacheUse(self)

    def evict(self) -> None:
        """Drop files until the rest is under the limit, those first that nobody has read for longest."""
        found = []
        for path in _files(self.folder / "files"):
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                found.append((status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found, key=lambda item: item[0]):
            if total <= self.limit:
                return
            path.unlink(missing_ok=True)
            total -= size

    def sweep(self) -> None:
        """Remove what processes that died had in use."""
        for folder in (self.folder / "in-use").iterdir() if (self.folder / "in-use").is_dir() else ():
            try:
                handle = os.open(folder / "lock", os.O_RDWR)
            except OSError:
                continue
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            except BlockingIOError:
                pass
            finally:
                os.close(handle)


class CacheUse:
    """One process's reading: what it fetched stays until `close`."""

    def __init__(self, cache: ObjectCache) -> None:
        self._cache = cache
        self._folder: Path | None = None
        self._lock = -1
        self._guard = threading.Lock()

    def _open(self) -> Path:
        with self._guard:
            if self._folder is None:
                self._cache.sweep()
                while self._folder is None:
                    self._take(self._cache.folder / "in-use" / secrets.token_hex(8))
            return self._folder

    def _take(self, folder: Path) -> None:
        """Make *folder* this process's, unless somebody's sweep came between its making and its lock."""
        folder.mkdir(parents=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.fstat(lock).st_nlink:
            self._folder, self._lock = folder, lock
        else:
            os.close(lock)

    def fetch(self, items: Sequence[CacheItem]) -> list[Path]:
        """Return where each of *items* can be read; QueryError when together they are more than the cache may hold."""
        total = sum(item.bytes for item in items)
        if total > self._cache.limit:
            raise QueryError("query.cache_small", size=_size(total), limit=_size(self._cache.limit))
        folder = self._open()
        before = self._cache.counts.fetched
        with ThreadPoolExecutor(_TOGETHER, thread_name_prefix="fetch") as pool:
            found = list(pool.map(lambda item: self._one(item, folder), items))
        if self._cache.counts.fetched > before:
            self._cache.evict()
        return found

    def _one(self, item: CacheItem, folder: Path) -> Path:
        target = folder / item.name
        if target.exists():
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        kept = self._cache.folder / "files" / item.name
        while True:
            if self._fits(kept, item):
                with self._guard:
                    self._cache.counts.hits += 1
            else:
                self._get(item, kept, folder)
            # Another process may drop it between here and there; then it is fetched again.
            try:
                os.link(kept, target)
            except FileNotFoundError:
                continue
            with contextlib.suppress(FileNotFoundError):
                os.utime(kept)
            return target

    def _fits(self, kept: Path, item: CacheItem) -> bool:
        try:
            return kept.stat().st_size == item.bytes
        except FileNotFoundError:
            return False

    def _get(self, item: CacheItem, kept: Path, folder: Path) -> None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        fetched = folder / f"{secrets.token_hex(8)}.fetched"
        try:
            item.get(fetched)
            if fetched.stat().st_size != item.bytes:
                raise QueryError("query.object_changed", name=item.name)
            fetched.replace(kept)
        finally:
            fetched.unlink(missing_ok=True)
        with self._guard:
            self._cache.counts.fetched += 1
            self._cache.counts.fetched_bytes += item.bytes

    def close(self) -> None:
        """Let go of everything."""
        with self._guard:
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                os.close(self._lock)
                self._folder = None


def _files(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder):
        for name in names:
            yield folder.__class__(root, name)


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
