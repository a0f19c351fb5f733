"""A lake's files in S3: uploaded before they are visible, fetched into the cache before they are read.

The ledger lies on this machine. A copy of it goes to the bucket after each run that changed it, so that the lake outlives the
machine; the copy says by its number whether somebody else has written since.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vpcflow.cache import CacheItem
from vpcflow.errors import LakeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vpcflow.cache import ObjectCache
    from vpcflow.lake.ledger import Ledger
    from vpcflow.types import DataFile, Remote

_LEDGER: Final = "_vpcflow/ledger.sqlite"
_COMMIT: Final = "_vpcflow/commit.json"
_MINE: Final = "pushed.json"


class S3Storage:
    """Files below a place in S3. remote: that place; cache: what is fetched from it; home: the folder here with the ledger."""

    def __init__(self, remote: Remote, cache: ObjectCache, home: Path) -> None:
        self._remote, self._cache, self._home = remote, cache, home
        self.uri = remote.uri
        self.folder = cache.folder
        self._use = cache.use()

    def put(self, staging: Path, path: str) -> bool:
        """Upload *staging*; it stays until `release`, so that a killed run can do it again."""
        if not staging.exists():
            return self._remote.size(path) is not None
        self._remote.put(path, staging)
        return True

    def settle(self, paths: Sequence[str]) -> None:
        """Do nothing: what S3 has answered for is kept."""

    def release(self, staging: Sequence[Path]) -> None:
        """Delete what was uploaded."""
        for path in staging:
            path.unlink(missing_ok=True)

    def local(self, files: Sequence[DataFile]) -> list[str]:
        """Fetch what is not in the cache; QueryError when all of it is more than the cache may hold."""
        items = [
            CacheItem(f"{self._home.name}/{file.path}", file.bytes, partial(self._fetch, file.path)) for file in files
        ]
        return [str(path) for path in self._use.fetch(items)]

    def _fetch(self, path: str, target: Path) -> None:
        try:
            self._remote.get(path, target)
        except FileNotFoundError:
            raise LakeError("lake.object_gone", path=f"{self.uri}/{path}") from None

    def done(self) -> None:
        """Let the cache drop what was read."""
        self._use.close()
        self._use = self._cache.use()

    @contextlib.contextmanager
    def copy(self, path: str) -> Iterator[Path]:
        """Fetch one file to read once."""
        with tempfile.TemporaryDirectory(prefix=f"vpcflow-{os.getpid()}-") as folder:
            target = Path(folder) / "file.parquet"
            self._remote.get(path, target)
            yield target

    def missing(self, files: Sequence[DataFile]) -> list[DataFile]:
        """Return those of *files* that are not there, or not as long as they were."""
        with ThreadPoolExecutor(8, thread_name_prefix="head") as pool:
            sizes = list(pool.map(lambda file: self._remote.size(file.path), files))
        return [file for file, size in zip(files, sizes, strict=True) if size != file.bytes]

    def remove(self, path: str) -> None:
        """Delete a file."""
        self._remote.remove(path)

    # --- the ledger's copy -------------------------------------------------------------------------------------

    def restore(self) -> bool:
        """Fetch the ledger's copy where this machine has no ledger; tell whether there was one."""
        target = self._home / _LEDGER
        if target.exists():
            return False
        told = self._commit()
        if told is None:
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        fetched = target.with_suffix(".fetched")
        try:
            self._remote.get(_LEDGER, fetched)
        except FileNotFoundError:
            raise LakeError("lake.no_copy", path=self.uri) from None
        self._keep(told)
        fetched.replace(target)
        return True

    def check(self) -> None:
        """Raise LakeError when another machine has written to this lake since this one did."""
        theirs = self._commit()
        if theirs is not None and theirs != self._kept() and theirs.get("writer") != self._writer():
            raise LakeError("lake.written_elsewhere", path=self.uri, home=str(self._home))

    def push(self, ledger: Ledger) -> None:
        """Copy the ledger to the bucket if it has changed since it was copied last."""
        told: dict[str, object] = {"commit": ledger.commit_number(), "writer": self._writer()}
        if told == self._kept():
            return
        with tempfile.TemporaryDirectory(prefix=f"vpcflow-{os.getpid()}-") as folder:
            snapshot = Path(folder) / "ledger.sqlite"
            ledger.copy_to(snapshot)
            self._remote.put(_LEDGER, snapshot)
            note = Path(folder) / "commit.json"
            note.write_text(json.dumps(told))
            self._remote.put(_COMMIT, note)
        self._keep(told)

    def _commit(self) -> dict[str, object] | None:
        with tempfile.TemporaryDirectory(prefix=f"vpcflow-{os.getpid()}-") as folder:
            target = Path(folder) / "commit.json"
            try:
                self._remote.get(_COMMIT, target)
            except FileNotFoundError:
                return None
            return _read(target)

    def _kept(self) -> dict[str, object] | None:
        path = self._home / "_vpcflow" / _MINE
        return _read(path) if path.exists() else None

    def _writer(self) -> str:
        """Return a name that this machine's copy of the ledger has and no other."""
        path = self._home / "_vpcflow" / "writer"
        with contextlib.suppress(FileExistsError), path.open("x") as file:
            file.write(secrets.token_hex(8))
        return path.read_text()

    def _keep(self, told: dict[str, object]) -> None:
        path = self._home / "_vpcflow" / _MINE
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps(told))
        temporary.replace(path)


def _read(path: Path) -> dict[str, object] | None:
    try:
        found = json.loads(path.read_text())
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
