import gzip
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from vpcflow.errors import ConfigError, UsageError
from vpcflow.generate import Config, generate
from vpcflow.generate.hostile import BREACHED
from vpcflow.generate.load import Load
from vpcflow.generate.network import BRUTE_FORCE, PORT_SCANNER
from vpcflow.generate.stretch import KINDS
from vpcflow.record.blocks import blocks
from vpcflow.record.format import DEFAULT, TGW_DEFAULT, VERSIONS, LogFormat
from vpcflow.record.text import TextReader
from vpcflow.telemetry import ReadReport

RECORDS = 120_001
"""More than one stretch, and no round number."""


def small(out, **changes):
    return replace(Config(out, records=5_000, files=6, interfaces=60, peers=400, days=0.25), **changes)


def read(paths, log_format):
    report = ReadReport()
    batches = []
    for path in paths:
        reader = TextReader(log_format, path.name, report)
        for block in blocks([gzip.decompress(path.read_bytes())], path.name, report):
            batches.extend(batch for _, batch in reader.read(block))
    assert not report.bad, report.shown
    assert not report.losses
    return pa.concat_tables(
        [pa.Table.from_batches([b]) for b in batches], promote_options="permissive"
    ).unify_dictionaries()


def lines(paths):
    return [line for path in paths for line in gzip.decompress(path.read_bytes()).splitlines()[1:]]


def content(out):
    return {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """All fields of a set of more than one stretch."""
    out = tmp_path_factory.mktemp("whole")
    config = small(out, records=RECORDS, interfaces=300, peers=5_000, days=2.0, log_format=VERSIONS[11])
    return config, generate(config), read(sorted(out.rglob("*.log.gz")), config.log_format)


def share(table, mask):
    return pc.sum(mask.cast(pa.int64())).as_py() / table.num_rows


def having(table, **values):
    for column, value in values.items():
        table = table.filter(pc.equal(table[column], value))
    return table


def test_the_number_of_records_and_files_is_exact(whole):
    config, summary, table = whole
    assert summary.records == table.num_rows == RECORDS
    assert summary.files == len(summary.paths) == config.files
    assert summary.bytes_packed == sum(path.stat().st_size for path in summary.paths)


@pytest.mark.parametrize("records", [1, 2, 7, 499, 500, 1_001])
def test_few_records_are_exact_too_and_every_file_is_there(tmp_path, records):
    summary = generate(small(tmp_path, records=records))
    assert summary.records == len(lines(summary.paths)) == records
    assert len(set(summary.paths)) == 6


@pytest.mark.parametrize("version", VERSIONS)
def test_every_line_of_every_version_is_a_record(tmp_path, version):
    summary = generate(small(tmp_path, log_format=VERSIONS[version], records=2_000))
    table = read(summary.paths, VERSIONS[version])
    assert table.num_rows == 2_000
    assert table["version"].unique().to_pylist() == [version]


def test_a_custom_format_has_its_fields_in_its_order(tmp_path):
    log_format = LogFormat(("end", "interface-id", "tcp-flags", "bytes"))
    summary = generate(small(tmp_path, log_format=log_format))
    first, second = gzip.decompress(summary.paths[0].read_bytes()).decode().splitlines()[:2]
    assert first == "end interface-id tcp-flags bytes"
    assert second.split()[1].startswith("eni-0")


def test_the_same_seed_makes_the_same_bytes_with_any_number_of_threads(tmp_path):
    made = []
    for threads in (1, 3):
        out = tmp_path / str(threads)
        generate(small(out, records=250_000, threads=threads))
        made.append(content(out))
    assert made[0] == made[1]


def test_another_seed_makes_other_records(tmp_path):
    first = lines(generate(small(tmp_path / "1", seed=1)).paths)
    second = lines(generate(small(tmp_path / "2", seed=2)).paths)
    assert not set(first) & set(second)


def test_another_number_of_files_cuts_the_same_records_elsewhere(tmp_path):
    few = generate(small(tmp_path / "few", records=20_000, files=5))
    many = generate(small(tmp_path / "many", records=20_000, files=72))
    assert Counter(lines(few.paths)) == Counter(lines(many.paths))


@pytest.mark.parametrize("files", [1, 7, 72, 720])
def test_a_record_lies_in_the_file_of_its_window(tmp_path, files):
    config = small(tmp_path, files=files)
    summary = generate(config)
    starts = [config.start + config.span_s * n // files for n in range(files + 1)]
    if config.span_s // files >= 300:
        starts[1:-1] = [start // 300 * 300 for start in starts[1:-1]]
    for path, begin, stop in zip(summary.paths, starts, starts[1:], strict=False):
        assert datetime.fromtimestamp(begin, UTC).strftime("_%Y%m%dT%H%MZ_") in path.name
        assert path.parent == config.out.joinpath(
            "AWSLogs",
            config.account,
            "vpcflowlogs",
            config.region,
            datetime.fromtimestamp(begin, UTC).strftime("%Y/%m/%d"),
        )
        ends = [int(line.split()[11]) for line in lines([path])]
        assert all(begin <= end < stop for end in ends)


def test_an_error_leaves_complete_files_only(tmp_path):
    def stop(done):
        if done > 100_000:
            raise KeyboardInterrupt

    config = small(tmp_path, records=400_000, files=4)
    with pytest.raises(KeyboardInterrupt):
        generate(config, stop)
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert left
    assert len(left) < 4
    assert all(path.name.endswith(".log.gz") and not path.name.startswith(".") for path in left)
    before = {path: path.read_bytes() for path in left}
    generate(config)
    assert all(path.read_bytes() == data for path, data in before.items())


def test_progress_counts_up_to_all_records(tmp_path):
    seen = []
    generate(small(tmp_path, records=RECORDS), seen.append)
    assert seen == sorted(seen)
    assert len(seen) == 2
    assert seen[-1] == RECORDS


def test_the_shares_of_kinds_are_as_asked(whole):
    _, _, table = whole
    assert sum(kind.share for kind in KINDS.values()) == 10_000
    attempts = pc.and_(pc.equal(table["action"], "REJECT"), pc.equal(table["flow_direction"], "ingress"))
    assert 0.05 < share(table, attempts) < 0.07
    assert 0.015 < share(table, pc.equal(table["type"], "IPv6")) < 0.025
    assert 0.002 < share(table, pc.equal(table["log_status"], "NODATA")) < 0.004
    assert 0.0002 < share(table, pc.equal(table["log_status"], "SKIPDATA")) < 0.001


def test_a_record_without_data_has_interface_and_window_only(whole):
    _, _, table = whole
    quiet = table.filter(pc.not_equal(table["log_status"], "OK"))
    for column in (
        "srcaddr",
        "dstport",
        "protocol",
        "packets",
        "bytes",
        "action",
        "tcp_flags",
        "flow_direction",
        "type",
    ):
        assert quiet[column].null_count == quiet.num_rows, column
    assert quiet["interface_id"].null_count == quiet["vpc_id"].null_count == 0
    assert pc.subtract(quiet["end"], quiet["start"]).unique().to_pylist() == [59]


def test_conversations_are_recorded_in_both_directions_and_inside_at_both_ends(whole):
    _, _, table = whole
    columns = ["interface_id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "end"]
    accepted = having(table, action="ACCEPT", log_status="OK")
    seen = Counter(zip(*(accepted[name].to_pylist() for name in columns), strict=True))
    alone = Counter(
        key for key in seen if (key[0], key[2], key[1], key[4], key[3], key[5], key[6]) not in seen
    )  # fmt: skip
    # Only a request to a host that refuses it has no answer.
    assert len(alone) < 0.003 * accepted.num_rows
    inside = having(accepted, traffic_path=1)
    plain = inside.filter(pc.and_(pc.is_null(inside["next_hop_interface_type"]), pc.is_null(inside["interface_type"])))
    tuples = ["next_hop_interface_id", *columns[1:]]
    far = set(zip(*(table[name].to_pylist() for name in columns), strict=True))
    assert plain.num_rows > 1_000
    assert set(zip(*(plain[name].to_pylist() for name in tuples), strict=True)) <= far


def test_tcp_flags_say_who_opened_and_are_reachable_values(whole):
    _, _, table = whole
    assert set(table["tcp_flags"].drop_null().unique().to_pylist()) <= {0, 1, 2, 3, 4, 5, 6, 7, 18, 19, 22, 23}
    other = table.filter(pc.not_equal(table["protocol"], 6))
    assert other["tcp_flags"].unique().to_pylist() == [0]
    opened = table.filter(pc.is_in(table["tcp_flags"], pa.array([2, 3])))
    answered = table.filter(pc.is_in(table["tcp_flags"], pa.array([18, 19])))
    assert pc.max(opened["dstport"].filter(pc.equal(opened["action"], "ACCEPT"))).as_py() < 9_000
    assert pc.max(answered["srcport"]).as_py() <= max(BREACHED)
    assert pc.all(pc.greater_equal(table["end"], table["start"])).as_py()
    assert pc.max(pc.subtract(table["end"], table["start"])).as_py() < 60


def test_a_nat_gateway_writes_its_own_address_and_keeps_the_packets(whole):
    _, _, table = whole
    gateway = having(table, interface_type="nat_gateway", action="ACCEPT", log_status="OK")
    assert gateway["instance_id"].null_count == gateway.num_rows
    inner = having(gateway, traffic_path=1)
    own = set(inner["srcaddr"].to_pylist())
    assert inner.num_rows
    assert len(own) == 3
    assert not own & set(inner["pkt_srcaddr"].to_pylist())
    outer = having(gateway, traffic_path=8)
    assert set(outer["srcaddr"].to_pylist()) == own
    assert outer["srcaddr"].to_pylist() == outer["pkt_srcaddr"].to_pylist()


def test_fields_hold_where_they_apply_and_nowhere_else(whole):
    config, _, table = whole
    ok = having(table, log_status="OK")
    ingress = having(ok, flow_direction="ingress")
    assert ingress["traffic_path"].null_count == ingress.num_rows
    assert having(ok, flow_direction="egress")["traffic_path"].null_count == 0
    for column in ("sublocation_id", "resource_id"):
        assert table[column].null_count == table.num_rows
    blocked = having(table, reject_reason="BPA")
    assert blocked.num_rows
    assert blocked["bytes"].null_count == blocked.num_rows
    assert blocked["action"].unique().to_pylist() == ["REJECT"]
    tasks = table.filter(pc.is_valid(table["ecs_task_id"]))
    assert tasks["ecs_cluster_name"].unique().to_pylist() == ["shop"]
    assert {"결제 & Orders", "Shop: Web (blue)"} <= set(table["instance_tag_2"].drop_null().unique().to_pylist())
    assert set(table["az_id"].unique().to_pylist()) == {"use1-az1", "use1-az2", "use1-az3"}
    assert {"S3", "DYNAMODB"} <= set(ok["pkt_dst_aws_service"].drop_null().unique().to_pylist())
    s3 = having(ok, pkt_dst_aws_service="S3")
    assert s3["traffic_path"].unique().to_pylist() == [7]
    assert len(set(table["interface_id"].to_pylist())) == config.interfaces


def test_the_brute_force_is_refused_by_web_servers_and_accepted_by_the_bastion(whole):
    _, _, table = whole
    tries = having(table, srcaddr=BRUTE_FORCE)
    assert set(tries["dstport"].to_pylist()) == {22}
    results = Counter(tries["action"].to_pylist())
    assert results["REJECT"] > 3 * results["ACCEPT"] > 0
    assert len(set(having(tries, action="ACCEPT")["dstaddr"].to_pylist())) == 1


def test_the_port_scanner_walks_one_target_and_gets_two_flows(whole):
    _, _, table = whole
    probes = having(table, srcaddr=PORT_SCANNER)
    assert len(set(probes["dstaddr"].to_pylist())) == 1
    assert len(set(having(probes, action="REJECT")["dstport"].to_pylist())) > 500
    assert sorted(having(probes, action="ACCEPT")["dstport"].to_pylist()) == sorted(BREACHED)
    assert having(table, dstaddr=PORT_SCANNER).num_rows == 2


def test_one_inside_host_is_denied_again_and_again(whole):
    _, _, table = whole
    refused = having(table, action="REJECT", next_hop_vpc_id=table["vpc_id"][0].as_py())
    sources = Counter(refused["srcaddr"].to_pylist())
    assert len(sources) == 1
    assert sources.total() >= 100
    assert set(refused["dstport"].to_pylist()) == {22, 445, 1433, 3389}


def test_days_are_busier_than_nights(tmp_path):
    load = Load(Config(tmp_path))
    hours = np.bincount((load.time(np.linspace(0, 1, 100_000)) // 3_600) % 24, minlength=24)
    assert hours.argmax() == 14 or hours.argmax() == 15
    assert hours.max() > 3 * hours.min()


def test_few_peers_are_documentation_addresses(tmp_path):
    table = read(generate(small(tmp_path, log_format=VERSIONS[5])).paths, VERSIONS[5])
    outside = {a for a in table["pkt_srcaddr"].drop_null().to_pylist() if not a.startswith(("10.", "52.", "2001:db8:"))}
    assert len(outside) > 200
    assert all(address.startswith(("192.0.2.", "198.51.100.", "203.0.113.")) for address in outside)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"records": 0}, "generate.out_of_range"),
        ({"files": 10**6}, "generate.out_of_range"),
        ({"interfaces": 11}, "generate.out_of_range"),
        ({"days": 0}, "generate.out_of_range"),
        ({"threads": 0}, "generate.out_of_range"),
        ({"account": "../../etc"}, "generate.malformed"),
        ({"region": "us/east"}, "generate.malformed"),
        ({"log_format": TGW_DEFAULT}, "generate.not_a_vpc_field"),
        ({"log_format": LogFormat(("srcaddr", "colour"))}, "generate.not_a_vpc_field"),
    ],
)
def test_what_cannot_be_generated_is_refused_by_name(tmp_path, changes, code):
    with pytest.raises(UsageError) as caught:
        small(tmp_path, **changes)
    assert caught.value.code == code
    assert caught.value.message


def test_a_place_that_cannot_be_written_is_an_error_with_its_path(tmp_path):
    (tmp_path / "AWSLogs").write_text("in the way")
    with pytest.raises(ConfigError, match="cannot write"):
        generate(small(tmp_path))


def test_packed_size_and_distinct_values_are_like_real_ones(tmp_path):
    """A day's density of 20 M records in five days, in one stretch of it."""
    summary = generate(Config(tmp_path, records=500_000, files=2, days=0.125))
    assert 29 <= summary.bytes_packed / summary.records <= 37
    table = read(summary.paths[:1], DEFAULT)
    assert len(table["srcaddr"].unique()) > 5_000
