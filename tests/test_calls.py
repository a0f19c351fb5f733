"""The functions of the package."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest

import vpcflow
from cli.test_explain import NETWORK, RECORDS
from vpcflow.errors import UsageError


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VPCFLOW_LAKE", str(tmp_path / "lake"))
    (tmp_path / "net.toml").write_text(NETWORK)
    (tmp_path / "records.log").write_text(RECORDS)
    return tmp_path


def test_a_conversation_is_explained(place):
    found = vpcflow.explain("203.0.113.77", "web", 22, sources=["records.log"], network="net.toml")
    (cause,) = found.causes
    assert (cause.layer, cause.rule, cause.certainty) == ("network_acl", "90", "certain")
    assert found.markdown().startswith("# web" if found.asked.source == "web" else "# 203.0.113.77 → web:22")
    assert found.document()["causes"][0]["mend"][0]["operation"] == "CreateNetworkAclEntry"


def test_everything_refused_in_a_time_is_explained(place):
    hour = {"since": datetime(2023, 11, 14, 22, tzinfo=UTC), "until": datetime(2023, 11, 15)}  # noqa: DTZ001 - UTC where none
    assert vpcflow.explain(sources=["records.log"], network="none", **hour).found.records == 1
    assert vpcflow.explain(sources=["records.log"], network="none", since=1_800_000_000).causes == ()
    assert vpcflow.explain(sources=["records.log"], network="none", filter="srcaddr = 192.0.2.7").causes == ()


def test_rules_are_asked_changed_and_suggested(place):
    assert vpcflow.reach("192.0.2.7", "web", 443, network="net.toml").path.works
    turned = vpcflow.what_if(revoke=["public outbound 100"], sources=["records.log"], network="net.toml")
    assert (turned.refused.records, turned.let_in.records) == (1, 0)
    found = vpcflow.suggest_rules("web", sources=["records.log"], network="net.toml")
    assert [one.peer for one in found.inbound] == ["192.0.2.7/32"]
    with pytest.raises(UsageError):
        vpcflow.reach("192.0.2.7", "10.0.1.10", 443)


def test_the_package_starts_without_them():
    code = "import sys, vpcflow; print('pyarrow' in sys.modules, vpcflow.explain.__name__, hasattr(vpcflow, 'nothing'))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "explain", "False"]
