"""Security groups remember connections, network ACLs do not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from capture.rows import row
from vpcflow.aggregate.connections import Connections
from vpcflow.aggregate.records import Identity, flow_records, status_records

SECOND = 1_000_000_000
HOST, CLIENT = "10.0.0.5", "203.0.113.7"


def rules(*, inbound=(), outbound=(), acl_refuses=()):
    """A security group by destination port, then a network ACL that refuses destination ports whatever is tracked."""

    def decide(batch, tracked):
        actions = []
        for record, known in zip(batch.to_pylist(), tracked.to_pylist(), strict=True):
            allowed = inbound if record["flow_direction"] == "ingress" else outbound
            passes = (known or record["dstport"] in allowed) and record["dstport"] not in acl_refuses
            actions.append("ACCEPT" if passes else "REJECT")
        return pa.array(actions)

    return Connections(decide)


def batch(*rows):
    return flow_records(np.concatenate(rows), ("eni-a", "eni-b"), Identity())


def inward(second=0, *, flags=2, **how):
    made = row(CLIENT, HOST, 40_000, 443, direction=1, first=second * SECOND, **how)
    made["flags"] = flags
    return made


def outward(second=0, *, flags=18, **how):
    made = row(HOST, CLIENT, 443, 40_000, direction=2, first=second * SECOND, **how)
    made["flags"] = flags
    return made


def actions(connections, *batches):
    return [action for each in batches for action in connections.evaluate(each).column("action").to_pylist()]


def test_a_reply_passes_without_a_rule_of_its_own():
    assert actions(rules(inbound=[443]), batch(inward(0), outward(1))) == ["ACCEPT", "ACCEPT"]


def test_a_reply_to_what_was_refused_is_refused():
    assert actions(rules(), batch(inward(0), outward(1))) == ["REJECT", "REJECT"]


def test_a_network_acl_refuses_the_reply_of_a_tracked_connection():
    """VPC User Guide's ping example: ACCEPT in, REJECT out."""
    assert actions(rules(inbound=[443], acl_refuses=[40_000]), batch(inward(0), outward(1))) == ["ACCEPT", "REJECT"]


def test_connections_are_remembered_from_batch_to_batch():
    connections = rules(inbound=[443])
    assert actions(connections, batch(inward(0)), batch(outward(61, flags=0), inward(62, flags=0))) == ["ACCEPT"] * 3


def test_connections_are_those_of_one_interface():
    assert actions(rules(inbound=[443]), batch(inward(0), outward(1, interface=1))) == ["ACCEPT", "REJECT"]


def test_udp_is_forgotten_after_three_minutes():
    connections = rules(inbound=[443])
    late = batch(outward(181, protocol=17, flags=0))
    assert (
        actions(connections, batch(inward(0, protocol=17)), batch(outward(180, protocol=17, flags=0))) == ["ACCEPT"] * 2
    )
    connections = rules(inbound=[443])
    assert actions(connections, batch(inward(0, protocol=17)), late) == ["ACCEPT", "REJECT"]


def test_what_began_before_the_capture_is_tracked_when_either_direction_is_allowed():
    assert actions(rules(inbound=[443]), batch(outward(0, flags=0), inward(1, flags=0))) == ["ACCEPT", "ACCEPT"]
    assert actions(rules(inbound=[443]), batch(outward(0, flags=2), inward(1))) == ["REJECT", "ACCEPT"]


def test_the_one_silent_for_longest_is_forgotten_first():
    connections = Connections(rules(inbound=[443])._decide, capacity=1)
    other = inward(1)
    other["srcport"] = 50_000
    assert actions(connections, batch(inward(0)), batch(other), batch(outward(2))) == ["ACCEPT", "ACCEPT", "REJECT"]


def test_what_nobody_can_decide_stays_open():
    connections = Connections(lambda rows, _: pa.nulls(rows.num_rows, pa.string()))
    assert actions(connections, batch(inward(0), outward(1))) == [None, None]


def test_nodata_and_skipdata_have_no_action():
    status = status_records([("eni-a", 0, 60)], "NODATA", Identity())
    assert rules().evaluate(status) is status


class Plain:
    """The same, one record after another."""

    def __init__(self, decide):
        self._decide, self._last = decide, {}
        self.idle = {6: 432_000, 17: 180}

    def evaluate(self, found):
        alone, tracked = (
            self._decide(found, pa.array([known] * found.num_rows)).to_pylist() for known in (False, True)
        )
        records = found.to_pylist()
        keys = [
            (
                one["interface_id"],
                one["protocol"],
                frozenset([(one["srcaddr"], one["srcport"]), (one["dstaddr"], one["dstport"])]),
            )
            for one in records
        ]
        allowed = {key for key, action in zip(keys, alone, strict=True) if action == "ACCEPT"}
        actions = []
        for place, (key, one) in enumerate(zip(keys, records, strict=True)):
            last = self._last.get(key)
            known = last is not None and one["start"] - last <= self.idle.get(one["protocol"], 600)
            known = known or (key in allowed and one["protocol"] == 6 and not one["tcp_flags"] & 2)
            actions.append((tracked if known else alone)[place])
            if actions[-1] == "ACCEPT":
                self._last[key] = max(one["end"], last or one["end"])
        return actions


_flows = st.tuples(
    st.sampled_from(
        [
            (HOST, 443, CLIENT, 40_000, 2),
            (CLIENT, 40_000, HOST, 443, 1),
            (HOST, 1, CLIENT, 2, 2),
            (CLIENT, 2, HOST, 1, 1),
        ]
    ),
    st.sampled_from([0, 1]),
    st.sampled_from([6, 17, 47]),
    st.sampled_from([0, 2, 18]),
    st.integers(0, 900),
)


@given(
    st.lists(st.lists(_flows, min_size=1, max_size=8), min_size=1, max_size=4),
    st.sets(st.sampled_from([443, 1, 2, 40_000])),
    st.sets(st.sampled_from([443, 1, 2, 40_000])),
    st.booleans(),
)
def test_it_is_as_if_one_record_came_after_another(batches, inbound, refused, unknown):
    def decide(found, tracked):
        actions = []
        for record, known in zip(found.to_pylist(), tracked.to_pylist(), strict=True):
            passes = (known or record["dstport"] in inbound) and record["dstport"] not in refused
            actions.append(None if unknown and record["dstport"] == 2 else "ACCEPT" if passes else "REJECT")
        return pa.array(actions, pa.string())

    fast, plain = Connections(decide), Plain(decide)
    for place, flows in enumerate(batches):
        rows = []
        for (src, sport, dst, dport, direction), interface, protocol, flags, second in sorted(
            flows, key=lambda flow: flow[4]
        ):
            made = row(
                src,
                dst,
                sport,
                dport,
                direction=direction,
                first=(place * 1000 + second) * SECOND,
                protocol=protocol,
                interface=interface,
            )
            made["flags"] = flags
            rows.append(made)
        found = batch(*rows)
        assert fast.evaluate(found).column("action").to_pylist() == plain.evaluate(found)


def test_the_connection_silent_for_longest_is_forgotten_first():
    connections = Connections(
        lambda found, tracked: pa.array(
            [
                "ACCEPT" if known or port == 443 else "REJECT"
                for known, port in zip(tracked.to_pylist(), found.column("dstport").to_pylist(), strict=True)
            ]
        ),
        capacity=2,
    )
    opened = [row(CLIENT, HOST, port, 443, direction=1, first=port * SECOND) for port in (1, 2, 3)]
    assert actions(connections, batch(*opened)) == ["ACCEPT"] * 3
    answers = [row(HOST, CLIENT, 443, port, direction=2, first=(port + 5) * SECOND, protocol=17) for port in (1, 2, 3)]
    for made in answers:
        made["protocol"] = 6
        made["flags"] = 18
    assert actions(connections, *(batch(made) for made in answers)) == ["REJECT", "ACCEPT", "ACCEPT"]
