"""Every example that a help text shows can be run as it stands."""

from __future__ import annotations

import gzip
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime

import click
import pytest

from cli.conftest import EXAMPLES
from cli.logs import HEADER, line, write
from vpcflow.cli.main import EXAMPLES as OF_ROOT
from vpcflow.cli.main import root
from vpcflow.state.flow_logs import FlowLogs
from vpcflow.state.lookup_tables import LookupTables
from vpcflow.state.store import State
from vpcflow.vpc.flow_logs import FlowLog


def _commands(command, ctx, path=()):
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            yield from _commands(command.get_command(ctx, name), click.Context(command, ctx, name), (*path, name))


def _all_examples():
    return [(path, example) for path, command in _commands(root, click.Context(root)) for example in command.examples]


ALL = _all_examples()
HERE = [
    (path, text)
    for path, text in ALL
    if "s3://" not in text and "--watch" not in text and "sudo" not in text and path[:1] != ("lab",)
]
"""Those that run here; those of the lab run in one (tests/lab)."""
SMALLER = {"1000000": "2000", "50000": "2000"}


def test_every_command_shows_three_examples():
    shown = {path: list(command.examples) for path, command in _commands(root, click.Context(root))}
    assert len(shown) > 12
    groups = {(), ("lab",), ("lake",), ("config",)}
    assert {path: len(texts) for path, texts in shown.items() if path not in groups} == {
        path: 3 for path in shown if path not in groups
    }
    assert tuple(shown[()]) == OF_ROOT


def test_every_help_opens_with_its_examples(run):
    for path, command in _commands(root, click.Context(root)):
        ran = run(*path, "--help")
        assert ran.code == 0
        if command.examples:
            assert ran.lines[0] == "Examples:"
            assert [text.strip() for text in ran.lines[1 : 1 + len(command.examples)]] == list(command.examples)


def _with_flow_logs(path):
    """Have the flow logs that examples name."""
    state = State(path)
    with FlowLogs(state).creating() as creating:
        for end in "01":
            vpc = "vpc-0123456789abcdef0"
            creating.add(
                FlowLog(
                    f"fl-0123456789abcdef{end}", "VPC", vpc, "123456789012", "us-east-1", log_destination_type="lake"
                )
            )
    state.close()


def _with_networks(place):
    """Have the descriptions of networks that examples name."""
    networks = EXAMPLES.parent / "networks"
    for name in ("describe.json", "before.json", "after.json", "terraform.json"):
        shutil.copy(networks / "describe.json", place / name)
    (place / "after.json").write_text((networks / "describe.json").read_text().replace("192.0.2.0/24", "192.0.2.0/25"))
    shutil.copy(networks / "template.yaml", place)
    shutil.copy(networks / "bastion.toml", place / "network.toml")


def _with_lookup_table(place):
    """Have the lookup table that examples name, and the files that they make some of."""
    for name in ("ports", "subnets"):
        (place / f"{name}.csv").write_text("port,service\n443,https\n")
    for lake in ("lake", "srv/flow"):
        state = State(place / lake / "_vpcflow" / "state.sqlite")
        LookupTables(state).put("ports", "port,service\n22,ssh\n")
        state.close()


@pytest.mark.parametrize("text", [text for _, text in HERE])
def test_an_example_runs(text, run, own_lake, place, monkeypatch):
    shutil.copytree(EXAMPLES, place / "AWSLogs")
    shutil.copytree(own_lake, place / "srv/flow")
    shutil.copytree(EXAMPLES.parent / "captures", place / "captures")
    capture = (place / "captures" / "bastion.pcapng").read_bytes()
    (place / "trace.pcap").write_bytes(capture)
    (place / "trace.pcapng.gz").write_bytes(gzip.compress(capture))
    words = [SMALLER.get(word, re.sub("^/srv/flow", "srv/flow", word)) for word in shlex.split(text)]
    _with_networks(place)
    while re.match(r"[A-Z_]+=", words[0]):
        monkeypatch.setenv(*words.pop(0).split("="))
    assert words.pop(0) == "vpcflow"
    if ">" in words:
        words = words[: words.index(">")]
    if words[0] == "generate":
        words += ["--interfaces", "12", "--peers", "16"]
    if words[0] == "lookup-tables":
        _with_lookup_table(place)
    if words[0] == "flow-logs":
        _with_flow_logs(place / "lake" / "_vpcflow" / "state.sqlite")
    if words[0] == "network":
        for file, at, name in (
            ("after.json", "2026-11-20", "default"),
            ("before.json", "2026-11-21", "default"),
            ("template.yaml", "2026-11-20T02:00:00", "prod"),
        ):
            run("network", "import", file, "--at", at, "--name", name)
    if words[:2] == ["query-definitions", "delete"]:
        run("query-definitions", "put", "mine", "limit 1", *(words[3:5] if "--lake" in words else []))
    ran = run(*words)
    assert ran.code == 0, ran.err
    assert ran.data or "nothing found" in ran.err or "nobody" in ran.err


def test_the_example_with_a_bucket_runs(s3, run, place, monkeypatch):
    (text,) = [text for _, text in ALL if text.startswith("vpcflow ingest s3://")]
    now = datetime.now(UTC)
    name = f"123456789012_vpcflowlogs_us-east-1_fl-0a_{now:%Y%m%dT%H%M}Z_0a.log.gz"
    key = f"AWSLogs/123456789012/vpcflowlogs/us-east-1/{now:%Y/%m/%d}/{name}"
    s3.client().create_bucket(Bucket="my-logs")
    s3.client().put_object(Bucket="my-logs", Key=key, Body=gzip.compress(f"{HEADER}\n{line()}\n".encode()))
    monkeypatch.setenv("VPCFLOW_ENDPOINT_URL", s3.url)
    ran = run(*shlex.split(text)[1:])
    assert ran.code == 0, ran.err
    assert ran.out.startswith("1 records, 1 files")


def test_the_example_that_watches_goes_on_until_it_is_stopped(place):
    (text,) = [text for _, text in ALL if "--watch" in text]
    (place / "flow").mkdir()
    write(place / "flow/one.log", line(1))
    words = [*shlex.split(text.replace("/var/log/flow", "flow"))[1:], "--interval", "1s"]
    watching = subprocess.Popen(
        [sys.executable, "-m", "vpcflow", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=place,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        assert watching.stdout.readline().startswith("1 records, 1 files")
        assert "watching" in watching.stderr.readline()
        new = place / "flow/new.tmp"
        write(new, line(2), line(3))
        new.rename(place / "flow/two.log")
        assert watching.stdout.readline().startswith("2 records, 1 files")
        watching.send_signal(signal.SIGTERM)
        _, err = watching.communicate(timeout=20)
    finally:
        watching.kill()
    assert watching.returncode == 0
    assert "SIGTERM" in err
