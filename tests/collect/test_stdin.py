from __future__ import annotations

import errno
import hashlib
import io
import os
from pathlib import Path

import pytest

from vpcflow.collect.stdin import spool
from vpcflow.errors import SourceError


def test_standard_input_is_known_by_its_content():
    data = os.urandom(3_000_000)
    found = spool(io.BytesIO(data))
    digest = hashlib.sha256(data).hexdigest()
    assert (found.uri, found.etag, found.bytes) == (f"stdin:sha256:{digest}", digest, len(data))
    for _ in range(2):
        with found.open() as file:
            assert file.read() == data


def open_handles():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_nothing_stays_on_the_disk_and_no_handle_stays_open(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = open_handles()
    found = spool(io.BytesIO(b"x" * 10_000))
    assert list(tmp_path.iterdir()) == []
    del found
    assert open_handles() == before


def test_no_room_is_said_with_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(SourceError, match="gone") as refused:
        spool(io.BytesIO(b"x"))
    assert refused.value.code == "source.spool"
    assert os.strerror(errno.ENOENT) in str(refused.value)
