"""A place in S3 to write to and read from: the contract `types.Remote`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import NotFoundError

from vpcflow.collect.s3 import split
from vpcflow.collect.s3_access import connect
from vpcflow.collect.s3_faults import FAULTS, fault

if TYPE_CHECKING:
    from pathlib import Path

    from vpcflow.aws import S3Access


class S3Folder:
    """What lies below *uri* (`s3://bucket/prefix`), by path. SourceError for what S3 refuses."""

    def __init__(self, uri: str, access: S3Access) -> None:
        bucket, prefix = split(uri)
        self.uri = f"s3://{bucket}/{prefix}".rstrip("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._store, self._endpoint = connect(bucket, access)

    def put(self, path: str, source: Path) -> None:
        """Upload a file, in parts where it is large; it is there whole or not at all."""
        try:
            obstore.put(self._store, self._prefix + path, source)
        except FAULTS as error:
            raise fault(error, f"{self.uri}/{path}", endpoint=self._endpoint) from error

    def get(self, path: str, target: Path) -> None:
        """Fetch an object into a file; FileNotFoundError when there is none."""
        try:
            with target.open("wb") as file:
                for piece in obstore.get(self._store, self._prefix + path).stream(min_chunk_size=1 << 20):
                    file.write(piece)
        except (FileNotFoundError, NotFoundError):
            target.unlink(missing_ok=True)
            raise FileNotFoundError(f"{self.uri}/{path}") from None
        except FAULTS as error:
            target.unlink(missing_ok=True)
            raise fault(error, f"{self.uri}/{path}", endpoint=self._endpoint) from error

    def size(self, path: str) -> int | None:
        """Return an object's bytes, None when there is none."""
        try:
            return int(obstore.head(self._store, self._prefix + path)["size"])
        except (FileNotFoundError, NotFoundError):
            return None
        except FAULTS as error:
            raise fault(error, f"{self.uri}/{path}", endpoint=self._endpoint) from error

    def remove(self, path: str) -> None:
        """Delete an object; nothing happens when there is none."""
        try:
            obstore.delete(self._store, self._prefix + path)
        except (FileNotFoundError, NotFoundError):
            return
        except FAULTS as error:
            raise fault(error, f"{self.uri}/{path}", endpoint=self._endpoint) from error
