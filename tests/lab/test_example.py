"""The recorded sample set holds what its README says, in AWS's form."""

from __future__ import annotations

import gzip
from pathlib import Path

from vpcflow.record.format import VERSIONS
from vpcflow.record.layout import parse

LAB = Path(__file__).parents[2] / "examples" / "lab"
FILES = sorted(LAB.rglob("*.log.gz"))


def rows():
    names = VERSIONS[5].names
    for path in FILES:
        header, *lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        assert header == VERSIONS[5].header()
        yield from (dict(zip(names, line.split(" "), strict=True)) for line in lines)


def cases(address):
    return {
        (row["flow-direction"], row["action"])
        for row in rows()
        if address in (row["pkt-srcaddr"], row["pkt-dstaddr"]) and row["interface-id"] != NAT
    }


NAT = next(row["interface-id"] for row in rows() if row["srcaddr"] == "10.0.1.5" and row["flow-direction"] == "egress")


def test_it_lies_as_aws_delivers_it_and_is_small():
    assert FILES
    for path in FILES:
        key = parse(str(path.relative_to(LAB)))
        assert (key.account, key.region, key.is_flow_log) == ("123456789012", "us-east-1", True)
    assert sum(path.stat().st_size for path in LAB.rglob("*") if path.is_file()) < 200_000


def test_it_has_the_four_cases():
    assert cases("198.51.100.77") == {("ingress", "REJECT")}
    assert cases("203.0.113.142") == {("ingress", "ACCEPT"), ("egress", "REJECT")}
    assert cases("203.0.113.200") == {("egress", "REJECT")}
    assert cases("203.0.113.210") == {("egress", "ACCEPT"), ("ingress", "REJECT")}


def test_it_has_a_scan_a_brute_force_and_a_nat_gateway():
    found = list(rows())
    assert len({row["dstport"] for row in found if row["srcaddr"] == "198.51.100.23"}) == 80
    assert sum(row["srcaddr"] == "192.0.2.233" for row in found) == 120
    legs = {(row["srcaddr"], row["dstaddr"]) for row in found if row["interface-id"] == NAT and row["protocol"] == "6"}
    assert {("10.0.2.20", "10.0.1.5"), ("10.0.1.5", "203.0.113.220"), ("203.0.113.220", "10.0.1.5")} <= legs


def test_no_column_of_ours_is_in_it():
    assert not [name for row in rows() for name in row if name.startswith("x")]
