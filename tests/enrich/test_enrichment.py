"""What a network tells of records, case by case as AWS's pages have them, then for any batch."""

from __future__ import annotations

import ipaddress
import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enrich.networks import APPLIANCE, DB, NAT, NETWORK, NLB, OTHER, OWN, PEER, TGW, THEIRS, WEB
from vpcflow.enrich.aws_service import AwsRanges
from vpcflow.enrich.enrichment import Enrichment
from vpcflow.enrich.prefixes import PrefixTable, most_specific_last
from vpcflow.enrich.tags import TagFields
from vpcflow.errors import ConfigError
from vpcflow.record.schema import arrow_type, in_order
from vpcflow.vpc.address_columns import Addresses
from vpcflow.vpc.flow_logs import TagFieldSpecification

RANGES = AwsRanges(
    {
        "createDate": "2026-01-01-00-00-00",
        "prefixes": [
            {"ip_prefix": "52.95.0.0/16", "service": "AMAZON"},
            {"ip_prefix": "52.95.128.0/21", "service": "S3"},
            {"ip_prefix": "52.95.128.0/21", "service": "EC2"},
            {"ip_prefix": "52.95.129.0/24", "service": "AMAZON"},
            {"ip_prefix": "52.95.130.0/24", "service": "EC2"},
            {"ip_prefix": "203.0.113.0/24", "service": "AMAZON"},
        ],
        "ipv6_prefixes": [{"ipv6_prefix": "2600:1f00::/24", "service": "DYNAMODB"}],
    }
)
EVERYTHING = Enrichment(NETWORK, RANGES)


def batch(*rows):
    """Return rows of (interface, srcaddr, dstaddr, direction) as an aggregator makes them."""
    columns = {
        "account_id": [OWN] * len(rows),
        "interface_id": [row[0] for row in rows],
        "srcaddr": [row[1] for row in rows],
        "dstaddr": [row[2] for row in rows],
        "log_status": ["OK" if row[1] else "NODATA" for row in rows],
        "flow_direction": [row[3] for row in rows],
    }
    names = in_order("flow_logs", columns)
    arrays = [pa.array(columns[name], arrow_type(name)) for name in names]
    coded = {"account_id", "interface_id", "log_status", "flow_direction"}
    return pa.RecordBatch.from_arrays(
        [array.dictionary_encode() if name in coded else array for name, array in zip(names, arrays, strict=True)],
        names=names,
    )


def told(*row, names):
    """Return some fields of one enriched record."""
    record = EVERYTHING(batch(row)).to_pylist()[0]
    return tuple(record[name] for name in names)


def test_an_interface_tells_where_it_is_and_whose():
    names = (
        "account_id",
        "vpc_id",
        "subnet_id",
        "instance_id",
        "region",
        "az_id",
        "interface_type",
        "sublocation_type",
    )
    assert told(WEB, "10.0.1.10", "198.51.100.7", "egress", names=names) == (
        OWN, "vpc-a", "subnet-public", "i-web", "eu-central-1", "euc1-az1", None, None,
    )  # fmt: skip
    assert told(NAT, "10.0.1.5", "198.51.100.7", "egress", names=names)[3:7] == (
        None,
        "eu-central-1",
        "euc1-az1",
        "nat_gateway",
    )
    assert told(THEIRS, None, None, None, names=names)[:3] == (OTHER, "vpc-a", "subnet-private")
    assert told("eni-unknown", "10.0.1.10", "10.0.1.9", "egress", names=names)[:3] == (OWN, None, None)


def test_a_sublocation_takes_the_place_of_the_zone():
    names = ("az_id", "sublocation_type", "sublocation_id")
    assert told(APPLIANCE, None, None, None, names=names) == (None, "localzone", "euc1-ham1-az1")


@pytest.mark.parametrize(
    ("row", "seen"),
    [
        ((WEB, "198.51.100.7", "10.0.1.10", "ingress"), ("198.51.100.7", "10.0.1.10", "198.51.100.7", "10.0.1.10")),
        ((WEB, "198.51.100.7", "10.0.1.11", "ingress"), ("198.51.100.7", "10.0.1.10", "198.51.100.7", "10.0.1.11")),
        ((NAT, "10.0.2.20", "203.0.113.5", "ingress"), ("10.0.2.20", "10.0.1.5", "10.0.2.20", "203.0.113.5")),
        ((NAT, "203.0.113.5", "10.0.2.20", "egress"), ("10.0.1.5", "10.0.2.20", "203.0.113.5", "10.0.2.20")),
        ((TGW, "172.30.0.1", "10.0.2.20", "egress"), ("10.0.2.9", "10.0.2.20", "172.30.0.1", "10.0.2.20")),
        ((WEB, "2001:db8:9::1", "2001:db8:1::11", "ingress"), ("2001:db8:9::1", "2001:db8:1::11") * 2),
        ((WEB, "2001:db8:9::1", "fe80::1", "ingress"), ("2001:db8:9::1", "2001:db8:1::10", "2001:db8:9::1", "fe80::1")),
        (("eni-unknown", "10.0.1.10", "10.0.1.9", "egress"), ("10.0.1.10", "10.0.1.9") * 2),
        ((WEB, None, None, None), (None,) * 4),
    ],
)
def test_the_interface_s_primary_address_stands_on_its_own_side(row, seen):
    assert told(*row, names=("srcaddr", "dstaddr", "pkt_srcaddr", "pkt_dstaddr")) == seen


def test_a_direction_nobody_saw_is_told_by_the_addresses():
    names = ("flow_direction",)
    assert told(WEB, "198.51.100.7", "10.0.1.11", None, names=names) == ("ingress",)
    assert told(WEB, "2001:db8:1::10", "2001:db8:9::1", None, names=names) == ("egress",)
    assert told(WEB, "198.51.100.7", "198.51.100.8", None, names=names) == (None,)
    assert told(WEB, None, None, None, names=names) == (None,)


@pytest.mark.parametrize(
    ("interface", "far", "path", "hop"),
    [
        (WEB, "10.0.2.20", 1, DB),
        (WEB, "198.51.100.7", 8, None),
        (WEB, "2001:db8:9::1", 8, None),
        (WEB, "10.9.0.9", 4, PEER),
        (WEB, "10.8.0.1", 5, None),
        (WEB, "10.10.0.1", 3, None),
        (WEB, "52.95.1.1", 7, None),
        (WEB, "10.7.0.1", None, None),
        (WEB, "10.6.0.1", 1, APPLIANCE),
        (WEB, "10.5.0.1", 6, None),
        (DB, "198.51.100.7", 1, NAT),
        (DB, "172.30.0.1", 1, TGW),
        (DB, "10.0.2.30", 1, None),
        (APPLIANCE, "198.51.100.7", None, None),
        (PEER, "10.0.1.10", 4, WEB),
    ],
)
def test_egress_leaves_by_the_most_specific_route(interface, far, path, hop):
    own = NETWORK.interfaces[interface].addresses[0]
    source = NETWORK.interfaces[interface].ipv6[0] if ":" in far else own
    assert told(interface, source, far, "egress", names=("traffic_path", "next_hop_interface_id")) == (path, hop)


def test_the_next_hop_tells_its_place_and_type():
    names = (
        "next_hop_interface_id",
        "next_hop_subnet_id",
        "next_hop_az_id",
        "next_hop_vpc_id",
        "next_hop_interface_type",
    )
    assert told(DB, "10.0.2.20", "198.51.100.7", "egress", names=names) == (
        NAT, "subnet-public", "euc1-az1", "vpc-a", "nat_gateway",
    )  # fmt: skip
    # Of a hop in another account only the zone; for ingress nothing of transit gateways and Network Load Balancers.
    assert told(DB, "10.0.2.20", "10.0.2.30", "egress", names=names) == (None, None, "euc1-az2", None, None)
    assert told(DB, "172.30.0.1", "10.0.2.20", "ingress", names=names) == (None,) * 5
    assert told(DB, "10.0.2.7", "10.0.2.20", "ingress", names=names) == (None,) * 5
    assert told(DB, "10.0.2.20", "10.0.2.7", "egress", names=names)[0] == NLB
    assert told(DB, "10.0.1.10", "10.0.2.20", "ingress", names=names)[:2] == (WEB, "subnet-public")


def test_ingress_has_no_traffic_path():
    assert told(WEB, "198.51.100.7", "10.0.1.10", "ingress", names=("traffic_path",)) == (None,)


@pytest.mark.parametrize(
    ("address", "service"),
    [
        ("52.95.128.179", "S3"),
        ("52.95.129.1", "S3"),
        ("52.95.130.1", "EC2"),
        ("52.95.1.1", "AMAZON"),
        ("203.0.113.9", "AMAZON"),
        ("2600:1f00::1", "DYNAMODB"),
        ("2600:2000::1", None),
        ("10.0.2.20", None),
    ],
)
def test_the_service_is_the_most_specific_range_that_is_not_all_of_amazon(address, service):
    own = "2001:db8:1::10" if ":" in address else "10.0.1.10"
    names = ("pkt_src_aws_service", "pkt_dst_aws_service")
    assert told(WEB, own, address, "egress", names=names) == (None, service)
    assert told(WEB, address, own, "ingress", names=names) == (service, None)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"prefixes": [{}], "ipv6_prefixes": []}', '{"prefixes": 3, "ipv6_prefixes": []}',
             '{"prefixes": [{"ip_prefix": "banana", "service": "S3"}], "ipv6_prefixes": []}',
             '{"prefixes": [{"ip_prefix": "10.0.0.0/8", "service": 3}], "ipv6_prefixes": []}', "[" * 100_000],
)  # fmt: skip
def test_a_file_that_is_not_the_published_one_is_refused_by_name(tmp_path, text):
    path = tmp_path / "ip-ranges.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"ip-ranges\.json"):
        AwsRanges.read(path)


def test_the_published_file_is_read(tmp_path):
    path = tmp_path / "ip-ranges.json"
    entry = {"ip_prefix": "3.5.140.0/22", "region": "ap-northeast-2", "service": "S3", "network_border_group": "x"}
    path.write_text(json.dumps({"syncToken": "1", "createDate": "d", "prefixes": [entry], "ipv6_prefixes": []}))
    assert AwsRanges.read(path).services == ("S3",)


def test_tags_fill_the_fields_that_the_flow_log_names():
    specifications = [
        TagFieldSpecification("instance", ("Name",)),
        TagFieldSpecification("network-interface", ("team", "Name")),
        TagFieldSpecification("auto-scaling-group", ("none", "stage")),
    ]
    rows = TagFields(NETWORK, specifications)(batch((WEB, None, None, None), (DB, None, None, None))).to_pylist()
    names = ("instance_tag", "interface_tag", "interface_tag_2", "asg_tag", "asg_tag_2")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("web", "net/ops", "web one", None, "test"),
        (None,) * 5,
    ]
    assert "instance_tag_2" not in rows[0]


def test_only_what_is_wanted_is_made():
    row = (WEB, "10.0.1.10", "198.51.100.7", "egress")
    assert set(Enrichment(NETWORK, RANGES, {"vpc_id"})(batch(row)).schema.names) >= {"vpc_id", "pkt_srcaddr"}
    assert "traffic_path" not in Enrichment(NETWORK, RANGES, {"vpc_id"})(batch(row)).schema.names
    assert "vpc_id" not in Enrichment(NETWORK, RANGES, {"traffic_path"})(batch(row)).schema.names


# --- any batch -------------------------------------------------------------------------------------------------

_ADDRESSES = [
    "10.0.1.10", "10.0.1.11", "10.0.2.20", "10.0.2.30", "10.9.0.9", "198.51.100.7", "52.95.128.1", "172.30.0.1",
    "2001:db8:1::10", "2600:1f00::1", "fe80::1",
]  # fmt: skip
_ROWS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from([WEB, DB, NAT, TGW, "eni-unknown"]),
            st.sampled_from(_ADDRESSES),
            st.sampled_from(_ADDRESSES),
            st.sampled_from(["ingress", "egress", None]),
        ),
        st.tuples(st.sampled_from([WEB, DB]), st.none(), st.none(), st.none()),
    ),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(_ROWS)
def test_rows_and_their_order_stay_and_each_is_told_as_if_it_came_alone(rows):
    together = EVERYTHING(batch(*rows))
    assert together.num_rows == len(rows)
    for row, record in zip(rows, together.to_pylist(), strict=True):
        assert record == EVERYTHING(batch(row)).to_pylist()[0]
        assert (record["interface_id"], record["pkt_srcaddr"], record["pkt_dstaddr"]) == row[:3]
        assert row[3] in (None, record["flow_direction"])
    known = in_order("flow_logs", together.schema.names)
    assert together.schema.names == known


_BLOCKS = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(
            lambda it: ipaddress.IPv4Network(it, strict=False)
        ),
        st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 128)).map(
            lambda it: ipaddress.IPv6Network(it, strict=False)
        ),
    ),
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(_BLOCKS, st.randoms(use_true_random=False))
def test_blocks_are_found_as_one_by_one(blocks, chance):
    blocks = list(dict.fromkeys(blocks))
    wanted = [ipaddress.ip_address(chance.getrandbits(32)), ipaddress.ip_address(chance.getrandbits(128) | 1 << 127)]
    for block in blocks:
        edge = int(block.network_address)
        last = edge + block.num_addresses - 1
        wanted += [type(block.network_address)(number) for number in (edge, last, max(0, edge - 1))]
    table = PrefixTable(most_specific_last((str(block), number) for number, block in enumerate(blocks)))
    found = table.lookup(Addresses.of(pa.array([*map(str, wanted), "banana", None])))
    for address, code in zip(wanted, found.tolist()[:-3], strict=True):
        holding = [block for block in blocks if block.version == address.version and address in block]
        best = max(holding, key=lambda block: block.prefixlen, default=None)
        assert code == (-1 if best is None else blocks.index(best))
    assert found.tolist()[-3:] == [-1, -1, -1]


def test_who_really_talks_behind_a_translation_stays_in_the_packet_s_fields():
    rows = batch((WEB, "198.51.100.7", "10.0.1.11", "ingress"))
    known = rows.append_column("pkt_srcaddr", pa.array(["192.0.2.1"])).append_column(
        "pkt_dstaddr", pa.array(["10.0.1.11"])
    )
    (record,) = EVERYTHING(known).to_pylist()
    names = ("srcaddr", "dstaddr", "pkt_srcaddr", "pkt_dstaddr")
    assert tuple(record[name] for name in names) == ("198.51.100.7", "10.0.1.10", "192.0.2.1", "10.0.1.11")
