"""The lab that comes with vpcflow, as its user has it: up, traffic, questions, down."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import time
from importlib import resources

import pytest

from vpcflow.cli.lab import command
from vpcflow.lab.traffic import HOSTS, SCENARIOS
from vpcflow.vpc.toml_file import parse

pytestmark = pytest.mark.slow

DEFAULT = resources.files("vpcflow.lab").joinpath("default.toml").read_text()
NETWORK = parse(DEFAULT, "default.toml")
ID = {one.name: one.id for one in NETWORK.interfaces.values()}


@pytest.fixture(scope="module")
def ran(lab):
    """All scenarios, one after another: what was said, and how long it took."""
    began = time.monotonic()
    out, err = lab.run("lab", "traffic")
    return out, err, time.monotonic() - began


@pytest.fixture(scope="module")
def rows(lab, ran):
    """The records of all scenarios."""
    return lab.records("log_status = OK")


def told(rows):
    """What records say, each once."""
    names = ("interface_id", "flow_direction", "action", "x_layer", "x_rule")
    return {tuple(row[name] for name in names) for row in rows}


def of(rows, address, **others):
    """Records with a packet from or to *address*."""
    return [
        row
        for row in rows
        if address in (row["pkt_srcaddr"], row["pkt_dstaddr"]) and all(row[key] == others[key] for key in others)
    ]


def test_all_scenarios_end_within_a_minute_with_their_records_in_the_lake(ran, rows):
    out, err, seconds = ran
    assert seconds < 60
    assert [line.split(":")[0] for line in out.splitlines() if line[0] != " "] == [*SCENARIOS, "all"]
    assert "vpcflow denied" in err
    assert len(rows) > 300


def test_the_next_question_has_an_answer(lab, ran):
    out, _ = lab.run("denied", "-o", "table")
    assert "198.51.100.23" in out
    assert "192.0.2.233" in out


def test_inbound_reject_is_one_refusal_and_nothing_else(rows):
    assert told(of(rows, "198.51.100.77")) == {(ID["web"], "ingress", "REJECT", "security-group", None)}


@pytest.mark.parametrize("protocol", [1, 6])
def test_an_answer_refused_on_the_way_out_is_an_accept_in_and_a_reject_out(rows, protocol):
    assert told(of(rows, "203.0.113.142", protocol=protocol)) == {
        (ID["mail"], "ingress", "ACCEPT", None, 100),
        (ID["mail"], "egress", "REJECT", "network-acl", 32767),
    }


def test_outbound_reject_is_at_the_sender_only(rows):
    assert told(of(rows, "203.0.113.200")) == {(ID["db"], "egress", "REJECT", "security-group", None)}


def test_an_answer_refused_on_the_way_in_is_an_accept_out_and_a_reject_in(rows):
    assert told(of(rows, "203.0.113.210", interface_id=ID["batch"])) == {
        (ID["batch"], "egress", "ACCEPT", None, 100),
        (ID["batch"], "ingress", "REJECT", "network-acl", 32767),
    }


def test_a_nat_gateway_has_four_records_of_a_connection_as_in_the_user_guide(rows):
    """VPC User Guide "Traffic through a NAT gateway"."""
    inst, nat, far = "10.0.2.20", "10.0.1.5", "198.51.100.220"
    names = ("interface_id", "srcaddr", "dstaddr", "pkt_srcaddr", "pkt_dstaddr")
    assert {tuple(row[name] for name in names) for row in of(rows, far, protocol=6)} == {
        (ID["nat"], inst, nat, inst, far),
        (ID["nat"], nat, far, nat, far),
        (ID["nat"], far, nat, far, nat),
        (ID["nat"], nat, inst, far, inst),
        (ID["app"], inst, far, inst, far),
        (ID["app"], far, inst, far, inst),
    }


def test_a_connection_is_told_the_same_at_both_ends(rows):
    ends = {way: {} for way in ("ingress", "egress")}
    for row in of(rows, "10.0.1.10", dstport=8080, pkt_srcaddr="10.0.1.10"):
        sums = ends[row["flow_direction"]].setdefault(row["srcport"], [0, 0, 0])
        sums[0] += row["packets"]
        sums[1] += row["bytes"]
        sums[2] |= row["tcp_flags"]
    assert len(ends["egress"]) >= 10
    assert ends["egress"] == ends["ingress"]
    assert {flags for _, _, flags in ends["egress"].values()} == {3}


def test_a_port_scan_is_told_port_by_port(rows):
    scan = [row for row in rows if row["srcaddr"] == "198.51.100.23"]
    assert len({row["dstport"] for row in scan if row["action"] == "REJECT"}) == 78
    assert {row["dstport"] for row in scan if row["action"] == "ACCEPT"} == {80, 443}


def test_records_know_what_the_network_tells_of_their_interface(rows):
    names = ("vpc_id", "subnet_id", "instance_id", "az_id", "account_id", "traffic_path")
    found = of(rows, "10.0.2.20", interface_id=ID["db"], flow_direction="egress")
    ((vpc, subnet, instance, *rest),) = {tuple(row[name] for name in names) for row in found}
    assert (vpc[:4], subnet[:7], instance[:2]) == ("vpc-", "subnet-", "i-")
    assert rest == ["local-az2", "000000000000", 1]


def test_ipv6_is_counted_too(rows):
    found = of(rows, "2001:db8:1::25", flow_direction="ingress")
    assert told(found) == {(ID["web"], "ingress", "ACCEPT", None, 101)}


def test_every_scenario_needs_hosts_that_there_are():
    assert set(HOSTS) == set(SCENARIOS)
    assert {host for hosts in HOSTS.values() for host in hosts} <= set(ID)


def test_what_runs_at_a_host_has_its_exit_code_and_its_records_in_the_lake(lab):
    lab.run("lab", "exec", "bastion", "--", "sh", "-c", "exit 7", code=7)
    connect = "import socket; socket.create_connection(('db', 5432), 0.5)"
    lab.run("lab", "exec", "bastion", "--", "python3", "-c", connect, code=1)
    assert told(lab.records("srcaddr = 10.0.1.11 and dstport = 5432")) == {
        (ID["bastion"], "egress", "ACCEPT", None, 100),
        (ID["db"], "ingress", "REJECT", "security-group", None),
    }


def test_options_behind_the_host_are_the_programs_own(lab):
    out, _ = lab.run("lab", "exec", "app", "sh", "-c", "echo $0 $1", "-q", "--help")
    assert out == "-q --help\n"


def test_a_program_that_is_not_there_is_told_as_a_shell_does(lab):
    _, err = lab.run("lab", "exec", "app", "no-such-program", code=127)
    assert err == "no-such-program: No such file or directory\n"


def test_an_interrupt_is_for_the_program_that_runs(lab):
    trap = "trap 'echo caught; exit 3' INT; echo ready; while :; do sleep 0.1; done"
    running = lab.start("lab", "exec", "app", "--", "sh", "-c", trap, start_new_session=True)
    assert running.stdout.readline() == "ready\n"
    os.killpg(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=20)
    assert (out, running.returncode) == ("caught\n", 3), err


def test_hosts_are_apart_and_have_their_own_addresses(lab):
    out, _ = lab.run("lab", "exec", "app", "--", "ip", "-j", "address")
    own = [a["local"] for device in json.loads(out) for a in device["addr_info"] if a["scope"] == "global"]
    assert own == ["10.0.2.20", "fd00:10:0:2::20"]


def test_a_host_cannot_speak_for_another_address(lab):
    forged = (
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
        "s.setsockopt(0, 19, 1); s.bind(('10.0.1.99', 4099)); s.sendto(b'x', ('10.0.2.20', 4099))"
    )
    lab.run("lab", "exec", "web", "--", "python3", "-c", forged)
    assert not lab.records("dstport = 4099")


def test_status_tells_hosts_and_records(lab):
    out, _ = lab.run("lab", "status")
    assert "web       10.0.1.10 (203.0.113.10) fd00:10:0:1::10" in out.splitlines()
    assert " records in the lake: " in out.splitlines()[-1]


def test_other_rules_take_effect_while_hosts_go_on(lab, tmp_path):
    call = "import socket; socket.create_connection(('10.0.1.10', 3306), 1)"
    words = ("lab", "exec", "bastion", "--", "python3", "-c", call)
    _, refused = lab.run(*words, code=1)
    assert "timed out" in refused
    file = tmp_path / "mine.toml"
    file.write_text(
        DEFAULT.replace('"tcp 22 from sg:bastion",', '"tcp 22 from sg:bastion", "tcp 3306 from 10.0.0.0/16",', 1)
    )
    out, _ = lab.run("lab", "up", file)
    assert out == "rules are in place; hosts and connections go on\n"
    _, answered = lab.run(*words, code=1)
    assert "refused" in answered  # by the host: nobody listens
    assert (ID["web"], "ingress", "ACCEPT", None, None) in told(lab.records("srcaddr = 10.0.1.11 and dstport = 3306"))
    lab.run("lab", "up")


def test_the_rule_that_the_tutorial_adds_lets_answers_out(lab, tmp_path):
    file = tmp_path / "mine.toml"
    rule = '"110 allow tcp 443 to 0.0.0.0/0"'
    assert DEFAULT.count(rule) == 1
    file.write_text(DEFAULT.replace(rule, f'{rule}, "120 allow tcp 1024-65535 to 0.0.0.0/0"'))
    lab.run("lab", "up", file)
    ask = "import socket; s = socket.create_connection(('203.0.113.14', 25), 3, ('203.0.113.9', 0)); print(s.recv(9).decode())"
    serve = (
        "import socket; s = socket.create_server(('', 25)); print('ready', flush=True); s.accept()[0].sendall(b'220')"
    )
    mail = lab.start("lab", "exec", "mail", "--", "python3", "-c", serve)
    assert mail.stdout.readline() == "ready\n"
    out, _ = lab.run("lab", "exec", "internet", "--", "python3", "-c", ask)
    mail.communicate(timeout=20)
    assert out == "220\n"
    found = lab.records("src = 203.0.113.9 or dst = 203.0.113.9")
    assert {(row["flow_direction"], row["action"], row["x_rule"]) for row in found} == {
        ("ingress", "ACCEPT", 100),
        ("egress", "ACCEPT", 120),
    }
    lab.run("lab", "up")


def test_the_network_is_kept_so_that_records_can_be_explained(lab):
    out, _ = lab.run("network", "list", "-o", "json")
    kept = json.loads(out)
    assert {one["name"] for one in kept} == {"lab"}
    assert kept[0]["summary"]["interfaces"] == 7
    out, _ = lab.run("network", "show", "web", "-o", "json")
    assert "10.0.1.10" in out


def test_another_network_is_not_taken_for_other_rules(lab, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(DEFAULT.replace("10.0.3.30", "10.0.3.31"))
    _, err = lab.run("lab", "up", file, code=3)
    assert "vpcflow lab down" in err


@pytest.mark.parametrize("name", [name for name in command.commands if name != "down"])
def test_the_examples_of_its_commands_run(lab, name):
    lab.lake.parent.joinpath("my-vpc.toml").write_text(DEFAULT)
    for example in command.commands[name].examples:
        words = shlex.split(example.partition(" >")[0])[1:]
        if words == ["lab", "traffic"]:
            continue  # `ran` does that
        if words[:2] == ["lab", "exec"] and shutil.which(words[words.index("--") + 1]) is None:
            continue
        # Nobody listens at the address that curl asks.
        out, err = lab.run(*words, code=7 if "curl" in words else 0)
        assert out or err or "curl" in words


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("exec", "nobody", "--", "true"), 3, "hosts: router, internet, web, bastion, app, db, mail, batch, nat"),
        (("traffic", "storm"), 2, "scenarios: web, "),
        (("up", "missing.toml"), 4, "missing.toml"),
    ],
)
def test_what_is_not_there_is_named(lab, words, code, said):
    _, err = lab.run("lab", *words, code=code)
    assert said in err
