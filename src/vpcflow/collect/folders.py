"""The folders directly below a place, here or in S3."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from vpcflow.errors import SourceError

if TYPE_CHECKING:
    from vpcflow.aws import S3Access


def folders(location: str, access: S3Access) -> list[str]:
    """Return the names of the folders in *location* (`file:///…`, `s3://…`), sorted; none where there is no such place.

    SourceError where it cannot be listed.
    """
    if location.startswith("s3://"):
        return _in_s3(location, access)
    path = unquote(urlsplit(location).path)
    try:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise SourceError("source.unreadable", source=location, reason=error.strerror) from error


def _in_s3(location: str, access: S3Access) -> list[str]:
    import obstore  # noqa: PLC0415 - 25 ms that files need not pay

    from vpcflow.collect.s3 import split  # noqa: PLC0415
    from vpcflow.collect.s3_access import connect  # noqa: PLC0415
    from vpcflow.collect.s3_faults import FAULTS, fault  # noqa: PLC0415

    bucket, prefix = split(location)
    store, endpoint = connect(bucket, access)
    try:
        found = obstore.list_with_delimiter(store, prefix or None)
    except FAULTS as error:
        raise fault(error, location, endpoint=endpoint) from error
    return sorted(path.rstrip("/").rpartition("/")[2] for path in found["common_prefixes"])
