"""Direction, what AWS does not log, and rows made one."""

from __future__ import annotations

import numpy as np
import pytest

from capture.packets import SECOND, T0
from capture.rows import row
from vpcflow.capture.direction import Directions
from vpcflow.capture.exclusions import logged
from vpcflow.capture.identity import interface_id
from vpcflow.capture.networks import Network
from vpcflow.errors import UsageError
from vpcflow.record.flow_counts import ROW, merged

EGRESS, INGRESS, UNKNOWN = 2, 1, 0


def directions(rows, *local, interfaces=("eni-a", "eni-b")):
    guesses = []
    rows = np.concatenate(rows)
    Directions([Network.parse(text) for text in local], guesses.append).tell(rows, interfaces)
    return rows["direction"].tolist(), [(guess.interface, [n.text for n in guess.networks]) for guess in guesses]


def test_local_ranges_tell_the_direction():
    rows = [
        row("10.1.0.5", "192.0.2.1"), row("192.0.2.1", "10.1.0.5"), row("10.1.0.5", "10.1.0.6"), row("192.0.2.1", "192.0.2.2"),
        row("2001:db8::1", "2600::1"), row("2600::1", "2001:db8::1"),
    ]  # fmt: skip
    found, guesses = directions(rows, "10.1.0.0/16", "2001:db8::/32")
    assert found == [EGRESS, INGRESS, UNKNOWN, UNKNOWN, EGRESS, INGRESS]
    assert guesses == []


def test_an_ipv4_range_holds_no_ipv6_address_of_the_same_number():
    assert directions([row("::a01:5", "2600::1")], "10.1.0.0/16")[0] == [UNKNOWN]


def test_given_ranges_beat_what_the_capture_says_a_guess_does_not():
    rows = [row("10.0.0.5", "192.0.2.1", direction=INGRESS), row("10.0.0.5", "192.0.2.2")]
    assert directions(rows, "10.0.0.5")[0] == [EGRESS, EGRESS]
    assert directions(rows)[0] == [INGRESS, EGRESS]


def test_the_address_that_nearly_every_packet_has_is_taken_for_local():
    rows = [row(f"198.51.100.{n}", "203.0.113.7") for n in range(1, 20)] + [row("203.0.113.7", "198.51.100.1")]
    found, guesses = directions(rows)
    assert found == [INGRESS] * 19 + [EGRESS]
    assert guesses == [("eni-a", ["203.0.113.7/32"])]


def test_each_interface_and_ip_version_has_a_guess_of_its_own():
    rows = [
        row("10.0.0.5", "192.0.2.1"), row("10.0.0.5", "192.0.2.2"),
        row("10.9.0.5", "192.0.2.1", interface=1), row("192.0.2.2", "10.9.0.5", interface=1),
        row("2001:db8::1", "2600::1"), row("2600::2", "2001:db8::1"),
    ]  # fmt: skip
    found, guesses = directions(rows)
    assert found == [EGRESS, EGRESS, EGRESS, INGRESS, EGRESS, INGRESS]
    assert sorted(guesses) == [("eni-a", ["10.0.0.5/32"]), ("eni-a", ["2001:db8::1/128"]), ("eni-b", ["10.9.0.5/32"])]


def test_private_addresses_are_local_where_no_single_one_stands_out():
    found, guesses = directions([row(f"10.0.0.{n}", f"198.51.100.{n}") for n in range(1, 9)])
    assert found == [EGRESS] * 8
    assert guesses == [("eni-a", ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"])]


def test_of_two_that_talk_with_each_other_the_private_one_is_taken_else_the_one_that_began():
    assert directions([row("192.0.2.1", "10.0.0.5"), row("10.0.0.5", "192.0.2.1", first=5)])[1][0][1] == ["10.0.0.5/32"]
    assert directions([row("10.0.0.6", "10.0.0.5", first=5), row("10.0.0.5", "10.0.0.6")])[1][0][1] == ["10.0.0.5/32"]


def test_nothing_is_guessed_where_nothing_stands_out():
    found, guesses = directions([row(f"198.51.100.{n}", f"203.0.113.{n}") for n in range(1, 9)])
    assert (found, guesses) == ([UNKNOWN] * 8, [("eni-a", [])])


def test_broadcast_and_loopback_are_nobodys_address():
    rows = [row("0.0.0.0", "255.255.255.255", 68, 67), row("127.0.0.1", "127.0.0.1")]
    assert directions(rows)[1] == [("eni-a", [])]


@pytest.mark.parametrize("text", ["", "10.0.0.0/33", "web", "10.0.0", "2001:db8::/129"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(UsageError):
        Network.parse(text)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (row("0.0.0.0", "255.255.255.255", 68, 67, protocol=17), "dhcp"),
        (row("10.0.0.1", "10.0.0.2", 67, 68, protocol=17), "dhcp"),
        (row("fe80::1", "ff02::1:2", 546, 547, protocol=17), "dhcp"),
        (row("10.0.0.5", "169.254.169.254", dport=80), "metadata"),
        (row("169.254.169.254", "10.0.0.5", 80), "metadata"),
        (row("2001:db8::1", "fd00:ec2::254"), "metadata"),
        (row("10.0.0.5", "169.254.169.123", 123, 123, protocol=17), "time_service"),
        (row("fd00:ec2::123", "2001:db8::1", 123, 123, protocol=17), "time_service"),
        (row("10.0.0.5", "169.254.169.253", dport=53, protocol=17), "resolver"),
        (row("10.0.0.5", "169.254.169.250", dport=1688), "windows_activation"),
        (row("10.0.0.5", "10.0.0.6", 68, 67), ""),
        (row("10.0.0.5", "10.0.0.6", 68, 5000, protocol=17), ""),
        (row("10.0.0.5", "8.8.8.8", dport=53, protocol=17), ""),
        (row("10.0.0.5", "169.254.169.252"), ""),
    ],
)
def test_what_aws_does_not_log_is_left_out_by_name(given, reason):
    given["packets"] = 3
    kept, left = logged(np.concatenate([given, row("10.0.0.5", "192.0.2.1")]))
    assert left == ({reason: 3} if reason else {})
    assert len(kept) == (1 if reason else 2)


def test_rows_of_one_flow_are_made_one():
    rows = np.concatenate([
        row("10.0.0.5", "192.0.2.1", packets=2, first=7),
        row("10.0.0.5", "192.0.2.1", packets=3, first=1),
        row("10.0.0.5", "192.0.2.1", packets=4, interface=1),
        row("10.0.0.5", "192.0.2.1", packets=5, direction=EGRESS),
    ])  # fmt: skip
    rows["flags"][:2] = 2, 16
    found = {(r["interface"], r["direction"]): r for r in merged(rows)}
    assert len(found) == 3
    one = found[0, 0]
    assert (one["packets"], one["bytes"], one["first"] - T0 * SECOND, one["last"] - T0 * SECOND, one["flags"]) == (
        5,
        500,
        1,
        7,
        18,
    )


@pytest.mark.parametrize(("field", "value"), [("action", 2), ("layer", 1), ("rule", 50), ("interval", 9)])
def test_rows_that_differ_in_what_tells_flows_apart_stay_two(field, value):
    rows = np.concatenate([row("10.0.0.5", "192.0.2.1"), row("10.0.0.5", "192.0.2.1")])
    rows[field][1] = value
    assert len(merged(rows)) == 2


def test_merging_keeps_sums_and_the_same_rows_give_the_same_order():
    chance = np.random.default_rng(3)
    rows = np.zeros(20_000, ROW)
    rows["src"][:, 1] = chance.integers(0, 40, len(rows))
    rows["dstport"] = chance.integers(0, 40, len(rows))
    rows["packets"] = rows["bytes"] = chance.integers(1, 9, len(rows))
    once = merged(rows.copy())
    again = merged(rows[chance.permutation(len(rows))])
    assert once.tobytes() == again.tobytes()
    assert once["packets"].sum() == rows["packets"].sum()
    assert len(once) == len({(int(r["src"][1]), int(r["dstport"])) for r in rows})


def test_ids_have_the_form_of_aws_and_stay():
    assert interface_id("a.pcap", "eth0") == "eni-e0198d146d678567b"
    assert len({interface_id("a.pcap", "eth0"), interface_id("a.pcap", "eth1"), interface_id("b.pcap", "eth0")}) == 3
    assert len(interface_id("a", "")) == len("eni-") + 17
