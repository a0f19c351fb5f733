"""`vpcflow run`: what is refused before anything is captured, and what its line says. It captures in tests/integration."""

from __future__ import annotations

import socket

import pytest

from vpcflow.app.daemon import Status
from vpcflow.app.notify import notify
from vpcflow.app.run_lock import only_one
from vpcflow.cli.run import _words

STATUS = Status(
    interfaces=3,
    intervals=(60,),
    destinations=("lake",),
    records=12481,
    all_records=20000,
    skipped=7,
    waiting_bytes=3 << 20,
)


def test_the_line_says_what_is_captured_and_where_it_goes():
    assert _words(STATUS) == "capturing 3 interfaces, interval 60 s → lake   12,481 rec/min  7 skipped"


def test_the_line_says_what_waits_where_delivery_fails():
    failing = Status(
        interfaces=1, intervals=(60, 600), destinations=("s3:a", "lake"), failed={"fl-1": "x"}, waiting_bytes=3_000_000
    )
    assert _words(failing).endswith("interval 60, 600 s → s3:a, lake   0 rec/min  0 skipped  3.0 MB waiting")


def test_the_line_says_that_there_are_no_flow_logs():
    assert "vpcflow flow-logs create" in _words(Status(interfaces=1))
    assert "no flow log looks at them" in _words(Status(interfaces=1, flow_logs=2))


def test_a_second_one_for_the_same_state_is_refused(run, place):
    with only_one(place / "lake" / "_vpcflow"):
        refused = run("run", "--duration", "1")
    assert refused.code == 3
    assert "another vpcflow run" in refused.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--config", "nowhere.toml"), 3, "nowhere.toml"),
        (("--ip-ranges", "nowhere.json"), 3, "nowhere.json"),
        (("--spool-size", "1k"), 2, "1MB"),
        (("--backend", "magic"), 2, "af_packet"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_opened(run, place, words, code, said):
    refused = run("run", *words)
    assert refused.code == code
    assert said in refused.err
    assert not (place / "lake").exists()


def test_a_settings_file_is_taken_in_place_of_the_one_here(run, place):
    (place / "vpcflow.toml").write_text("banana = 1\n")
    (place / "other.toml").write_text('lake = "elsewhere"\n')
    with only_one(place / "elsewhere" / "_vpcflow"):
        refused = run("run", "--config", "other.toml", "--duration", "1")
    assert "elsewhere" in refused.err


def test_a_service_manager_is_told(tmp_path, monkeypatch):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        notify(READY=1, STATUS="capturing 1 interface")
        assert manager.recv(1000) == b"READY=1\nSTATUS=capturing 1 interface"
    path.unlink()
    notify(STOPPING=1)  # nobody listens any more
    monkeypatch.delenv("NOTIFY_SOCKET")
    notify(STOPPING=1)
