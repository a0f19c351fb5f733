"""AWS's published records, literally: VPC User Guide, "Flow log record examples"."""

import pytest

from record.reading import read_all
from vpcflow.record.format import DEFAULT, LogFormat
from vpcflow.record.text import write_lines

DEFAULT_NAMES = DEFAULT.header()
FLAGS = (
    "version vpc-id subnet-id instance-id interface-id account-id type srcaddr dstaddr srcport dstport pkt-srcaddr "
    "pkt-dstaddr protocol bytes packets start end action tcp-flags log-status"
)
ZONAL = "instance-id interface-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr"
REGIONAL = f"resource-id {ZONAL.replace('interface-id', 'interface-id subnet-id')}"
GATEWAY = (
    "version interface-id account-id vpc-id subnet-id instance-id srcaddr dstaddr srcport dstport protocol tcp-flags type "
    "pkt-srcaddr pkt-dstaddr action log-status"
)
SERVICE = (
    "version srcaddr dstaddr srcport dstport protocol start end type packets bytes account-id vpc-id subnet-id "
    "instance-id interface-id region az-id sublocation-type sublocation-id action tcp-flags pkt-srcaddr pkt-dstaddr "
    "pkt-src-aws-service pkt-dst-aws-service traffic-path flow-direction log-status"
)
_VPC = "vpc-abcdefab012345678 subnet-aaaaaaaa012345678 i-01234567890123456 eni-1235b8ca123456789 123456789010 IPv4"

EXAMPLES = {
    "accepted and rejected traffic": (
        DEFAULT_NAMES,
        """2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK
2 123456789010 eni-1235b8ca123456789 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 REJECT OK""",
        {"dstport": [22, 3389], "action": ["ACCEPT", "REJECT"], "bytes": [4249, 4249]},
    ),
    "no data and skipped records": (
        DEFAULT_NAMES,
        """2 123456789010 eni-1235b8ca123456789 - - - - - - - 1431280876 1431280934 - NODATA
2 123456789010 eni-11111111aaaaaaaaa - - - - - - - 1431280876 1431280934 - SKIPDATA""",
        {
            "log_status": ["NODATA", "SKIPDATA"],
            "srcaddr": [None, None],
            "bytes": [None, None],
            "start": [1431280876] * 2,
        },
    ),
    "security group and network ACL rules": (
        DEFAULT_NAMES,
        """2 123456789010 eni-1235b8ca123456789 203.0.113.12 172.31.16.139 0 0 1 4 336 1432917027 1432917142 ACCEPT OK
2 123456789010 eni-1235b8ca123456789 172.31.16.139 203.0.113.12 0 0 1 4 336 1432917094 1432917142 REJECT OK""",
        {"protocol": [1, 1], "action": ["ACCEPT", "REJECT"]},
    ),
    "IPv6 traffic": (
        DEFAULT_NAMES,
        "2 123456789010 eni-1235b8ca123456789 2001:db8:1234:a100:8d6e:3477:df66:f105 2001:db8:1234:a102:3304:8879:34cf:4071 34892 22 6 54 8855 1477913708 1477913820 ACCEPT OK",  # noqa: E501 - as published
        {"srcaddr": ["2001:db8:1234:a100:8d6e:3477:df66:f105"], "packets": [54]},
    ),
    "TCP flag sequence": (
        FLAGS,
        f"""3 {_VPC} 52.213.180.42 10.0.0.62 43416 5001 52.213.180.42 10.0.0.62 6 568 8 1566848875 1566848933 ACCEPT 2 OK
3 {_VPC} 10.0.0.62 52.213.180.42 5001 43416 10.0.0.62 52.213.180.42 6 376 7 1566848875 1566848933 ACCEPT 18 OK
3 {_VPC} 52.213.180.42 10.0.0.62 43418 5001 52.213.180.42 10.0.0.62 6 100701 70 1566848875 1566848933 ACCEPT 2 OK
3 {_VPC} 10.0.0.62 52.213.180.42 5001 43418 10.0.0.62 52.213.180.42 6 632 12 1566848875 1566848933 ACCEPT 18 OK
3 {_VPC} 10.0.0.62 52.213.180.42 5001 43418 10.0.0.62 52.213.180.42 6 63388 1219 1566848933 1566849113 ACCEPT 1 OK
3 {_VPC} 52.213.180.42 10.0.0.62 43418 5001 52.213.180.42 10.0.0.62 6 23294588 15774 1566848933 1566849113 ACCEPT 1 OK
3 {_VPC} 52.213.180.42 10.0.0.62 43638 5001 52.213.180.42 10.0.0.62 6 1260 17 1566933133 1566933193 ACCEPT 3 OK
3 {_VPC} 10.0.0.62 52.213.180.42 5001 43638  10.0.0.62 52.213.180.42 6 967 14 1566933133 1566933193 ACCEPT 19 OK""",
        {"tcp_flags": [2, 18, 2, 18, 1, 1, 3, 19], "bytes": [568, 376, 100701, 632, 63388, 23294588, 1260, 967]},
    ),
    "zonal NAT gateway": (
        ZONAL,
        """- eni-1235b8ca123456789 10.0.1.5 10.0.0.220 10.0.1.5 203.0.113.5
- eni-1235b8ca123456789 10.0.0.220 203.0.113.5 10.0.0.220 203.0.113.5
- eni-1235b8ca123456789 203.0.113.5 10.0.0.220 203.0.113.5 10.0.0.220
- eni-1235b8ca123456789 10.0.0.220 10.0.1.5 203.0.113.5 10.0.1.5
i-01234567890123456 eni-1111aaaa2222bbbb3 10.0.1.5 203.0.113.5 10.0.1.5 203.0.113.5
i-01234567890123456 eni-1111aaaa2222bbbb3 203.0.113.5 10.0.1.5 203.0.113.5 10.0.1.5""",
        {
            "instance_id": [None] * 4 + ["i-01234567890123456"] * 2,
            "pkt_dstaddr": ["203.0.113.5", "203.0.113.5", "10.0.0.220", "10.0.1.5", "203.0.113.5", "10.0.1.5"],
        },
    ),
    "regional NAT gateway": (
        REGIONAL,
        """nat-1234567890abcdef - - - 10.0.1.5 203.0.113.5 10.0.1.5 203.0.113.5
nat-1234567890abcdef - - - 107.22.182.139 203.0.113.5 107.22.182.139 203.0.113.5
nat-1234567890abcdef - - - 203.0.113.5 107.22.182.139 203.0.113.5 107.22.182.139
nat-1234567890abcdef - - - 203.0.113.5 10.0.1.5 203.0.113.5 10.0.1.5
- i-01234567890123456 eni-1111aaaa2222bbbb3 subnet-aaaaaaaa012345678 10.0.1.5 203.0.113.5 10.0.1.5 203.0.113.5
- i-01234567890123456 eni-1111aaaa2222bbbb3 subnet-aaaaaaaa012345678 203.0.113.5 10.0.1.5 203.0.113.5 10.0.1.5""",
        {
            "resource_id": ["nat-1234567890abcdef"] * 4 + [None] * 2,
            "interface_id": [None] * 4 + ["eni-1111aaaa2222bbbb3"] * 2,
        },
    ),
    "transit gateway": (
        GATEWAY,
        """3 eni-33333333333333333 123456789010 vpc-abcdefab012345678 subnet-22222222bbbbbbbbb i-01234567890123456 10.20.33.164 10.40.2.236 39812 80 6 3 IPv4 10.20.33.164 10.40.2.236 ACCEPT OK
3 eni-33333333333333333 123456789010 vpc-abcdefab012345678 subnet-22222222bbbbbbbbb i-01234567890123456 10.40.2.236 10.20.33.164 80 39812 6 19 IPv4 10.40.2.236 10.20.33.164 ACCEPT OK
3 eni-11111111111111111 123456789010 vpc-abcdefab012345678 subnet-11111111aaaaaaaaa - 10.40.1.175 10.40.2.236 39812 80 6 3 IPv4 10.20.33.164 10.40.2.236 ACCEPT OK
3 eni-22222222222222222 123456789010 vpc-abcdefab012345678 subnet-22222222bbbbbbbbb - 10.40.2.236 10.40.2.31 80 39812 6 19 IPv4 10.40.2.236 10.20.33.164 ACCEPT OK""",  # noqa: E501 - as published
        {"tcp_flags": [3, 19, 3, 19], "instance_id": ["i-01234567890123456"] * 2 + [None] * 2},
    ),
    "service name, traffic path and flow direction": (
        SERVICE,
        """5 52.95.128.179 10.0.0.71 80 34210 6 1616729292 1616729349 IPv4 14 15044 123456789012 vpc-abcdefab012345678 subnet-aaaaaaaa012345678 i-0c50d5961bcb2d47b eni-1235b8ca123456789 ap-southeast-2 apse2-az3 - - ACCEPT 19 52.95.128.179 10.0.0.71 S3 - - ingress OK
5 10.0.0.71 52.95.128.179 34210 80 6 1616729292 1616729349 IPv4 7 471 123456789012 vpc-abcdefab012345678 subnet-aaaaaaaa012345678 i-0c50d5961bcb2d47b eni-1235b8ca123456789 ap-southeast-2 apse2-az3 - - ACCEPT 3 10.0.0.71 52.95.128.179 - S3 8 egress OK""",  # noqa: E501 - as published
        {
            "traffic_path": [None, 8],
            "pkt_src_aws_service": ["S3", None],
            "pkt_dst_aws_service": [None, "S3"],
            "flow_direction": ["ingress", "egress"],
        },
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_published_example_with_its_header_reads_as_published(name):
    names, text, wanted = EXAMPLES[name]
    result = read_all(f"{names}\n{text}\n")
    assert {column: [row[column] for row in result.rows] for column in wanted} == wanted
    assert not result.report.bad
    assert set(result.tables) == {"flow_logs"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_published_example_without_header_reads_the_same_by_its_format(name):
    names, text, _ = EXAMPLES[name]
    log_format = LogFormat(tuple(names.split()))
    assert read_all(text, log_format).rows == read_all(f"{names}\n{text}\n").rows


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_published_example_is_written_back_as_published(name):
    names, text, _ = EXAMPLES[name]
    result = read_all(f"{names}\n{text}\n")
    written = b"".join(write_lines(batch, LogFormat(tuple(names.split()))) for batch in result.batches)
    # One published line has two spaces between two fields; a record has one.
    assert written.decode() == text.replace("  ", " ") + "\n"


@pytest.mark.parametrize("name", [name for name, (names, _, _) in EXAMPLES.items() if names == DEFAULT_NAMES])
def test_examples_of_the_default_format_need_no_format(name):
    names, text, _ = EXAMPLES[name]
    assert read_all(text).rows == read_all(f"{names}\n{text}\n").rows
