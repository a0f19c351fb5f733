"""Security groups remember connections, network ACLs do not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

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
