"""Fixtures that more than one part needs."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def _s3_process():
    from s3_server import S3Server  # noqa: PLC0415 - moto takes a second that most tests need not pay

    server = S3Server()
    yield server
    server.close()


@pytest.fixture
def s3(_s3_process, monkeypatch, tmp_path):
    """A real S3 server, and an environment that knows no other AWS."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws-credentials"))
    _s3_process.forget()
    yield _s3_process
    _s3_process.between = None
