"""The pattern of a case → verdict: arrays in, arrays out, so that one case and a million are judged by the same code.

Each refused direction of a case is judged by itself. `refused` below is that quarter, `same` what was accepted in the same
direction, `back` what was accepted in the other one.

What carries it: a security group remembers what it let through and lets the answer pass; a network ACL remembers nothing. So an
answer to something accepted, if it is refused while it is remembered, was refused by the network ACL of its direction.

A verdict is `certain` only where that reasoning has no gap: the SYN was accepted and the refused answer carries SYN-ACK; or,
for ICMP, the refused reply begins within `ICMP_S` of the accepted request, and there are no more replies than requests. A
SKIPDATA record in the time of the case takes certainty away. Everything else that names a layer is `likely`.

Source: VPC User Guide "Flow log record examples" (security group and network ACL rules); EC2 User Guide "Security group
connection tracking" (what is tracked, idle timeouts).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from vpcflow.analyze.explain.cases import FIN, FLAGS, NO_FLAGS, RST, SYN, SYN_ACK
from vpcflow.analyze.explain.verdict import BIT, CERTAINTIES, LAYERS, OPENED_BY, OPENERS, VERDICTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Bools = NDArray[np.bool_]
    Ints = NDArray[np.int64]

ICMP_S: Final = 30
"""How long an ICMP request is remembered at least."""
UDP_SINGLE_S: Final = 30
"""How long a UDP packet that had no answer is remembered."""
UDP_STREAM_S: Final = 180
TCP_S: Final = 350
"""The shortest time after which an established TCP connection is forgotten, by default (Nitro v6)."""
OTHERS_S: Final = 600
PERSISTENT_S: Final = 30
_TCP, _UDP = 6, 17
_ICMP: Final = (1, 58)
_FAR: Final = 1 << 60

V: Final = {name: place for place, name in enumerate(VERDICTS)}
L: Final = {name: place for place, name in enumerate(LAYERS)}
C: Final = {name: place for place, name in enumerate(CERTAINTIES)}
O: Final = {name: place for place, name in enumerate(OPENERS)}  # noqa: E741 - beside V, L, C
B: Final = {name: place for place, name in enumerate(OPENED_BY)}


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Judged directions of cases, arrays of one length.

    case: place of the case in its batch. into: 1 where the refused direction is towards the interface (or nothing was
    refused), 0 where it is away from it. verdict, layer, certainty, opener, opened_by: places in the tuples of `verdict`.
    why: bits.
    """

    case: Ints
    into: Ints
    verdict: Ints
    layer: Ints
    certainty: Ints
    opener: Ints
    opened_by: Ints
    why: Ints


@dataclass(frozen=True, slots=True)
class _Quarter:
    records: Ints
    packets: Ints
    first: Ints
    last: Ints
    flags: Ints
    closing: Ints
    closed: Ints

    @property
    def any(self) -> Bools:
        return self.records > 0

    def has(self, bit: int) -> Bools:
        result: Bools = (self.flags & bit) != 0
        return result


def classify(batch: pa.RecordBatch, *, skipdata: Bools, accepts: Bools) -> Verdicts:
    """Judge each refused direction of the cases in *batch* (columns of `cases.plan`), and each case without one.

    skipdata: whether a SKIPDATA record of the interface lies in the time of each case. accepts: whether the interface of each
    case has any ACCEPT record.
    """
    table = {name: _array(batch.column(name)) for name in batch.schema.names if name not in _TEXTS}
    sides = [_judged(batch, table, into=into, skipdata=skipdata, accepts=accepts) for into in (1, 0)]
    nothing = (table["in_reject_records"] == 0) & (table["out_reject_records"] == 0)
    sides.append(_accepted(table, np.flatnonzero(nothing), skipdata))
    merged = [np.concatenate([getattr(side, name) for side in sides]) for name in Verdicts.__dataclass_fields__]
    return Verdicts(*merged)


_TEXTS: Final = frozenset({"interface_id", "own", "far", "in_reject_reason", "out_reject_reason"})


def _array(column: pa.Array) -> Ints:
    filled = column.fill_null(_FAR) if column.null_count else column
    return np.asarray(filled.cast(pa.int64()).to_numpy(zero_copy_only=False), np.int64)


def _quarter(table: Mapping[str, Ints], name: str) -> _Quarter:
    absent = np.full(len(table["known"]), _FAR)
    return _Quarter(
        table[f"{name}_records"],
        table[f"{name}_packets"],
        table[f"{name}_first"],
        table[f"{name}_last"],
        table[f"{name}_flags"],
        table.get(f"{name}_closing", absent),
        table.get(f"{name}_closed", absent),
    )


def _taken(quarter: _Quarter, rows: Ints) -> _Quarter:
    return _Quarter(*(getattr(quarter, name)[rows] for name in _Quarter.__dataclass_fields__))


def _accepted(table: Mapping[str, Ints], rows: Ints, skipdata: Bools) -> Verdicts:
    """Judge cases in which nothing was refused."""
    into, out = (_taken(_quarter(table, name), rows) for name in ("in_accept", "out_accept"))
    both = into.any & out.any
    opener, by = _opener_by_flags(into, out)
    seen, how = _opener_otherwise(table, rows, into, out, into=1)
    opener, by = np.where(by > 0, opener, seen), np.where(by > 0, by, how)
    lost = skipdata[rows]
    why = np.where(both, 0, BIT["no_reply"]).astype(np.int64)
    why |= np.where(lost, BIT["skipdata"], 0)
    why |= np.where(table["known"][rows] == 0, BIT["own_unknown"], 0)
    size = len(rows)
    certain = np.where(both | ~lost, C["certain"], C["likely"])
    # Told from the side that opened, so that the rules are asked about the opening and not about its answer.
    direction = np.where(into.any & ~(out.any & (opener == O["own"])), 1, 0)
    verdict = np.where(both, V["accepted"], V["accepted_no_reply"])
    return Verdicts(rows, direction, verdict, np.zeros(size, np.int64), certain, opener, by, why)


def _opener_by_flags(into: _Quarter, out: _Quarter) -> tuple[Ints, Ints]:
    """Tell who opened from what `into` (from the far side) and `out` (from the own one) carry."""
    far = into.has(SYN) | out.has(SYN_ACK)
    own = out.has(SYN) | into.has(SYN_ACK)
    opener = np.where(far & ~own, O["far"], np.where(own & ~far, O["own"], O["unknown"]))
    return opener, np.where(far ^ own, B["tcp_flags"], B["nothing"])


def _opener_otherwise(
    table: Mapping[str, Ints], rows: Ints, one: _Quarter, other: _Quarter, *, into: int
) -> tuple[Ints, Ints]:
    """Tell who opened by what was seen first, else by the port. one: packets towards the interface if *into*."""
    sender, receiver = (O["far"], O["own"]) if into else (O["own"], O["far"])
    first = np.where(one.first < other.first, sender, np.where(other.first < one.first, receiver, O["unknown"]))
    first = np.where(one.any & other.any, first, O["unknown"])
    own_port, far_port = table["own_port"][rows], table["far_port"][rows]
    own_serves, far_serves = _serves(own_port, far_port), _serves(far_port, own_port)
    port = np.where(own_serves, O["far"], np.where(far_serves, O["own"], O["unknown"]))
    by = np.where(first > 0, B["first_seen"], np.where(port > 0, B["port"], B["nothing"]))
    return np.where(first > 0, first, port), by


def _serves(port: Ints, other: Ints) -> Bools:
    """Tell whether a port is a service's, held against the other end's, which then is one that its system picked."""
    given = (port > 0) & (other > 0)
    return given & (((port < 1024) & (other >= 1024)) | ((port < 32768) & (other >= 32768)))


def _judged(
    batch: pa.RecordBatch, table: Mapping[str, Ints], *, into: int, skipdata: Bools, accepts: Bools
) -> Verdicts:
    """Judge one refused direction of all cases that have one."""
    side, other = ("in", "out") if into else ("out", "in")
    rows = np.flatnonzero(table[f"{side}_reject_records"] > 0)
    names = (f"{side}_reject", f"{side}_accept", f"{other}_accept", f"{other}_reject")
    refused, same, back, back_refused = (_taken(_quarter(table, name), rows) for name in names)
    protocol, known = table["protocol"][rows], table["known"][rows] == 1
    lost, accepting = skipdata[rows], accepts[rows]
    elsewhere = known & (table[f"{other}_elsewhere"][rows] > 0)
    tcp, udp, icmp = protocol == _TCP, protocol == _UDP, np.isin(protocol, _ICMP)
    flagged = tcp & refused.has(FLAGS) & ~refused.has(NO_FLAGS)
    reason = batch.column(f"{side}_reject_reason").take(pa.array(rows))
    told = np.asarray(reason.is_valid().to_numpy(zero_copy_only=False), bool)
    texts = np.asarray(reason.fill_null("").cast(pa.string()).to_numpy(zero_copy_only=False), object)

    sender, receiver = (O["far"], O["own"]) if into else (O["own"], O["far"])
    has_same, has_back = same.any, back.any
    since_back = refused.first - back.last
    since_accepted = refused.first - np.maximum(np.where(has_same, same.last, -1), np.where(has_back, back.last, -1))
    touched = has_same | has_back
    closed = _closed(refused, same, back)
    tail = flagged & (refused.has(FIN) | refused.has(RST)) & ~refused.has(SYN) & ~refused.has(SYN_ACK)
    syn, syn_ack = flagged & refused.has(SYN), flagged & refused.has(SYN_ACK) & ~refused.has(SYN)
    plain = flagged & ~syn & ~syn_ack

    # Who opened, best evidence first.
    seen, how = _opener_otherwise(table, rows, _either(refused, same), _either(back_refused, back), into=into)
    alone = tcp & has_back & ~has_same  # nothing of this direction got through, so what came back was an opening
    by = np.select(
        [syn | syn_ack, plain & back.has(SYN), plain & same.has(SYN), plain & back.has(SYN_ACK), alone],
        [B["tcp_flags"]] * 4 + [B["only_way"]],
        how,
    )
    opener = np.select(
        [syn, syn_ack | (plain & back.has(SYN)), plain & (same.has(SYN) | back.has(SYN_ACK)), alone],
        [sender, receiver, sender, receiver],
        seen,
    )

    # What an answer without a known request is.
    unmatched = np.select(
        [elsewhere, ~accepting, lost],
        [V["asymmetric_routing"], V["one_sided"], V["skipdata"]],
        V["reply_without_request"],
    )
    middle = np.where(unmatched == V["reply_without_request"], V["middle_refused"], unmatched)
    reply_known = has_back & (refused.last >= back.first)
    silent = np.select(
        [udp & ~has_same, udp, icmp, tcp],
        [since_back > UDP_SINGLE_S, since_accepted > UDP_STREAM_S, since_back > 2 * ICMP_S, since_accepted > TCP_S],
        since_accepted > OTHERS_S,
    )
    forgotten = silent & touched
    goes_on = has_back & (back.last >= refused.first + 2)
    # Late packets are few and soon over; who is cut off tries again, or both sides do.
    persists = ((refused.last - refused.first >= PERSISTENT_S) & (refused.packets >= 3)) | back_refused.any
    after = has_same & (refused.first >= same.last)
    before = has_same & (refused.last <= same.first)
    answers = (opener == receiver) & ~has_same

    verdict = np.select(
        [
            told & (texts == "BPA"),
            told & (texts == "EC"),
            told,
            # With flags.
            syn,
            syn_ack & has_back,
            syn_ack,
            plain & has_back & ~has_same & ~closed & ~forgotten,
            plain & touched & (closed | forgotten),
            plain & touched & goes_on,
            plain & touched & tail,
            plain & touched & after & has_back,
            plain & touched,
            plain & tail & (middle == V["middle_refused"]),
            plain,
            # Without flags: TCP whose format has none, UDP, ICMP, others.
            ~touched & answers,
            ~touched,
            ~has_same & reply_known & ~forgotten,
            ~has_same & reply_known,
            ~has_same,
            ~has_back,
            before,
            after & forgotten,
            after & (goes_on | persists | ~tcp),
            after,
        ],
        [
            V["block_public_access"],
            V["encryption_controls"],
            V["other_reason"],
            V["opening_refused"],
            V["reply_refused"],
            unmatched,
            V["reply_refused"],
            V["late_packets"],
            V["cut_off"],
            V["late_packets"],
            V["cut_off"],
            V["mixed"],
            V["late_packets"],
            middle,
            unmatched,
            V["opening_refused"],
            V["reply_refused"],
            V["late_packets"],
            V["opening_refused"],
            V["opening_refused"],
            V["opening_refused"],
            V["late_packets"],
            V["cut_off"],
            V["late_packets"],
        ],
        V["mixed"],
    )

    in_time = (
        icmp & has_back & (refused.first >= back.first) & (since_back <= ICMP_S) & (refused.packets <= back.packets)
    )
    proven = (verdict == V["reply_refused"]) & ((syn_ack & back.has(SYN)) | (in_time & ~has_same))
    given = np.isin(verdict, [V["block_public_access"], V["encryption_controls"], V["other_reason"]])
    named = np.isin(verdict, [V["reply_refused"], V["cut_off"], V["late_packets"]])
    certainty = np.select([given | (proven & ~lost), named], [C["certain"], C["likely"]], C["undecided"])
    layer = np.select(
        [np.isin(verdict, [V["reply_refused"], V["cut_off"]]), verdict == V["late_packets"]],
        [L["network_acl"], L["security_group"]],
        0,
    )

    bits = {
        "syn_accepted": flagged & back.has(SYN) & (verdict == V["reply_refused"]),
        "syn_ack_refused": syn_ack,
        "syn_refused": syn,
        "reply_in_time": in_time & (verdict == V["reply_refused"]),
        "reply_late": icmp & (verdict == V["reply_refused"]) & ~in_time,
        "no_flags": tcp & ~flagged,
        "skipdata": lost,
        "closed_before": (verdict == V["late_packets"]) & closed,
        "tail": (verdict == V["late_packets"]) & tail,
        "silence": (verdict == V["late_packets"]) & forgotten,
        "goes_on": (verdict == V["cut_off"]) & goes_on,
        "accepted_before": has_same
        & (same.first <= refused.first)
        & np.isin(verdict, [V["opening_refused"], V["cut_off"]]),
        "accepted_after": has_same & (same.last >= refused.last) & (verdict == V["opening_refused"]),
        "elsewhere": verdict == V["asymmetric_routing"],
        "no_accepts_here": verdict == V["one_sided"],
        "no_opening": (verdict == V["middle_refused"])
        | (verdict == V["reply_without_request"])
        | (plain & tail & ~touched),
        "own_unknown": ~known,
        "never_both": alone & ~flagged,
        "no_ports": (table["own_port"][rows] < 0) & (tcp | udp),
        "reason_given": given,
        "both_ping": icmp & (verdict == V["mixed"]),
    }
    why = np.zeros(len(rows), np.int64)
    for name, holds in bits.items():
        why |= np.where(holds, BIT[name], 0)
    return Verdicts(rows, np.full(len(rows), into, np.int64), verdict, layer, certainty, opener, by, why)


def _closed(refused: _Quarter, same: _Quarter, back: _Quarter) -> Bools:
    """Tell whether the connection was closed before: both sides had, this one had, or a reset was seen."""
    ends = (same.has(FIN) & back.has(FIN)) | same.has(FIN) | same.has(RST)
    by_both = ends & (
        refused.first >= np.minimum(same.closing, np.where(back.closing == _FAR, same.closing, back.closing))
    )
    by_reset = back.has(RST) & ~same.has(FIN) & (refused.first >= back.closed) & (back.closed != _FAR)
    result: Any = by_both | by_reset
    return np.asarray(result, bool)


def _either(one: _Quarter, other: _Quarter) -> _Quarter:
    """Return what both quarters have together, as far as it tells who came first."""
    first = np.minimum(np.where(one.any, one.first, _FAR), np.where(other.any, other.first, _FAR))
    return _Quarter(one.records + other.records, one.packets, first, one.last, one.flags, one.closing, one.closed)
