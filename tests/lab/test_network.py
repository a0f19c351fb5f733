"""A network of one's own: an appliance in the way, a host with two interfaces, secondary addresses, only IPv6 outwards."""

from __future__ import annotations

import pytest

from lab.conftest import Shell
from vpcflow.vpc.toml_file import parse

pytestmark = pytest.mark.slow

TOML = """
[vpc]
name = "mine"
account = "111122223333"
region = "eu-central-1"
cidr = ["10.1.0.0/16", "fd00:11::/56"]
[subnet.front]
cidr = ["10.1.1.0/24", "fd00:11:0:1::/64"]
route-table = "front"
[subnet.middle]
cidr = ["10.1.2.0/24"]
[subnet.back]
cidr = ["10.1.3.0/24", "fd00:11:0:3::/64"]
route-table = "back"
[route-table.front]
routes = ["10.1.3.0/24 firewall", "::/0 eigw"]
[route-table.back]
routes = ["10.1.1.0/24 firewall"]
[gateway.eigw]
kind = "eigw"
[interface.client]
subnet = "front"
address = ["10.1.1.10", "10.1.1.11"]
ipv6 = ["fd00:11:0:1::10"]
[interface.firewall]
subnet = "middle"
address = ["10.1.2.10"]
source-dest-check = false
security-groups = ["any"]
[interface.server]
subnet = "back"
address = ["10.1.3.10"]
instance = "i-00000000000000001"
security-groups = ["any"]
[interface.server-2]
subnet = "back"
address = ["10.1.3.20"]
ipv6 = ["fd00:11:0:3::20"]
instance = "i-00000000000000001"
security-groups = ["any"]
[security-group.any]
inbound = ["all from 0.0.0.0/0", "all from ::/0"]
outbound = ["all to 0.0.0.0/0", "all to ::/0"]
"""
NETWORK = parse(TOML, "mine.toml")
ID = {one.name: one.id for one in NETWORK.interfaces.values()}
FIELDS = "interface_id,flow_direction,srcaddr,dstaddr,pkt_srcaddr,pkt_dstaddr,action"
SERVE = (
    "import socket; s = socket.create_server(('{}', {}), family=socket.{}); s.settimeout(20);"
    "print('ready', flush=True); c, _ = s.accept(); c.sendall(b'hello'); c.close()"
)
ASK = "import socket; c = socket.create_connection(('{}', {}), 5{}); print(c.recv(9).decode())"


@pytest.fixture(scope="module")
def shell(lab_here, tmp_path_factory):
    found = Shell(tmp_path_factory.mktemp("mine") / "lake")
    (found.lake.parent / "mine.toml").write_text(TOML)
    found.run("lab", "up", "mine.toml", "--interval", "10")
    found.run("lab", "exec", "firewall", "--", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
    yield found
    found.run("lab", "down")


def talk(shell, server, address, port, client, source=""):
    """Have *server* say hello to *client*."""
    family = "AF_INET6" if ":" in address else "AF_INET"
    serving = shell.start("lab", "exec", server, "--", "python3", "-c", SERVE.format(address, port, family))
    try:
        assert serving.stdout.readline() == "ready\n"
        out, _ = shell.run("lab", "exec", client, "--", "python3", "-c", ASK.format(address, port, source))
        assert out == "hello\n"
    finally:
        serving.communicate(timeout=30)


def test_what_passes_an_appliance_is_recorded_there_with_its_own_address(shell):
    """VPC User Guide, `pkt-dstaddr`: the packet's own destination where it passes through an interface."""
    talk(shell, "server", "10.1.3.10", 8001, "client")
    there = shell.records("dstport = 8001", FIELDS)
    client, middle, server = "10.1.1.10", "10.1.2.10", "10.1.3.10"
    assert {tuple(row.values()) for row in there} == {
        (ID["client"], "egress", client, server, client, server, "ACCEPT"),
        (ID["firewall"], "ingress", client, middle, client, server, "ACCEPT"),
        (ID["firewall"], "egress", middle, server, client, server, "ACCEPT"),
        (ID["server"], "ingress", client, server, client, server, "ACCEPT"),
    }


def test_a_second_interface_answers_by_itself(shell):
    talk(shell, "server", "10.1.3.20", 8002, "client")
    assert {row["interface_id"] for row in shell.records("srcport = 8002", FIELDS)} == {
        ID["server-2"], ID["firewall"], ID["client"],
    }  # fmt: skip


def test_a_secondary_address_is_told_as_the_primary_one(shell):
    talk(shell, "server", "10.1.3.10", 8003, "client", ", ('10.1.1.11', 0)")
    rows = [row for row in shell.records("dstport = 8003", FIELDS) if row["interface_id"] == ID["client"]]
    assert {(row["srcaddr"], row["pkt_srcaddr"]) for row in rows} == {("10.1.1.10", "10.1.1.11")}


def test_an_egress_only_gateway_lets_out_and_nothing_in(shell):
    talk(shell, "internet", "2001:db8:9::9", 8004, "client")
    connect = "import socket; socket.create_connection(('fd00:11:0:1::10', 8005), 1)"
    _, err = shell.run("lab", "exec", "internet", "--", "python3", "-c", connect, code=1)
    assert "timed out" in err
    assert not shell.records("dstport = 8005")


def test_records_are_the_accounts(shell):
    talk(shell, "server", "10.1.3.10", 8006, "client")
    rows = shell.records("log_status = 'OK'", "account_id,region,instance_id,interface_id")
    assert {(row["account_id"], row["region"]) for row in rows} == {("111122223333", "eu-central-1")}
    assert {row["instance_id"] for row in rows if row["interface_id"] in (ID["server"], ID["server-2"])} == {
        "i-00000000000000001"
    }
