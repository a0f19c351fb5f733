"""What the programs are told of the kernel they run on, and of what is wanted of them."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vpcflow.capture.ebpf.btf import NoTypesError, Types

if TYPE_CHECKING:
    from vpcflow.capture.live import Config

REFUSALS: Final = ("NETFILTER_DROP", "XFRM_POLICY", "BPF_CGROUP_EGRESS", "TC_INGRESS", "TC_EGRESS", "XDP")
"""Drop reasons that mean "a filter refused it", as far as a kernel has them. A port nobody listens on is none."""

_REASONS, _REASON_BITS = "skb_drop_reason", 256

OFFSETS: Final = (
    ("sk_buff", "dev"), ("sk_buff", "skb_iif"), ("sk_buff", "head"), ("sk_buff", "data"), ("sk_buff", "len"), ("sk_buff", "tail"),
    ("sk_buff", "end"), ("sk_buff", "network_header"), ("sk_buff", "mark"), ("sk_buff", "_skb_refdst"), ("sk_buff", "sk"),
    ("sk_buff", "_nfct"), ("skb_shared_info", "gso_size"), ("skb_shared_info", "gso_segs"), ("net_device", "ifindex"),
    ("net_device", "nd_net.net"), ("dst_entry", "dev"), ("sock", "__sk_common.skc_net.net"), ("net", "ns.inum"),
)  # fmt: skip
"""Members by structure, in the order of `enum setting` in flow.bpf.c."""

TUPLES: Final = (
    ("nf_conn", "status"), ("nf_conn", "tuplehash"), ("nf_conntrack_tuple_hash", ""), ("nf_conntrack_tuple_hash", "tuple.src.u3"),
    ("nf_conntrack_tuple_hash", "tuple.src.u"), ("nf_conntrack_tuple_hash", "tuple.dst.u3"),
    ("nf_conntrack_tuple_hash", "tuple.dst.u"), ("nf_conntrack_tuple_hash", "tuple.dst.protonum"),
)  # fmt: skip
"""The same for connection tracking, which may be a module or absent; without a member: the structure's size."""


def settings(config: Config, types: Types | None) -> bytes:
    """Return the programs' constants. types: None where refused packets cannot be told anyway."""
    reasons = reason_bits(types) if types else (0,) * 4
    offsets = _offsets(types) if types else (0,) * (len(OFFSETS) + len(TUPLES))
    inode = Path("/proc/thread-self/ns/net").stat().st_ino
    wanted = (config.interval_s * 1_000_000_000, config.keep_all, bool(config.interfaces), inode, config.marks)
    values = [int(value) for value in (*wanted, *reasons, *offsets)]
    return struct.pack(f"<{len(values)}Q", *values)


def reason_bits(types: Types) -> tuple[int, ...]:
    """Return the reasons of `REFUSALS` as bits. Raises NoTypesError for a kernel (before 5.17) that tells no reasons."""
    numbers = types.enumerators(_REASONS)
    found = [numbers[f"SKB_DROP_REASON_{name}"] for name in REFUSALS if f"SKB_DROP_REASON_{name}" in numbers]
    if "SKB_DROP_REASON_NETFILTER_DROP" not in numbers:
        raise NoTypesError(_REASONS)
    bits = sum(1 << number for number in found if number < _REASON_BITS)
    return tuple(bits >> 64 * word & (1 << 64) - 1 for word in range(_REASON_BITS // 64))


def _offsets(types: Types) -> tuple[int, ...]:
    found = {pair: types.offset(*pair) for pair in OFFSETS if pair != ("sk_buff", "_nfct")}
    try:
        tracking = _tuples(types)
        found["sk_buff", "_nfct"] = types.offset("sk_buff", "_nfct")
    except NoTypesError:
        tracking = (0,) * len(TUPLES)
    return (*(found.get(pair, 0) for pair in OFFSETS), *tracking)


def _tuples(types: Types) -> tuple[int, ...]:
    try:
        types.size("nf_conn")
    except NoTypesError:
        types = types.of_module("nf_conntrack")
    return tuple(types.offset(*pair) if pair[1] else types.size(pair[0]) for pair in TUPLES)
