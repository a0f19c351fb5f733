"""EC2 instance metadata, from a server of our own that asks for tokens as EC2 does."""

from __future__ import annotations

import http.server
import json
import threading

import pytest

from vpcflow.app.live import host, naming
from vpcflow.capture import ec2_metadata
from vpcflow.capture.links import Link
from vpcflow.config import load

MAC, OTHER = "0e:49:61:0f:c3:11", "0e:49:61:0f:c3:12"
MACS = "/latest/meta-data/network/interfaces/macs/"
TRUE = {
    "/latest/dynamic/instance-identity/document": json.dumps({"accountId": "123456789012", "region": "eu-west-1"}),
    MACS: f"{MAC}/\n{OTHER}/",
    f"{MACS}{MAC}/interface-id": "eni-0123456789abcdef0",
    f"{MACS}{OTHER}/interface-id": "eni-0123456789abcdef1",
    f"{MACS}{MAC}/vpc-id": "vpc-0123456789abcdef0",
}


class Service(http.server.BaseHTTPRequestHandler):
    pages = TRUE
    asked = 0

    def do_PUT(self):
        assert self.headers["X-aws-ec2-metadata-token-ttl-seconds"]
        self.answer("secret" if self.path == "/latest/api/token" else None)

    def do_GET(self):
        type(self).asked += 1
        self.answer(self.pages.get(self.path) if self.headers["X-aws-ec2-metadata-token"] == "secret" else None)

    def answer(self, text):
        data = (text or "").encode()
        self.send_response(200 if text is not None else 401)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def service(monkeypatch):
    class Own(Service):
        asked = 0

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Own)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    ec2_metadata._asked.cache_clear()
    yield Own
    server.shutdown()
    server.server_close()
    ec2_metadata._asked.cache_clear()


def settings(**values):
    return load({}, {f"VPCFLOW_IDENTITY_{name.upper()}": value for name, value in values.items()})


def test_what_the_settings_leave_open_is_asked_of_ec2_if_they_say_so(service):
    found = host(settings(ec2_metadata="true"))
    assert (found.account, found.region, found.vpc_id, found.origin) == (
        "123456789012", "eu-west-1", "vpc-0123456789abcdef0", "ec2",
    )  # fmt: skip
    assert naming(found, None)(Link(2, "eth0", MAC)) == "eni-0123456789abcdef0"
    assert naming(found, None)(Link(3, "docker0", "02:42:00:00:00:01")) is None
    assert host(settings(ec2_metadata="true", account="999999999999")).account == "999999999999"


def test_nobody_is_asked_unasked(service):
    found = host(settings(account="999999999999"))
    assert (found.account, found.region, found.origin) == ("999999999999", "local-1", "config")
    assert host(settings()).origin == "default"
    assert service.asked == 0


def test_it_is_asked_once(service):
    host(settings(ec2_metadata="true"))
    before = service.asked
    host(settings(ec2_metadata="true"))
    assert service.asked == before > 0


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("/latest/dynamic/instance-identity/document", "[]"),
        ("/latest/dynamic/instance-identity/document", "{"),
        ("/latest/dynamic/instance-identity/document", json.dumps({"accountId": "12", "region": "eu-west-1"})),
        ("/latest/dynamic/instance-identity/document", json.dumps({"accountId": "1" * 12, "region": "eu west"})),
        (MACS, "../../x/"),
        (f"{MACS}{MAC}/interface-id", "eni-1\neni-2"),
        (f"{MACS}{MAC}/vpc-id", "x" * 100_000),
        (f"{MACS}{OTHER}/interface-id", None),
    ],
)
def test_an_answer_that_is_not_ec2_s_is_not_believed(service, page, text):
    service.pages = {**TRUE, page: text}
    found = host(settings(ec2_metadata="true"))
    assert (found.account, found.region, found.origin) == ("000000000000", "local-1", "default")
    assert found.why_not


def test_nobody_at_home_is_told(service, monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")
    assert host(settings(ec2_metadata="true")).why_not
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "ftp://x")
    assert host(settings(ec2_metadata="true")).why_not
