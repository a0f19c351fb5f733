"""Whose packets a capture holds."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import numpy as np

from vpc.networks import named, network
from vpcflow.record.flow_counts import EGRESS, INGRESS, ROW, UNKNOWN, FlowCounts, Gap
from vpcflow.vpc.placement import Placement

OUTSIDE = "198.51.100.7"


def counts(*flows, names=("if-0",), gaps=()):
    """flows: (interface, source, destination[, direction[, packets]])."""
    rows = np.zeros(len(flows), ROW)
    for row, (interface, src, dst, *rest) in zip(rows, flows, strict=True):
        for end, text in (("src", src), ("dst", dst)):
            number = int(ipaddress.ip_address(text))
            row[end] = number >> 64, number & (1 << 64) - 1
        row["version"] = ipaddress.ip_address(src).version
        row["interface"] = interface
        row["direction"] = rest[0] if rest else UNKNOWN
        row["packets"] = rest[1] if len(rest) > 1 else 1
    return FlowCounts(rows, tuple(names), gaps=tuple(gaps))


def placed(found, *, of=None, only=None):
    placement = Placement(of or network(), only)
    placement.place(found)
    return [(found.interfaces[row["interface"]], int(row["direction"])) for row in found.rows]


def test_a_flow_belongs_to_the_interface_that_has_one_of_its_ends():
    lab = network()
    web, db = named(lab, "web").id, named(lab, "db").id
    found = counts(
        (0, OUTSIDE, "10.0.1.10"),
        (0, "10.0.1.11", OUTSIDE),
        (0, "fd00:10:0:2::30", "2001:db8::1"),
        (0, OUTSIDE, "192.0.2.9"),
    )
    assert placed(found, of=lab) == [(web, INGRESS), (web, EGRESS), (db, EGRESS), ("if-0", UNKNOWN)]
    assert found.interfaces == ("if-0", web, db)


def test_a_captures_own_interface_is_left_out_where_nothing_is_its_own():
    lab = network()
    found = counts((0, OUTSIDE, "10.0.1.10"), names=("if-0", "idle"))
    placed(found, of=lab)
    assert found.interfaces == ("idle", named(lab, "web").id), "one without packets keeps its name"


def test_between_two_known_ends_the_interface_of_the_capture_counts():
    lab = network()
    web, db = named(lab, "web").id, named(lab, "db").id
    at_db = counts(
        (0, "10.0.1.10", "10.0.2.30"), (0, "10.0.2.30", "10.0.1.10"), (0, "10.0.1.20", "10.0.2.30", UNKNOWN, 9)
    )
    assert placed(at_db, of=lab) == [(db, INGRESS), (db, EGRESS), (db, INGRESS)]
    mirrored = counts((0, "10.0.1.10", "10.0.2.30"), (0, "10.0.1.20", OUTSIDE), (0, "10.0.2.30", OUTSIDE))
    assert placed(mirrored, of=lab)[0] == (web, EGRESS)
    told = counts((0, "10.0.1.10", "10.0.2.30", INGRESS), (0, "10.0.1.20", OUTSIDE), (0, "10.0.2.30", OUTSIDE))
    assert placed(told, of=lab)[0] == (db, INGRESS)


def test_one_interface_may_be_named():
    lab = network()
    db = named(lab, "db").id
    found = counts((0, "10.0.1.10", "10.0.2.30"), (0, "10.0.1.10", OUTSIDE), names=(db,))
    assert placed(found, of=lab, only=db) == [(db, INGRESS), (db, UNKNOWN)]
    assert found.interfaces == (db,)


def test_addresses_of_several_vpcs_tell_nothing():
    lab = network()
    twin = replace(named(lab, "web"), id="eni-twin", vpc_id="vpc-other")
    both = replace(lab, interfaces={**lab.interfaces, twin.id: twin})
    assert placed(counts((0, OUTSIDE, "10.0.1.10")), of=both) == [("if-0", UNKNOWN)]
    assert Placement(both).ambiguous == 3
    assert placed(counts((0, OUTSIDE, "10.0.1.10")), of=both, only="eni-twin") == [("eni-twin", INGRESS)]


def test_a_gap_goes_where_the_packets_of_its_interface_are():
    lab = network()
    web = named(lab, "web").id
    found = counts((0, OUTSIDE, "10.0.1.10"), names=("if-0", "other"), gaps=(Gap(0, 5, 3), Gap(1, 6)))
    placed(found, of=lab)
    assert [(found.interfaces[gap.interface], gap.at_ns, gap.packets) for gap in found.gaps] == [
        (web, 5, 3),
        ("other", 6, None),
    ]


def test_resolver_and_router_of_the_vpc_are_left_out_and_counted():
    found = counts((0, "10.0.1.10", "10.0.0.2"), (0, "10.0.1.1", "10.0.1.10", UNKNOWN, 4), (0, OUTSIDE, "10.0.1.10"))
    found.rows["dstport"][0] = 53
    Placement(network()).leave_out(found)
    assert len(found.rows) == 1
    assert found.left_out == {"resolver": 1, "router": 4}


def test_what_interfaces_stand_for_is_told():
    lab = network()
    placement = Placement(lab)
    placement.place(counts((0, OUTSIDE, "10.0.1.10"), (1, OUTSIDE, "192.0.2.2"), names=("if-0", "if-1")))
    assert placement.words([("if-0", "trace eth0"), ("if-1", "trace eth1")]) == {
        "if-1": "trace eth1",
        named(lab, "web").id: "web 10.0.1.10",
    }
