"""Drains → records: intervals, NODATA, SKIPDATA, and what happens when there is no room."""

from __future__ import annotations

import numpy as np
import pytest

from capture.rows import row
from vpcflow.aggregate.aggregator import Aggregator, Totals
from vpcflow.aggregate.records import Identity
from vpcflow.record.flow_counts import FlowCounts, Gap, no_rows
from vpcflow.record.schema import arrow_type

SECOND = 1_000_000_000
T0 = 1_700_000_040


class Made:
    """An aggregator and the records it has given."""

    def __init__(self, interval_s=60, **how):
        self.totals = Totals()
        self._aggregator = Aggregator(interval_s, Identity(), self.totals, **how)
        self.batches = []

    def drain(self, *rows, interfaces=("eni-a",), gaps=(), left_out=()):
        counts = FlowCounts(np.concatenate([no_rows(), *rows]), interfaces, gaps=tuple(gaps))
        counts.left_out.update(dict(left_out))
        found = list(self._aggregator.fold(counts))
        self.batches += found
        return [record for batch in found for record in batch.to_pylist()]

    def finish(self):
        found = list(self._aggregator.finish())
        self.batches += found
        return [record for batch in found for record in batch.to_pylist()]

    def everything(self):
        self.finish()
        return [record for batch in self.batches for record in batch.to_pylist()]


def at(second, **how):
    return row("10.0.0.5", "192.0.2.1", first=second * SECOND, **how)


def short(records):
    return [(r["interface_id"], r["start"] - T0, r["end"] - T0, r["log_status"], r["packets"]) for r in records]


def test_a_record_has_what_a_row_says():
    made = Made()
    given = at(1, packets=3, direction=2)
    given["last"] += 5 * SECOND
    given["flags"], given["action"] = 18, 2
    made.drain(given)
    (record,) = made.finish()
    assert record == {
        "version": 2, "account_id": "000000000000", "interface_id": "eni-a", "srcaddr": "10.0.0.5", "dstaddr": "192.0.2.1",
        "srcport": 1000, "dstport": 443, "protocol": 6, "packets": 3, "bytes": 300, "start": T0 + 1, "end": T0 + 6,
        "action": "REJECT", "log_status": "OK", "tcp_flags": 18, "type": "IPv4", "pkt_srcaddr": "10.0.0.5",
        "pkt_dstaddr": "192.0.2.1", "region": "local-1", "flow_direction": "egress",
    }  # fmt: skip


def test_what_is_not_known_is_null():
    made = Made()
    given = row("2001:db8::5", "2600::1")
    given["flags"] = 128 | 2
    made.drain(given)
    (record,) = made.finish()
    assert (record["action"], record["flow_direction"], record["tcp_flags"]) == (None, None, None)
    assert (record["srcaddr"], record["type"]) == ("2001:db8::5", "IPv6")


def test_both_ip_versions_keep_their_order():
    made = Made()
    made.drain(at(3), row("2001:db8::5", "2600::1", first=2 * SECOND), at(1, sport=7))
    assert [record["srcaddr"] for record in made.finish()] == ["10.0.0.5", "2001:db8::5", "10.0.0.5"]


def test_drains_of_one_interval_become_one_record():
    made = Made()
    assert made.drain(at(1, packets=2)) == made.drain(at(30, packets=3)) == []
    assert short(made.finish()) == [("eni-a", 1, 30, "OK", 5)]


def test_a_flow_is_split_at_the_interval():
    made = Made()
    made.drain(at(59), at(60), at(119))
    assert short(made.finish()) == [("eni-a", 59, 59, "OK", 1), ("eni-a", 60, 119, "OK", 2)]


@pytest.mark.parametrize(("interval_s", "records"), [(1, 3), (10, 3), (60, 2), (600, 1)])
def test_intervals_begin_at_multiples_of_their_length(interval_s, records):
    made = Made(interval_s)
    made.drain(at(0), at(50), at(80))
    assert sum(record["log_status"] == "OK" for record in made.everything()) == records


def test_an_interval_is_closed_when_packets_two_intervals_newer_were_seen():
    made = Made()
    assert made.drain(at(1)) == []
    assert made.drain(at(70)) == []
    assert made.drain(at(2)) == []
    assert short(made.drain(at(121))) == [("eni-a", 1, 2, "OK", 2)]


def test_what_comes_too_late_makes_a_record_of_its_own():
    made = Made()
    made.drain(at(1))
    made.drain(at(200))
    late = made.drain(at(2))
    assert ("eni-a", 2, 2, "OK", 1) in short(late)
    made.finish()
    assert made.totals.packets == 3


def test_directions_and_actions_make_records_of_their_own():
    made = Made()
    rows = [at(1), at(2, direction=1), at(3, direction=2), at(4)]
    rows[3]["action"] = 1
    made.drain(*rows)
    assert len(made.finish()) == 4


def test_intervals_without_traffic_are_nodata():
    made = Made()
    made.drain(at(1), at(185), interfaces=("eni-a", "eni-b"))
    records = made.everything()
    assert sorted(short(records), key=lambda record: record[:2]) == [
        ("eni-a", 1, 1, "OK", 1), ("eni-a", 60, 120, "NODATA", None), ("eni-a", 120, 180, "NODATA", None),
        ("eni-a", 185, 185, "OK", 1), *[("eni-b", n, n + 60, "NODATA", None) for n in (0, 60, 120, 180)],
    ]  # fmt: skip
    nodata = next(record for record in records if record["log_status"] == "NODATA")
    kept = {"version", "account_id", "interface_id", "region", "start", "end", "log_status"}
    assert {name for name, value in nodata.items() if value is not None} == kept
    assert made.totals.nodata == 6


def test_long_silence_is_one_record():
    """Two packets decades apart must not make a record for each minute between them."""
    made = Made(1)
    made.drain(at(0), at(10**9))
    assert short(made.everything())[1] == ("eni-a", 1, 10**9 - 1, "NODATA", None)
    assert made.totals.nodata == 2


def test_a_source_that_has_ended_is_silent_no_more():
    made = Made()
    made.drain(at(1))
    made.finish()
    made.drain(at(6000), interfaces=("eni-b",))
    assert short(made.finish()) == [("eni-b", 6000, 6000, "OK", 1)]


def test_gaps_are_skipdata():
    made = Made()
    made.drain(at(1), interfaces=("eni-a", "eni-b"), gaps=[Gap(1, (T0 + 2) * SECOND, 7), Gap(0, (T0 + 3) * SECOND)])
    assert short(made.finish()) == [
        ("eni-a", 1, 1, "OK", 1), ("eni-a", 0, 60, "SKIPDATA", None), ("eni-b", 0, 60, "SKIPDATA", None),
    ]  # fmt: skip
    assert (made.totals.skipdata, made.totals.lost) == (2, 7)


def test_interfaces_are_joined_by_id_whatever_their_numbers():
    made = Made()
    made.drain(at(1), at(2, interface=1), interfaces=("eni-a", "eni-b"))
    made.drain(at(3), at(4, interface=1), interfaces=("eni-b", "eni-a"))
    assert short(made.finish()) == [("eni-a", 1, 4, "OK", 2), ("eni-b", 2, 3, "OK", 2)]


def test_nothing_in_nothing_out():
    made = Made()
    assert made.drain() == made.finish() == []


def test_more_flows_than_may_be_held_are_written_early_and_counted():
    made = Made(capacity=100)
    for number in range(10):
        rows = np.repeat(at(number), 60)
        rows["srcport"] = np.arange(60) + 30 * number
        made.drain(rows)
    made.finish()
    assert made.totals.packets == 600
    assert made.totals.records == sum(batch.num_rows for batch in made.batches) > 330
    assert 0 < made.totals.early <= made.totals.records
    assert made.totals.nodata == 0


def test_what_can_be_merged_is_not_written_early():
    made = Made(capacity=100)
    for number in range(10):
        rows = np.repeat(at(number), 60)
        rows["srcport"] = np.arange(60)
        made.drain(rows)
    assert len(made.finish()) == 60
    assert made.totals.early == 0


def test_columns_are_those_of_the_registry():
    made = Made()
    made.drain(at(1), gaps=[Gap(0, T0 * SECOND)])
    made.finish()
    names = made.batches[0].schema.names
    for batch in made.batches:
        assert batch.schema.names == names
        for name in names:
            kind = batch.schema.field(name).type
            assert getattr(kind, "value_type", kind) == arrow_type(name)


def test_what_was_left_out_is_added_up():
    made = Made()
    made.drain(left_out={"arp": 2})
    made.drain(left_out={"arp": 1, "dhcp": 5})
    assert made.totals.left_out == {"arp": 3, "dhcp": 5}
