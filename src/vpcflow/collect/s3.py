"""Objects of an S3 bucket, listed as far as they may be wanted and fetched when they are read.

With a selection the listing goes folder by folder and turns away where nothing wanted can be; once everything below a
folder is wanted, and without a selection, it is one flat listing. In memory is one page of keys, or the direct contents
of one folder that is looked at by itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import obstore

from vpcflow.collect.order import in_time_order
from vpcflow.collect.s3_access import connect
from vpcflow.collect.s3_faults import FAULTS, answered, fault
from vpcflow.collect.s3_object import S3Object
from vpcflow.errors import SourceError
from vpcflow.record.layout import parse, parse_folder
from vpcflow.types import SourceObject

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator

    from vpcflow.aws import S3Access
    from vpcflow.collect.selection import Selection

_PAGE: Final = 1000
_MANY: Final = 200
"""Folders beside one another, nothing known of any, from which one flat listing is cheaper than one for each."""

_URI: Final = re.compile(r"s3://([A-Za-z0-9][A-Za-z0-9._-]{1,254})(?:/(.*))?", re.ASCII | re.DOTALL)

Meta: TypeAlias = dict[str, Any]


def split(source: str) -> tuple[str, str]:
    """Return bucket and key (or prefix, without slashes at its ends) of ``s3://bucket[/prefix]``; SourceError for others."""
    match = _URI.fullmatch(source)
    prefix = (match[2] or "").removesuffix("/") if match else ""
    segments = prefix.split("/") if prefix else []
    if match is None or not prefix.isprintable() or any(segment in ("", ".", "..") for segment in segments):
        raise SourceError("source.bad_uri", source=source)
    return match[1], prefix


def objects(source: str, selection: Selection, access: S3Access, left_out: Counter[str]) -> Iterator[SourceObject]:
    """Yield the objects under *source* (or the one object it names) that *selection* may want.

    SourceError when the bucket is missing, refuses, or cannot be reached; what opens an object raises it for that alone.
    """
    bucket, prefix = split(source)
    found = Bucket(bucket, source, access, selection, left_out).objects(prefix, folder=source.endswith("/"))
    yield from in_time_order(found)


class Bucket:
    """One bucket, asked for one source."""

    def __init__(
        self, bucket: str, source: str, access: S3Access, selection: Selection, left_out: Counter[str]
    ) -> None:
        self._bucket, self._source = bucket, source
        self._selection, self._left_out = selection, left_out
        self._store, self._endpoint = connect(bucket, access)

    def objects(self, prefix: str, *, folder: bool) -> Iterator[SourceObject]:
        """Yield the object that is called *prefix* unless that is said to be a folder, or else those under it."""
        try:
            named = self._named(prefix) if prefix and not folder else None
            if named is not None:
                yield from self._taken([named])
            else:
                yield from self._under(prefix)
        except FAULTS as error:
            raise fault(error, self._source, endpoint=self._endpoint) from error

    def head(self, key: str) -> Meta:
        """Return what a listing would tell of the object *key*; SourceError when it is gone or refused."""
        try:
            meta: Meta = obstore.head(self._store, key)
        except FAULTS as error:
            raise fault(error, f"s3://{self._bucket}/{key}", endpoint=self._endpoint) from error
        # A listing tells no version, and the same object must be the same source whoever told of it.
        return {**meta, "version": None}

    def wanted(self, meta: Meta) -> SourceObject | None:
        """Return the object of *meta*, None when it is left out."""
        return next(self._taken([meta]), None)

    def _named(self, key: str) -> Meta | None:
        try:
            meta: Meta = obstore.head(self._store, key)
        except FAULTS as error:
            if answered(error):  # "not there", and "not allowed" of those who may only list: the listing will tell
                return None
            raise
        return meta if meta["size"] else None

    def _under(self, prefix: str) -> Iterator[SourceObject]:
        if self._selection.settled(prefix):
            yield from self._flat(prefix)
            return
        found = obstore.list_with_delimiter(self._store, prefix or None)
        folders: list[str] = sorted(found["common_prefixes"])
        if len(folders) > _MANY and not any(map(parse_folder, folders)):
            yield from self._flat(prefix)
            return
        yield from self._taken(found["objects"])
        for folder in folders:
            reason = self._selection.refuses_under(folder)
            if reason:
                self._left_out[reason] += 1
            else:
                yield from self._under(folder)

    def _flat(self, prefix: str) -> Iterator[SourceObject]:
        for page in obstore.list(self._store, prefix or None, chunk_size=_PAGE):
            yield from self._taken(page)

    def _taken(self, page: Iterable[Meta]) -> Iterator[SourceObject]:
        for meta in page:
            reason: str = self._selection.refuses(meta["path"])
            if not reason and not meta["size"]:
                reason = "empty"  # among them the "folders" that consoles make
            if reason:
                self._left_out[reason] += 1
            else:
                yield self._object(meta)

    def _object(self, meta: Meta) -> SourceObject:
        path, size, etag = meta["path"], meta["size"], meta["e_tag"]
        identity = etag.strip('"') if etag else f"{size}-{meta['last_modified'].isoformat()}"
        uri = f"s3://{self._bucket}/{path}"
        key = parse(path)
        return SourceObject(
            uri=uri,
            etag=f"{identity}:{meta['version']}" if meta["version"] else identity,
            bytes=size,
            open=S3Object(self._store, path, uri, self._endpoint, size, etag).open,
            account=key.account if key else None,
            region=key.region if key else None,
            time_s=key.time_s if key else None,
            remote=True,
            changed_s=int(meta["last_modified"].timestamp()),
        )
