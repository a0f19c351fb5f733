"""Where users' tables lie, read and written: folders of this machine and S3, behind the contract `types.Places`."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from vpcflow.cache import CacheItem
from vpcflow.collect.selection import Selection
from vpcflow.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vpcflow.cache import CacheUse, ObjectCache
    from vpcflow.collect.s3_access import S3Access
    from vpcflow.types import SourceObject

_EVERYTHING = Selection()


@dataclass(frozen=True, slots=True)
class TablePlaces:
    """Places reached with *access*; what has to be fetched goes through *cache*."""

    access: S3Access
    cache: ObjectCache
    _uses: list[CacheUse] = field(default_factory=list)

    def objects(self, location: str) -> Iterator[SourceObject]:
        """Yield all objects under *location*; none where there is no such place."""
        if location.startswith("s3://"):
            from vpcflow.collect import s3  # noqa: PLC0415 - obstore takes 25 ms that files need not pay

            yield from s3.objects(f"{location.rstrip('/')}/", _EVERYTHING, self.access, Counter())
            return
        from vpcflow.collect import local  # noqa: PLC0415 - beside its twin

        path = _path(location)
        if path.exists():
            yield from local.objects(str(path), _EVERYTHING, Counter())

    def folders(self, location: str) -> list[str]:
        """Return the names of the folders directly in *location*."""
        from vpcflow.collect.folders import folders  # noqa: PLC0415 - few questions need it

        return folders(location, self.access)

    def paths(self, found: Sequence[SourceObject]) -> list[str]:
        """Return where on this machine each of *found* can be read; what lies elsewhere is fetched first."""
        if not self._uses:
            self._uses.append(self.cache.use())
        items = [CacheItem(_version(one), one.bytes, partial(_copy, one)) for one in found if one.remote]
        fetched = iter(self._uses[0].fetch(items) if items else ())
        return [str(next(fetched) if one.remote else _path(one.uri)) for one in found]

    def close(self) -> None:
        """Let the cache drop what was fetched for questions."""
        while self._uses:
            self._uses.pop().close()

    @contextlib.contextmanager
    def new(self, location: str) -> Iterator[Path]:
        """Give a folder to write in; what is there when the block ends becomes *location*, all of it or nothing."""
        if next(self.objects(location), None) is not None:
            raise SourceError("source.not_empty", source=location)
        if location.startswith("s3://"):
            with tempfile.TemporaryDirectory(prefix=f"vpcflow-{os.getpid()}-") as folder:
                yield Path(folder)
                self._upload(Path(folder), location)
            return
        target = _path(location)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            folder = tempfile.mkdtemp(dir=target.parent, prefix=".vpcflow-")
        except OSError as error:
            raise SourceError("source.not_writable", source=location, reason=error.strerror or str(error)) from error
        try:
            yield Path(folder)
            Path(folder).chmod(0o755)
            if target.is_dir():
                target.rmdir()
            Path(folder).rename(target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _upload(self, folder: Path, location: str) -> None:
        import obstore  # noqa: PLC0415 - see objects

        from vpcflow.collect.s3 import split  # noqa: PLC0415
        from vpcflow.collect.s3_access import connect  # noqa: PLC0415
        from vpcflow.collect.s3_faults import FAULTS, fault  # noqa: PLC0415

        bucket, prefix = split(location)
        store, endpoint = connect(bucket, self.access)
        done: list[str] = []
        try:
            for path in sorted(folder.rglob("*.parquet")):
                key = f"{prefix}/{path.relative_to(folder).as_posix()}".lstrip("/")
                obstore.put(store, key, path)
                done.append(key)
        except FAULTS as error:
            # Half a table is none.
            with contextlib.suppress(*FAULTS):
                obstore.delete(store, done)
            raise fault(error, location, endpoint=endpoint) from error


def _version(found: SourceObject) -> str:
    """Return the name that one version of an object has in the cache."""
    return f"objects/{hashlib.sha256(f'{found.uri} {found.etag}'.encode()).hexdigest()}.parquet"


def _copy(found: SourceObject, target: Path) -> None:
    with found.open() as raw, target.open("wb") as file:
        shutil.copyfileobj(raw, file, 1 << 20)


def _path(location: str) -> Path:
    return Path(unquote(urlsplit(location).path))
