"""What the keeper does with counts: records in the lake, each once, whatever happens in between."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import time

import duckdb
import numpy as np
import pytest

from vpcflow.app import App
from vpcflow.app import lab as labs
from vpcflow.app.lab_keeper import LakeRecords
from vpcflow.config import load
from vpcflow.errors import LakeError
from vpcflow.record.flow_counts import ACCEPT, INGRESS, REJECT, ROW, FlowCounts, Gap

SECOND = 10**9
NETWORK = labs.network([])
NAMES = tuple(NETWORK.interfaces)
WEB = next(one.id for one in NETWORK.interfaces.values() if one.name == "web")


def counts(at_ns, *, packets=1, action=ACCEPT, layer=0, rule=100, gaps=()):
    rows = np.zeros(1, ROW)
    rows["src"][:, 1] = int(ipaddress.ip_address("198.51.100.7"))
    rows["dst"][:, 1] = int(ipaddress.ip_address("10.0.1.10"))
    rows["srcport"], rows["dstport"], rows["protocol"], rows["version"] = 5000, 443, 6, 4
    rows["direction"], rows["action"], rows["layer"], rows["rule"] = INGRESS, action, layer, rule
    rows["interface"], rows["packets"], rows["bytes"] = NAMES.index(WEB), packets, 60 * packets
    rows["first"] = rows["last"] = at_ns
    return FlowCounts(rows, NAMES, gaps=gaps)


@pytest.fixture
def app(tmp_path):
    return App(load({"lake": str(tmp_path / "lake")}, {}))


def rows_of(app):
    with app.lake() as opened:
        paths = [file.path for file in opened.scan("flow_logs").files]
    found = duckdb.sql(f"SELECT * FROM read_parquet({paths}, union_by_name=true) ORDER BY start, packets")
    return found.to_arrow_table().to_pylist()


def test_records_have_the_rule_and_what_the_network_tells(app):
    records = LakeRecords(app, NETWORK, 60)
    records.take(counts(now := 1_795_000_000 * SECOND, action=REJECT, layer=2, rule=90), now)
    told = records.flush()
    assert told == {"records": 1, "accepted": 0, "refused": 1, "lost": 0}
    (row,) = [row for row in rows_of(app) if row["log_status"] == "OK"]
    assert (row["x_layer"], row["x_rule"], row["action"]) == ("network-acl", 90, "REJECT")
    assert row["vpc_id"] in NETWORK.vpcs
    assert row["flow_direction"] == "ingress"


def test_a_lake_that_cannot_be_written_loses_and_doubles_nothing(app, monkeypatch):
    records = LakeRecords(app, NETWORK, 60)
    full = True
    take_in = App.take_in

    def sometimes(self, *words, **options):
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return take_in(self, *words, **options)

    monkeypatch.setattr(App, "take_in", sometimes)
    now = 1_795_000_000 * SECOND
    for place in range(3):
        with contextlib.suppress(LakeError):
            records.take(counts(now + place, packets=place + 1), now + place)
        with pytest.raises(LakeError) as raised:
            records.flush()
        assert raised.value.code == "lab.not_written"
    full = False
    records.flush()
    records.flush()
    assert [row["packets"] for row in rows_of(app) if row["log_status"] == "OK"] == [1, 2, 3]
    assert records.told()["records"] == 3


def test_a_flow_that_goes_on_after_a_flush_makes_another_record(app):
    records = LakeRecords(app, NETWORK, 60)
    now = 1_795_000_000 * SECOND
    records.take(counts(now), now)
    records.flush()
    records.take(counts(now + SECOND, packets=4), now + SECOND)
    records.flush()
    assert [row["packets"] for row in rows_of(app) if row["log_status"] == "OK"] == [1, 4]


def test_lost_packets_are_told_at_their_interface(app):
    records = LakeRecords(app, NETWORK, 1)
    now = 1_795_000_000 * SECOND
    gap = Gap(NAMES.index(WEB), now, 7)
    records.take(counts(now, gaps=(gap,)), now)
    records.finish()
    skipped = [row for row in rows_of(app) if row["log_status"] == "SKIPDATA"]
    assert [row["interface_id"] for row in skipped] == [WEB]
    assert records.told()["lost"] == 7


def test_interfaces_without_traffic_are_told_too(app):
    records = LakeRecords(app, NETWORK, 1)
    records.take(counts(now := time.time_ns()), now)
    later = now + 3 * SECOND
    records.take(FlowCounts(np.zeros(0, ROW), NAMES), later)
    records.flush()
    silent = {row["interface_id"] for row in rows_of(app) if row["log_status"] == "NODATA"}
    assert silent == set(NAMES)
