"""`vpcflow capture` as it is called."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from capture.packets import ARP, SECOND, T0, PcapNg, ethernet, icmp, ipv4, ipv6, pcap, tcp, udp

NOW = T0 * SECOND


def exchange(client="10.0.0.5", server="192.0.2.9", start=NOW):
    flags = [
        (True, 2),
        (False, 0x12),
        (True, 0x10),
        (True, 0x18),
        (False, 0x18),
        (True, 0x11),
        (False, 0x11),
        (True, 0x10),
    ]
    for number, (out, bits) in enumerate(flags):
        ends = (client, server) if out else (server, client)
        ports = (40000, 443) if out else (443, 40000)
        yield start + number * SECOND, ethernet(ipv4(6, tcp(*ports, bits, b"x" * 10), *ends))


@pytest.fixture
def trace(place):
    file = place / "trace.pcap"
    file.write_bytes(
        pcap(*exchange(), (NOW, ARP), (NOW, ethernet(ipv4(17, udp(68, 67), "0.0.0.0", "255.255.255.255"))))
    )
    return file


def test_records_go_to_stdout_and_totals_to_stderr(run, trace):
    ran = run("capture", trace, "--interface-id", "eni-1")
    assert ran.code == 0
    assert ran.lines == [
        "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status",
        f"2 000000000000 eni-1 10.0.0.5 192.0.2.9 40000 443 6 5 250 {T0} {T0 + 7} - OK",
        f"2 000000000000 eni-1 192.0.2.9 10.0.0.5 443 40000 6 3 150 {T0 + 1} {T0 + 6} - OK",
    ]
    assert "10 packets: 8 in 2 records, 1 ARP, 1 DHCP;" in ran.err
    assert "10.0.0.5/32 taken for local, a guess from 9 packets" in ran.err


def test_all_keeps_what_aws_does_not_log(run, trace):
    ran = run("capture", trace, "--all", "-o", "jsonl")
    assert [row["protocol"] for row in ran.rows()].count(17) == 1
    assert "10 packets: 9 in 3 records, 1 ARP;" in ran.err


def test_a_format_says_which_fields(run, trace):
    ran = run(
        "capture",
        trace,
        "--local",
        "10.0.0.0/8",
        "--format",
        "${version} ${flow-direction} ${tcp-flags} ${type} ${vpc-id}",
    )
    assert ran.lines == ["version flow-direction tcp-flags type vpc-id", "5 egress 3 IPv4 -", "5 ingress 19 IPv4 -"]
    assert "guess" not in ran.err


def test_an_unknown_field_of_a_format_is_refused(run, trace):
    ran = run("capture", trace, "--format", "${version} ${src}")
    assert (ran.code, 'no field of VPC flow logs: "src"' in ran.err) == (4, True)


@pytest.mark.parametrize("interval", ["1", "60", "600"])
def test_intervals_split_flows(run, trace, interval):
    rows = run("capture", trace, "--interval", interval, "-o", "jsonl").rows()
    assert sum(row["packets"] or 0 for row in rows) == 8
    assert len([row for row in rows if row["log_status"] == "OK"]) == (8 if interval == "1" else 2)


@pytest.mark.parametrize("interval", ["0", "601", "x"])
def test_other_intervals_are_refused(run, trace, interval):
    assert run("capture", trace, "--interval", interval).code == 2


def test_every_output_holds_the_same(run, trace):
    expected = run("capture", trace, "-o", "json").json()
    assert len(expected) == 2
    assert run("capture", trace, "-o", "jsonl").rows() == expected
    assert pq.read_table(io.BytesIO(run("capture", trace, "-o", "parquet").data)).num_rows == 2
    assert len(run("capture", trace, "-o", "csv").lines) == 3
    assert run("capture", trace, "-o", "arrow").data[:4] == b"\xff\xff\xff\xff"
    table = run("capture", trace, "-o", "table").out
    assert "10.0.0.5:40000" in table
    assert "250 B" in table
    assert "srcaddr" in run("capture", trace, "-o", "wide").out


def test_a_table_shows_the_first_and_says_how_many_more(run, place):
    records = [(NOW, ethernet(ipv4(17, udp(port, 53)))) for port in range(1, 251)]
    (place / "many.pcap").write_bytes(pcap(*records))
    ran = run("capture", "many.pcap", "-o", "table")
    assert len(ran.lines) == 101
    assert "the first 100; there are 150 more" in ran.err


def test_several_files_are_read_and_one_id_joins_them(run, place):
    (place / "a.pcap").write_bytes(pcap(*exchange()))
    (place / "b.pcap.gz").write_bytes(gzip.compress(pcap(*exchange(start=NOW + 10 * SECOND))))
    apart = run("capture", "a.pcap", "b.pcap.gz", "-o", "jsonl").rows()
    assert len({row["interface_id"] for row in apart}) == 2
    assert len(apart) == 4
    joined = run("capture", "a.pcap", "b.pcap.gz", "--interface-id", "eni-1", "-o", "jsonl").rows()
    assert [row["packets"] for row in joined] == [10, 6]


def test_a_file_that_is_no_capture_does_not_stop_the_others(run, trace):
    (trace.parent / "notes.txt").write_text("hello, this is no capture")
    ran = run("capture", "notes.txt", trace)
    assert (ran.code, len(ran.lines)) == (4, 3)
    assert "not read: " in ran.err
    assert "is not a packet capture" in ran.err


def test_nothing_but_what_is_no_capture_is_an_error(run, place):
    (place / "notes.txt").write_text("hello, this is no capture")
    ran = run("capture", "notes.txt")
    assert (ran.code, ran.err.splitlines()[0].endswith("notes.txt is not a packet capture")) == (4, True)
    assert run("capture", "nowhere.pcap").code == 5


def test_standard_input_is_read(trace):
    command = [sys.executable, "-m", "vpcflow", "capture", "-", "-o", "jsonl", "-q"]
    done = subprocess.run(command, input=trace.read_bytes(), capture_output=True, check=True)
    assert done.stdout.count(b"\n") == 2
    assert done.stderr == b""


def test_damage_is_told_even_when_quiet(run, trace):
    trace.write_bytes(trace.read_bytes()[:-3])
    ran = run("capture", trace, "-q", "-o", "jsonl")
    assert "is cut off; what came before was read" in ran.err
    assert [row["log_status"] for row in ran.rows()] == ["OK", "OK", "SKIPDATA"]


def test_what_the_capture_lost_is_told(run, place):
    file = PcapNg()
    file.interface(1, (2, b"eth0")).packet(NOW // 1000, ethernet(ipv4(6, tcp())))
    file.statistics(0, (5, file.number("Q", 12)))
    (place / "lossy.pcapng").write_bytes(file.data)
    ran = run("capture", "lossy.pcapng", "-o", "jsonl")
    assert "the capture itself lost 12 packets" in ran.err
    assert [row["log_status"] for row in ran.rows()] == ["OK", "SKIPDATA"]
    assert "lossy.pcapng eth0" in ran.err


def test_a_name_in_a_capture_cannot_drive_the_terminal(run, place):
    file = PcapNg().interface(1, (2, b"\x1b[31meth")).packet(NOW // 1000, ethernet(ipv4(6, tcp())))
    (place / "odd.pcapng").write_bytes(file.data)
    ran = run("capture", "odd.pcapng")
    assert "\x1b" not in ran.err
    assert "\x1b" not in ran.out


@pytest.mark.parametrize(
    "words", [("--local", "10.0.0"), ("--interface-id", "eni 1"), ("--account", "12"), ("--region", "Mars 1")]
)
def test_words_no_record_may_hold_are_refused(run, trace, words):
    ran = run("capture", trace, *words)
    assert ran.code == 2
    assert ran.out == ""


def test_into_the_lake_once(run, trace):
    ran = run(
        "capture",
        trace,
        "--into-lake",
        "--account",
        "123456789012",
        "--region",
        "eu-central-1",
        "--local",
        "10.0.0.0/8",
    )
    assert ran.code == 0
    assert ran.out.startswith("2 records, 1 files")
    assert "10 packets: 8 in 2 records" in ran.err
    again = run(
        "capture",
        trace,
        "--into-lake",
        "--account",
        "123456789012",
        "--region",
        "eu-central-1",
        "--local",
        "10.0.0.0/8",
    )
    assert "1 already in the lake" in again.out
    rows = run("records", "-o", "jsonl", "--account", "123456789012").rows()
    assert sorted((row["srcaddr"], row["flow_direction"], row["tcp_flags"]) for row in rows) == [
        ("10.0.0.5", "egress", 3), ("192.0.2.9", "ingress", 19),
    ]  # fmt: skip


def test_read_otherwise_it_replaces_what_the_lake_has(run, trace):
    run("capture", trace, "--into-lake")
    run("capture", trace, "--into-lake", "--interval", "1")
    rows = run("records", "-o", "jsonl", "-f", "log-status = OK").rows()
    assert len(rows) == 8


def test_the_lake_takes_neither_output_nor_format(run, trace):
    assert run("capture", trace, "--into-lake", "-o", "json").code == 2
    assert run("capture", trace, "--into-lake", "--format", "${version}").code == 2


def test_a_broken_capture_does_not_enter_the_lake(run, place):
    (place / "notes.pcap").write_text("hello, this is no capture")
    ran = run("capture", "notes.pcap", "--into-lake")
    assert ran.code == 4
    assert "is not a packet capture" in ran.err


def test_nothing_is_lost_silently(run, place):
    """Each kind of packet is in the totals, and they add up."""
    (place / "mixed.pcap").write_bytes(
        pcap(
            *exchange(), (NOW, ARP), (NOW, b""), (NOW, ethernet(b"\0" * 20, kind=0x88CC)), (NOW, ethernet(ipv6(58, icmp(135)))),
            (NOW, ethernet(ipv4(6, tcp(), length=9000))), (NOW, ethernet(ipv4(17, b"\0"))),
            (NOW, ethernet(ipv4(6, tcp(), dst="169.254.169.254"))),
        )
    )  # fmt: skip
    err = run("capture", "mixed.pcap").err
    assert "15 packets: 8 in 2 records" in err
    for words in (
        "1 ARP", "1 not IP", "1 captured too short", "1 neighbor discovery",
        "1 with a wrong IP header", "1 too short for their ports",
        "1 instance metadata",
    ):  # fmt: skip
        assert words in err


def test_captures_in_a_bucket(run, s3, tmp_path, monkeypatch):
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    bucket = s3.bucket({"a.pcap": pcap(*exchange()), "b.pcap.gz": gzip.compress(pcap(*exchange(client="10.0.0.6")))})
    ran = run("capture", f"s3://{bucket}", "--endpoint-url", s3.url, "-o", "jsonl")
    assert ran.code == 0, ran.err
    assert {row["srcaddr"] for row in ran.rows()} == {"10.0.0.5", "10.0.0.6", "192.0.2.9"}
    assert "16 packets: 16 in 4 records" in ran.err


@pytest.mark.parametrize("words", [(), ("--into-lake",)])
def test_every_capture_of_a_folder(run, place, words):
    (place / "captures").mkdir()
    for number in range(3):
        (place / "captures" / f"{number}.pcap").write_bytes(pcap(*exchange(client=f"10.0.0.{number + 1}")))
    ran = run("capture", "captures", *words)
    assert "24 packets: 24 in 6 records" in ran.err
