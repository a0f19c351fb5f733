"""Where a lake's files lie once they are published: a folder of this machine, or S3. The one seam between the two."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from vpcflow.types import DataFile


class Storage(Protocol):
    """Published files by their path relative to the lake. A file never changes, and no two have had one path."""

    uri: str
    folder: Path
    """What an engine must be allowed to read."""

    def put(self, staging: Path, path: str) -> bool:
        """Make the file at *staging* the one at *path*; may be done twice. False when both are gone."""
        ...

    def settle(self, paths: Sequence[str]) -> None:
        """Make what was put survive the machine."""
        ...

    def release(self, staging: Sequence[Path]) -> None:
        """Let go of the staging of files that are visible now."""
        ...

    def local(self, files: Sequence[DataFile]) -> list[str]:
        """Return where on this machine each of *files* can be read; they stay there until `done`."""
        ...

    def done(self) -> None:
        """Say that what `local` gave is no longer read."""
        ...

    def copy(self, path: str) -> contextlib.AbstractContextManager[Path]:
        """Give one file to read; FileNotFoundError when it is gone."""
        ...

    def remove(self, path: str) -> None:
        """Delete a file; nothing happens when it is gone."""
        ...

    def missing(self, files: Sequence[DataFile]) -> list[DataFile]:
        """Return those of *files* that are not there."""
        ...


def sync(path: str) -> None:
    """Make a file's content, or a folder's names, survive the machine."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class LocalStorage:
    """A folder. durable: False leaves out fsync."""

    def __init__(self, root: Path, *, durable: bool) -> None:
        self._durable = durable
        self.folder = root
        self.uri = root.absolute().as_uri()

    def put(self, staging: Path, path: str) -> bool:
        """Rename *staging* to *path*."""
        final = self.folder / path
        while True:
            self._make_folder(final.parent)
            try:
                staging.rename(final)
            except FileNotFoundError:
                # Either a sweep has just taken the empty folder away, or another process has done this rename: its file
                # then lies where it should, or has even been published and compacted away already.
                if staging.exists():
                    continue
                return final.exists()
            return True

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
        self._sync(str(folder.parent))

    def settle(self, paths: Sequence[str]) -> None:
        """Make the folders' names survive the machine."""
        for folder in {str((self.folder / path).parent) for path in paths}:
            self._sync(folder)

    def release(self, staging: Sequence[Path]) -> None:
        """Do nothing: what was renamed is gone from there."""

    def _sync(self, path: str) -> None:
        if self._durable:
            sync(path)

    def local(self, files: Sequence[DataFile]) -> list[str]:
        """Return the files' own places."""
        return [str(self.folder / file.path) for file in files]

    def done(self) -> None:
        """Do nothing."""

    @contextlib.contextmanager
    def copy(self, path: str) -> Iterator[Path]:
        """Give the file itself."""
        yield self.folder / path

    def missing(self, files: Sequence[DataFile]) -> list[DataFile]:
        """Return those of *files* that are not there."""
        return [file for file in files if not (self.folder / file.path).exists()]

    def remove(self, path: str) -> None:
        """Delete a file, and its folders where they are empty."""
        (self.folder / path).unlink(missing_ok=True)
        folder = (self.folder / path).parent
        while folder != self.folder:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent
