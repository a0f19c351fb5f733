"""A lake on disk: where its parts lie, who is writing, who is reading, and what is put right at start-up.

    <lake>/_vpcflow/ledger.sqlite     the truth (ledger.py)
    <lake>/_vpcflow/staging/<run>/    files of one writer that are not published yet; its `lock` is held while it lives
    <lake>/_vpcflow/readers.lock      held shared while files are read, exclusively while removed files are deleted
    <lake>/<table>/aws_account_id=…/aws_region=…/year=…/month=…/day=…/hour=…/<run>-<n>.parquet

Locks are flock(2): the kernel lets go of them when a process dies, however it dies. Names that begin with "_" are left
out by Hive, Trino and Athena when they list a table.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from vpcflow.errors import LakeError
from vpcflow.lake.ledger import Ledger
from vpcflow.lake.partition import KEYS
from vpcflow.lake.storage import LocalStorage, sync
from vpcflow.record.schema import in_order
from vpcflow.types import PartitionFilter, TableRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from vpcflow.lake.s3_storage import S3Storage
    from vpcflow.lake.storage import Storage
    from vpcflow.types import DataFile

_INNER: Final = "_vpcflow"


class Lake:
    """An open lake. Readers need nothing but this; writers take a `Writer` from `writer`.

    durable: False leaves out fsync, for a lake that does not outlive the process. storage: where the files lie if not below
    *root*, which then holds the ledger, staging and locks; name: what errors call the lake. restored: the ledger was missing
    here and came from its copy.
    """

    def __init__(
        self,
        root: Path,
        *,
        create: bool = False,
        durable: bool = True,
        storage: S3Storage | None = None,
        name: str = "",
    ) -> None:
        if set(str(root.absolute())) & set("*?[]"):
            raise LakeError("lake.bad_path", path=str(root))
        self.root = root
        self.restored = storage.restore() if storage else False
        self._s3 = storage
        self._storage: Storage = storage or LocalStorage(root, durable=durable)
        self.durable = durable
        self._inner = root / _INNER
        if create:
            try:
                (self._inner / "staging").mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise LakeError("lake.cannot_create", path=str(root), reason=error.strerror) from error
        if not create and not (self._inner / "ledger.sqlite").exists():
            raise LakeError("lake.missing", path=name or str(root))
        self.ledger = Ledger(self._inner / "ledger.sqlite", create=create)
        if self.ledger.staged() and os.access(self._inner, os.W_OK):
            self.publish_staged()

    def close(self) -> None:
        """Let go of the ledger."""
        self.ledger.close()

    # --- Catalog -----------------------------------------------------------------------------------------------

    def columns(self, table: str) -> tuple[str, ...]:
        """Return the columns that some file of *table* has, in the registry's order."""
        return tuple(in_order(table, self.ledger.columns(table)))

    def keys(self) -> frozenset[str]:
        """Return the names that all tables are partitioned by."""
        return frozenset(KEYS)

    def scan(self, table: str, where: PartitionFilter = PartitionFilter()) -> TableRef:  # noqa: B008 - frozen
        """Return the files of *table* that may hold rows of *where*; paths are absolute."""
        found = self.ledger.scan(table, where)
        files = (replace(file, path=path) for file, path in zip(found, self._storage.local(found), strict=True))
        return TableRef(table, self.columns(table), tuple(files))

    def size(self, table: str, where: PartitionFilter) -> int:
        """Return the bytes of the files of *table* that may hold rows of *where*."""
        return sum(file.bytes for file in self.ledger.scan(table, where))

    def newest(self, table: str) -> int | None:
        """Return when the newest record of *table* ends (epoch s), None for an empty table."""
        return self.ledger.newest(table)

    @property
    def uri(self) -> str:
        """Where the files lie, as `file:///…` or `s3://…`."""
        return self._storage.uri

    @property
    def readable(self) -> Path:
        """Return the folder that an engine must be allowed to read."""
        return self._storage.folder

    def missing(self) -> list[DataFile]:
        """Return the visible files that are not where they should be."""
        tables = self.ledger.totals().tables
        return self._storage.missing([file for table in tables for file in self.ledger.scan(table, PartitionFilter())])

    def file(self, path: str) -> contextlib.AbstractContextManager[Path]:
        """Give one of the lake's files to read; FileNotFoundError when it is gone."""
        return self._storage.copy(path)

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Keep all files on disk that are visible now, until the block ends. Take it before `scan`."""
        with self._locked("readers.lock", fcntl.LOCK_SH):
            try:
                yield
            finally:
                self._storage.done()

    @contextlib.contextmanager
    def _locked(self, name: str, how: int) -> Iterator[bool]:
        flags = os.O_RDWR | os.O_CREAT if os.access(self._inner, os.W_OK) else os.O_RDONLY
        try:
            handle = os.open(self._inner / name, flags, 0o644)
        except FileNotFoundError:
            yield False
            return
        try:
            fcntl.flock(handle, how)
            yield True
        except BlockingIOError:
            yield False
        finally:
            os.close(handle)

    # --- writing -----------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def writer(self) -> Iterator[Writer]:
        """Open a run of writing: start-up repairs, a staging folder that goes with the run."""
        if self._s3 is not None:
            self._s3.check()
        self.recover()
        writer = Writer(self)
        try:
            yield writer
        finally:
            writer.close()
            self.sweep()
            if self._s3 is not None:
                self._s3.push(self.ledger)

    def recover(self) -> None:
        """Finish what a killed run had committed and remove what it had not.

        Safe beside running writers: renames and `publish` may be done twice, and a staging folder is removed only when
        its lock is free.
        """
        self.publish_staged()
        staging = self._inner / "staging"
        for folder in staging.iterdir() if staging.is_dir() else ():
            with self._locked(f"staging/{folder.name}/lock", fcntl.LOCK_EX | fcntl.LOCK_NB) as dead:
                if dead:
                    # The run may have committed after the first look and died since.
                    self.publish_staged()
                    shutil.rmtree(folder, ignore_errors=True)

    def publish_staged(self) -> None:
        """Publish whatever is committed and not visible yet, whoever committed it."""
        staged = self.ledger.staged()
        if staged:
            self.publish(staged)

    def publish(self, staged: Sequence[tuple[int, str, str]]) -> None:
        """Put committed files where they belong, then make them visible."""
        for file_id, staging, path in staged:
            if not self._storage.put(self.root / staging, path) and self.ledger.is_staged(file_id):
                raise LakeError("lake.file_lost", path=path)
        self._storage.settle([path for _, _, path in staged])
        self.ledger.publish([file_id for file_id, _, _ in staged])
        self._storage.release([self.root / staging for _, staging, _ in staged])

    def sync(self, path: str) -> None:
        """Make a file's content survive the machine."""
        if self.durable:
            sync(path)

    def sweep(self) -> int:
        """Delete files that no longer count, unless someone is reading; return how many were deleted."""
        removed = self.ledger.removed()
        if not removed:
            return 0
        with self._locked("readers.lock", fcntl.LOCK_EX | fcntl.LOCK_NB) as alone:
            if not alone:
                return 0
            for _, path in removed:
                self._storage.remove(path)
        self.ledger.forget(file_id for file_id, _ in removed)
        return len(removed)


class Writer:
    """One run of writing: names for its files, and the lock that says it lives."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self._count = 0
        while True:
            self.run = secrets.token_hex(8)
            self._folder = lake.root / _INNER / "staging" / self.run
            self._folder.mkdir()
            self._lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            if (self._folder / "lock").exists():
                return
            # Another process's recover() came between mkdir and flock and took the folder for a dead run's.
            os.close(self._lock)

    def next_name(self) -> str:
        """Return a file name that no other file of the lake has."""
        self._count += 1
        return f"{self.run}-{self._count:06d}.parquet"

    def staging(self, name: str) -> str:
        """Return where a file of this run is written, relative to the lake."""
        return f"{_INNER}/staging/{self.run}/{name}"

    def discard(self, stagings: Iterable[str]) -> None:
        """Delete files that will not be committed."""
        for staging in stagings:
            (self.lake.root / staging).unlink(missing_ok=True)

    def close(self) -> None:
        """End the run: what was not committed goes; what was committed but could not be published stays for recover()."""
        mine = f"{_INNER}/staging/{self.run}/"
        if not any(staging.startswith(mine) for _, staging, _ in self.lake.ledger.staged()):
            shutil.rmtree(self._folder, ignore_errors=True)
        os.close(self._lock)
