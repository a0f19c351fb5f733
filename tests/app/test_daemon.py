"""From drains to files: whose records, which interval, which changes are taken up, and what is told when something was lost."""

from __future__ import annotations

from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from app.running import REFUSED, T0, House, flow, network
from vpcflow.app import App, Reading, Wanted
from vpcflow.app.run_lock import is_running, only_one
from vpcflow.config import load
from vpcflow.errors import ConfigError, StateError
from vpcflow.record.flow_counts import EGRESS, INGRESS
from vpcflow.record.format import VERSIONS
from vpcflow.state.flow_logs import FlowLogs
from vpcflow.state.runs import Runs
from vpcflow.vpc.topology import Gateway, Instance, NetworkInterface, Vpc


@pytest.fixture
def house(tmp_path):
    found = House(tmp_path)
    yield found
    found.state.close()


def test_each_flow_log_has_the_records_of_its_own_resource_and_overlapping_ones_each_have_theirs(house):
    vpc = house.create()
    subnet = house.create(ResourceType="Subnet", ResourceIds=["subnet-1"])
    eni = house.create(ResourceType="NetworkInterface", ResourceIds=["eni-b"])
    refused = house.create(TrafficType="REJECT")
    daemon = house.daemon()
    house.take(daemon, 30, flow("eni-a", 5, 1001), flow("eni-b", 6, 1002), flow("eni-b", 7, 1003, action=REFUSED))
    house.take(daemon, 61)
    assert house.close(daemon, 62)
    a, b, no = ("eni-a", 1001), ("eni-b", 1002), ("eni-b", 1003)
    assert house.ports(vpc) == {a: 1, b: 1, no: 1}
    assert house.ports(subnet) == {a: 1}
    assert house.ports(eni) == {b: 1, no: 1}
    assert house.ports(refused) == {no: 1}


def test_each_flow_log_has_its_own_interval(house):
    minute, ten = house.create(), house.create(MaxAggregationInterval=600)
    daemon = house.daemon()
    for second in range(0, 660, 30):
        house.take(daemon, second + 30, flow("eni-a", second, 1001))
    assert house.close(daemon, 661)
    assert house.ports(minute) == {("eni-a", 1001): 11}
    assert house.ports(ten) == {("eni-a", 1001): 2}
    assert [int(one["packets"]) for one in house.delivered(ten) if one["log-status"] == "OK"] == [40, 4]


def test_an_interval_without_traffic_is_told_of_each_interface_of_the_flow_log(house):
    subnet = house.create(ResourceType="Subnet", ResourceIds=["subnet-2"])
    daemon = house.daemon()
    for second in (30, 60, 90, 120):
        house.take(daemon, second)
    house.close(daemon, 130)
    assert house.statuses(subnet) == [
        ("eni-b", "NODATA", 0, 60),
        ("eni-b", "NODATA", 60, 120),
        ("eni-b", "NODATA", 120, 130),
    ]


def test_records_are_enriched_with_what_their_format_asks(house):
    told = {
        "version": "5", "srcaddr": "198.51.100.7", "dstaddr": "10.0.1.10", "vpc-id": "vpc-1", "subnet-id": "subnet-1",
        "az-id": "euc1-az1", "flow-direction": "ingress", "traffic-path": "-", "pkt-dstaddr": "10.0.1.10",
        "interface-id": "eni-a", "log-status": "OK", "srcport": "1001",
    }  # fmt: skip
    text = " ".join(f"${{{name}}}" for name in told)
    vpc = house.create(LogFormat=text)
    daemon = house.daemon()
    house.take(daemon, 30, flow("eni-a", 5, 1001))
    house.close(daemon, 60)
    (record,) = [one for one in house.delivered(vpc) if one["log-status"] == "OK"]
    assert record == told


@pytest.mark.parametrize("file_format", ["plain-text", "parquet"])
def test_all_fields_of_the_newest_version_can_be_asked_for(house, file_format):
    known = network()
    web = replace(
        known.interfaces["eni-a"],
        instance_id="i-a",
        tags={"Name": "web one"},
        description="the first",
        account="123456789012",
    )
    house.network = replace(
        known, interfaces={**known.interfaces, "eni-a": web}, instances={"i-a": Instance("i-a", asg="all")}
    )
    house.create(
        LogFormat=str(VERSIONS[11]),
        DestinationOptions={"FileFormat": file_format, "HiveCompatiblePartitions": True, "PerHourPartition": True},
        TagFieldSpecifications=[
            {"ResourceType": kind, "TagKeys": ["Name", "team"]}
            for kind in ("instance", "network-interface", "auto-scaling-group")
        ],
    )
    daemon = house.daemon()
    house.take(daemon, 30, flow("eni-a", 5, 1001, direction=EGRESS))
    house.close(daemon, 61)
    app = App(load({"lake": str(house.root / "lake")}, {}))
    with app.lake(create=True) as lake:
        done = app.ingest(lake, [str(house.root / "out")], Wanted(), Reading())
        assert (done.progress.report.rows, done.progress.failed) == (4, [])
        rows = [row for file in lake.scan("flow_logs").files for row in pq.ParquetFile(file.path).read().to_pylist()]
    (record,) = [row for row in rows if row["log_status"] == "OK"]
    assert record["version"] == 11
    assert (record["interface_tag"], record["subnet_id"], record["instance_id"]) == ("web one", "subnet-1", "i-a")
    assert (record["region"], record["type"], record["tcp_flags"]) == ("eu-central-1", "IPv4", 2)


def test_flow_logs_that_others_create_and_delete_are_taken_up_without_a_restart(house):
    first = house.create()
    daemon = house.daemon()
    house.take(daemon, 30, flow("eni-a", 5, 1001))
    second = house.create(TrafficType="ACCEPT")
    house.take(daemon, 61, flow("eni-a", 50, 1002))
    house.delete(first)
    house.take(daemon, 100, flow("eni-a", 70, 1003))
    house.take(daemon, 121)
    house.close(daemon, 122)
    # What the first had when it was deleted is delivered beside the others.
    assert house.ports(second) == {("eni-a", 1003): 1}
    assert not (house.root / "spool" / first).exists() or house.ports(first) == {("eni-a", 1001): 1, ("eni-a", 1002): 1}
    assert [one.id for one in FlowLogs(house.state).all()] == [second]


def test_an_interface_that_comes_to_a_vpc_is_recorded_once_the_network_tells(house):
    vpc = house.create()
    daemon = house.daemon()
    more = ("eni-a", "eni-b", "eni-c")
    house.take(daemon, 30, flow("eni-c", 5, 1001), interfaces=more)
    house.take(daemon, 61, interfaces=more)
    known = network()
    new = NetworkInterface("eni-c", "vpc-1", "subnet-2", addresses=("10.0.2.30",))
    house.network = replace(known, interfaces={**known.interfaces, "eni-c": new})
    house.create(TrafficType="ACCEPT")  # somebody changed the state file
    house.take(daemon, 90, flow("eni-c", 70, 1002), interfaces=more)
    house.take(daemon, 121, interfaces=more)
    house.close(daemon, 122)
    assert house.ports(vpc) == {("eni-c", 1002): 1}


def test_a_resource_that_is_gone_has_no_records_and_is_told(house):
    eni = house.create(ResourceType="NetworkInterface", ResourceIds=["eni-b"])
    house.network = network(("eni-a", "subnet-1", "10.0.1.10"))
    daemon = house.daemon()
    house.take(daemon, 30, flow("eni-b", 5, 1001))
    house.close(daemon, 61)
    assert house.delivered(eni) == []
    assert ("run.no_resource", {"flow_log": eni, "resource": "eni-b"}) in house.said


def test_a_flow_log_of_interfaces_elsewhere_is_left_to_others(house):
    house.network = network(("eni-a", "subnet-1", "10.0.1.10"), ("eni-z", "subnet-2", "10.0.2.90"))
    elsewhere = house.create(ResourceType="NetworkInterface", ResourceIds=["eni-z"])
    daemon = house.daemon()
    house.take(daemon, 30, flow("eni-a", 5, 1001), interfaces=("eni-a",))
    house.take(daemon, 61, interfaces=("eni-a",))
    assert (daemon.status().flow_logs, daemon.status().destinations) == (1, ())
    assert not (house.root / "spool" / elsewhere).exists()
    # Its interface comes here.
    house.take(daemon, 90, flow("eni-z", 80, 1002), interfaces=("eni-a", "eni-z"))
    house.take(daemon, 121, interfaces=("eni-a", "eni-z"))
    house.close(daemon, 122)
    assert house.ports(elsewhere) == {("eni-z", 1002): 1}
    assert house.said == []


def test_what_waits_of_an_interface_that_went_is_delivered(house):
    eni = house.create(ResourceType="NetworkInterface", ResourceIds=["eni-b"])
    killed = house.daemon()
    house.take(killed, 61, flow("eni-b", 5, 1001))
    for stream in killed._streams.values():
        stream.delivery.spool.close()
    again = house.daemon(100)
    house.take(again, 110, interfaces=("eni-a",))
    assert house.close(again, 111)
    assert house.ports(eni) == {("eni-b", 1001): 1}


def test_a_clean_stop_flushes_the_open_interval_and_leaves_no_gap(house):
    vpc = house.create()
    daemon = house.daemon()
    house.take(daemon, 30, flow("eni-a", 5, 1001))
    assert house.close(daemon, 31)
    again = house.daemon(90)
    house.take(again, 100, flow("eni-a", 95, 1002))
    assert house.close(again, 101)
    assert house.ports(vpc) == {("eni-a", 1001): 1, ("eni-a", 1002): 1}
    assert all(status != "SKIPDATA" for _, status, _, _ in house.statuses(vpc))
    assert house.said == []


def test_what_a_killed_daemon_had_not_kept_is_told_by_skipdata(house):
    vpc = house.create()
    killed = house.daemon()
    house.take(killed, 61, flow("eni-a", 5, 1001))
    house.take(killed, 90, flow("eni-a", 70, 1002))
    for stream in killed._streams.values():
        stream.delivery.spool.close()
    again = house.daemon(200)
    house.take(again, 210, flow("eni-a", 205, 1003))
    assert house.close(again, 211)
    assert house.ports(vpc) == {("eni-a", 1001): 1, ("eni-a", 1003): 1}
    assert [one for one in house.statuses(vpc) if one[1] == "SKIPDATA"] == [
        ("eni-a", "SKIPDATA", 60, 210),
        ("eni-b", "SKIPDATA", 60, 210),
    ]
    assert house.said == [("run.gap", {"flow_log": vpc, "since_s": T0 + 60})]
    # It is told once.
    last = house.daemon(300)
    house.take(last, 310)
    house.close(last, 311)
    assert len([one for one in house.statuses(vpc) if one[1] == "SKIPDATA"]) == 2


def test_a_spool_that_cannot_be_opened_is_a_failure_that_is_shown_then_a_gap(house, monkeypatch):
    monkeypatch.setattr("vpcflow.app.daemon._RETRY_S", 0)
    vpc = house.create()
    house.broken = True
    daemon = house.daemon()
    house.take(daemon, 30, flow("eni-a", 5, 1001))
    house.take(daemon, 61)
    assert FlowLogs(house.state).statuses()[vpc].status == "FAILED"
    assert list(daemon.status().failed) == [vpc]
    house.broken = False
    house.take(daemon, 90, flow("eni-a", 70, 1002))
    house.take(daemon, 121)
    assert house.close(daemon, 122)
    assert house.ports(vpc) == {("eni-a", 1002): 1}
    assert ("eni-a", "SKIPDATA", 0, 90) in house.statuses(vpc)
    assert FlowLogs(house.state).statuses()[vpc].status == "SUCCESS"
    assert [key for key, _ in house.said] == ["run.failed", "run.gap", "run.works_again"]


def test_what_waited_for_a_flow_log_deleted_meanwhile_is_told_and_goes(house):
    vpc = house.create()
    killed = house.daemon()
    house.take(killed, 61, flow("eni-a", 5, 1001))
    for stream in killed._streams.values():
        stream.delivery.spool.close()
    house.delete(vpc)
    house.close(house.daemon(100), 101)
    assert not (house.root / "spool" / vpc).exists()
    assert [key for key, _ in house.said] == ["run.left_over"]


def test_the_status_tells_what_goes_on(house):
    house.create()
    house.create(
        LogDestinationType="cloud-watch-logs",
        LogDestination=None,
        LogGroupName="flows",
        DeliverLogsPermissionArn="arn:aws:iam::123456789012:role/x",
    )
    daemon = house.daemon()
    house.take(daemon, 30, flow("eni-a", 5, 1001))
    house.take(daemon, 61)
    status = daemon.status()
    assert (status.interfaces, status.intervals) == (2, (60,))
    assert status.destinations == (f"folder:{house.root / 'out'}", "cloud-watch-logs:flows")
    assert status.records == status.all_records == 4  # a flow and a NODATA for each of two
    assert status.waiting_bytes > 0
    house.close(daemon, 62)


def test_flow_logs_without_any_are_waited_for(house):
    daemon = house.daemon()
    house.take(daemon, 30, flow("eni-a", 5, 1001))
    vpc = house.create()
    house.take(daemon, 60, flow("eni-a", 50, 1002))
    house.take(daemon, 90, flow("eni-a", 70, 1003))
    house.close(daemon, 100)
    assert house.ports(vpc) == {("eni-a", 1003): 1}


def test_flow_logs_that_share_a_log_group_have_one_stream_from_then_on(house):
    group = {
        "LogDestination": None,
        "LogGroupName": "flows",
        "DeliverLogsPermissionArn": "arn:aws:iam::123456789012:role/x",
    }
    house.create(**group)
    opened = []

    def delivery(flow_log, shared):
        opened.append((flow_log.traffic_type, shared))
        return house.delivery(flow_log, shared)

    daemon = house.daemon(delivery=delivery)
    house.take(daemon, 30, flow("eni-a", 5, 1001))
    second = house.create(TrafficType="REJECT", **group)
    house.take(daemon, 61)
    house.delete(second)
    house.take(daemon, 90)
    house.close(daemon, 91)
    assert opened == [("ALL", False), ("ALL", True), ("REJECT", True), ("ALL", False)]


def test_a_state_file_that_cannot_be_written_stops_nothing_and_is_told_once(house, monkeypatch):
    vpc = house.create()
    daemon = house.daemon()

    def broken(self, *_, **__):
        raise StateError("state.unreadable", path="here", reason="database is locked")

    with monkeypatch.context() as patched:
        patched.setattr(Runs, "mark", broken)
        for second in (30, 61, 121):
            house.take(daemon, second, flow("eni-a", second - 20, 1000 + second))
    house.take(daemon, 181)
    assert house.close(daemon, 182)
    assert len(house.ports(vpc)) == 3
    assert [key for key, _ in house.said] == ["run.state"]


def test_there_is_one_daemon_for_a_state(tmp_path):
    assert not is_running(tmp_path)
    with only_one(tmp_path):
        assert is_running(tmp_path)
        with pytest.raises(ConfigError, match="another vpcflow run"), only_one(tmp_path):
            pass
    assert not is_running(tmp_path)


def test_a_transit_gateway_has_records_of_its_own_form(house):
    def attachment(name, vpc, number, address):
        text = f"Network Interface for Transit Gateway Attachment tgw-attach-{number:017x}"
        subnet = f"subnet-{number}"
        return NetworkInterface(name, vpc, subnet, addresses=(address,), type="transit_gateway", description=text)

    known = network()
    house.network = replace(
        known,
        vpcs={**known.vpcs, "vpc-2": Vpc("vpc-2", ("198.51.100.0/24",))},
        interfaces={
            "eni-a": attachment("eni-a", "vpc-1", 1, "10.0.1.9"),
            "eni-b": attachment("eni-b", "vpc-2", 2, "198.51.100.9"),
        },
        gateways={"tgw-1": Gateway("tgw-1", "tgw")},
    )
    gateway = house.create(ResourceType="TransitGateway", ResourceIds=["tgw-1"], TrafficType=None)
    side = house.create(ResourceType="TransitGatewayAttachment", ResourceIds=[f"tgw-attach-{2:017x}"], TrafficType=None)
    daemon = house.daemon()
    house.take(daemon, 30, flow("eni-a", 5, 1001, direction=EGRESS), flow("eni-b", 5, 1001, direction=INGRESS))
    house.close(daemon, 61)
    records = [one for one in house.delivered(gateway) if one["log-status"] == "OK"]
    assert [one["tgw-attachment-id"][-1] for one in records] == ["1", "2"]
    assert {one["resource-type"] for one in records} == {"TransitGateway"}
    assert len(records[0]) == 36
    assert [one["tgw-attachment-id"][-1] for one in house.delivered(side) if one["log-status"] == "OK"] == ["2"]
