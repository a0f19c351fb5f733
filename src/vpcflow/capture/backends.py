"""The ways to count packets of a live host."""

from __future__ import annotations

from typing import Final, Literal

Backend = Literal["auto", "ebpf", "af_packet", "nft"]
BACKENDS: Final[tuple[Backend, ...]] = ("auto", "ebpf", "af_packet", "nft")
""""auto" is eBPF, else AF_PACKET; "nft" is taken only when it is named, as it adds rules to the firewall."""
