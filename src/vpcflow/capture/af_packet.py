"""Packets copied by the kernel into memory that we share with it (TPACKET_V3): where no eBPF is to be had.

The kernel fills blocks, a thread of ours reads the headers of each as it is full and folds them into rows. What is lost, for want
of time or room, the kernel counts. Nobody tells here what a firewall refused.

Source: the kernel's Documentation/networking/packet_mmap.rst, include/uapi/linux/if_packet.h, virtio_net.h; man page packet(7).
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import select
import socket
import struct
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vpcflow.capture.headers import Frames, Headers
from vpcflow.capture.links import bind_packets
from vpcflow.capture.live import PASSING, Interfaces, counted, own_packets
from vpcflow.capture.reasons import REASONS, RECORDED
from vpcflow.capture.walk import ETHERNET, RAW_IP, SECOND
from vpcflow.record.flow_counts import EGRESS, INGRESS, merged, no_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vpcflow.capture.links import Link
    from vpcflow.capture.live import Config
    from vpcflow.record.flow_counts import FlowCounts

_SOL_PACKET: Final = 263
_RX_RING, _STATISTICS, _VERSION, _VNET_HEADER = 5, 6, 10, 15
_V3: Final = 2
_ATTACH_FILTER: Final = 26

_BLOCK: Final = 1 << 20
_BLOCKS: Final = 48
_FRAME: Final = 1 << 11
_RETIRE_MS: Final = 40
"""A block is ours after this time at the latest, full or not."""

_SETTLE_S: Final = 3 * _RETIRE_MS / 1000
"""Time after which everything that came before it has been read."""

_CAPTURED: Final = 320
"""Bytes of each packet that are copied: link layer, tags, IPv6 and some extension headers, TCP."""

_TO_US: Final = 1
_VNET_BYTES: Final = 10
_OTHER_HOST, _OUTGOING = 3, 4
_LINK_LAYERS: Final = (1, 772)
"""Hardware types whose frames begin as Ethernet's: itself, and the loopback's."""

_PACKET: Final = np.dtype(
    [
        ("next", "<u4"), ("sec", "<u4"), ("nsec", "<u4"), ("captured", "<u4"), ("length", "<u4"), ("status", "<u4"),
        ("mac", "<u2"), ("net", "<u2"), ("rest", "V20"),
        ("family", "<u2"), ("protocol", ">u2"), ("interface", "<u4"), ("hardware", "<u2"), ("kind", "u1"), ("address", "V9"),
    ]
)  # fmt: skip
"""struct tpacket3_hdr, and the struct sockaddr_ll that follows it."""


class Ring:
    """See `Source`. Raises OSError where the kernel refuses it (it takes CAP_NET_RAW)."""

    name = "af_packet"

    def __init__(self, config: Config) -> None:
        self._config = config
        self._interfaces = Interfaces(config)
        self.without = {"action": "AF_PACKET"}
        self._lock = threading.Lock()
        self._held: list[NDArray[Any]] = []
        self._rows = 0
        self._reasons: NDArray[np.int64] = np.zeros(len(REASONS), np.int64)
        self._over: Counter[int] = Counter()
        self._stop = threading.Event()
        self._failed: BaseException | None = None
        self._since_ns: int | None = None
        self._place = 0
        self._open = contextlib.ExitStack()
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    @property
    def ids(self) -> dict[str, str]:
        """See `Source`."""
        return self._interfaces.ids

    # --- begin and end -----------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._socket = made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self._open.callback(made.close)
        made.setsockopt(_SOL_PACKET, _VERSION, _V3)
        made.setsockopt(_SOL_PACKET, _VNET_HEADER, 1)
        frames = _BLOCK // _FRAME * _BLOCKS
        made.setsockopt(_SOL_PACKET, _RX_RING, struct.pack("=7I", _BLOCK, _BLOCKS, _FRAME, frames, _RETIRE_MS, 0, 0))
        ring = mmap.mmap(made.fileno(), _BLOCK * _BLOCKS, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        self._memory = np.frombuffer(ring, np.uint8)
        self._filter(self._interfaces.here)
        bind_packets(made, 0)
        self._reader = threading.Thread(target=self._read, name="vpcflow-packets", daemon=True)
        self._reader.start()
        self._open.callback(self._reader.join)
        self._open.callback(self._stop.set)

    def _filter(self, here: dict[int, Link]) -> None:
        """Let only packets of the captured interfaces be copied, and no more of each than is needed."""
        chosen = sorted(here) if self._config.interfaces else [1]
        found, other = (_CAPTURED, 0) if self._config.interfaces else (0, _CAPTURED)
        code = [(0x20, 0, 0, 0xFFFFF008)]  # load the interface's number
        for index in chosen:  # if it is this one: return
            code += [(0x15, 0, 1, index), (0x06, 0, 0, found)]
        code.append((0x06, 0, 0, other))
        held = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in code))
        program = struct.pack("HL", len(code), ctypes.addressof(held))
        self._socket.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, program)

    def close(self) -> None:
        """See `Source`."""
        self._open.close()

    # --- reading -----------------------------------------------------------------------------------------------

    def _read(self) -> None:
        """Take block after block until it is to stop: the thread's work."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN | select.POLLERR)
        try:
            while not self._stop.is_set():
                if not self._take_block():
                    poll.poll(_RETIRE_MS)
        except BaseException as error:  # noqa: BLE001 - the one who drains raises it
            self._failed = error

    def _take_block(self) -> bool:
        """Fold the next block if it is ours; return whether it was."""
        block = self._memory[self._place * _BLOCK : (self._place + 1) * _BLOCK]
        status, count, first = struct.unpack_from("=III", block.data, 8)
        if not status & _TO_US:
            return False
        if count:
            rows, reasons = self._rows_of(block, count, first)
            self._hold(rows, reasons)
        struct.pack_into("=I", block.data, 8, 0)  # the kernel's again
        self._place = (self._place + 1) % _BLOCKS
        return True

    def _rows_of(self, block: NDArray[np.uint8], count: int, first: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return the rows of a block's packets, and packets without a row by reason."""
        places = np.empty(count, np.int64)
        at, view, step = first, block.data, struct.Struct("=I").unpack_from
        for number in range(count):
            places[number] = at
            at += step(view, at)[0]
        packets = block[places[:, None] + np.arange(_PACKET.itemsize)].view(_PACKET)[:, 0]
        ethernet = np.isin(packets["hardware"], _LINK_LAYERS)
        begin = places + np.where(ethernet, packets["mac"], packets["net"])
        behind = begin - places - packets["mac"]  # bytes of a link layer that is none
        end = places + packets["mac"] + packets["captured"]
        link = np.where(ethernet, ETHERNET, RAW_IP)
        direction = np.full(count, INGRESS)
        direction[packets["kind"] == _OUTGOING] = EGRESS
        direction[packets["kind"] == _OTHER_HOST] = PASSING
        headers = Headers(
            block, Frames(begin, end, packets["length"] - behind, link, direction), keep_nd=self._config.keep_all
        )
        rows = headers.rows
        time_ns = packets["sec"].astype(np.int64) * SECOND + packets["nsec"]
        rows["first"] = rows["last"] = time_ns
        rows["interval"] = time_ns // (self._config.interval_s * SECOND)
        rows["interface"] = packets["interface"]
        _count_segments(rows, block, places + packets["mac"] - _VNET_BYTES, headers.headers)
        reasons = np.bincount(headers.reason, minlength=len(REASONS))
        return merged(rows[headers.reason == RECORDED]), reasons

    def _hold(self, rows: NDArray[Any], reasons: NDArray[np.int64]) -> None:
        with self._lock:
            self._reasons += reasons
            self._held.append(rows)
            self._rows += len(rows)
            if self._rows > 2 * self._config.max_flows:
                every = merged(np.concatenate(self._held))
                over = every[self._config.max_flows :]
                for index in np.unique(over["interface"]):
                    self._over[int(index)] += int(over["packets"][over["interface"] == index].sum())
                self._held, self._rows = [every[: self._config.max_flows]], min(len(every), self._config.max_flows)

    # --- draining ----------------------------------------------------------------------------------------------

    def drain(self, now_ns: int) -> FlowCounts:
        """See `Source`."""
        self._stop.wait(_SETTLE_S)
        if self._failed is not None:
            raise self._failed
        with self._lock:
            held, self._held, self._rows = self._held, [], 0
            reasons, self._reasons = self._reasons, np.zeros(len(REASONS), np.int64)
            over, self._over = self._over, Counter()
        rows = merged(np.concatenate(held)) if held else no_rows()
        left_out = Counter({REASONS[number]: int(reasons[number]) for number in np.flatnonzero(reasons) if number})
        lost: dict[int, int | None] = dict(over)
        dropped = self._dropped()
        if dropped:
            self._spread(dropped, lost)
        since_ns, self._since_ns = self._since_ns if self._since_ns is not None else now_ns, now_ns
        rows = self._judged(own_packets(rows, self._interfaces.ports(), left_out), since_ns)
        answer = counted(rows, lost, left_out, self._interfaces, self._config, since_ns)
        before = set(self._interfaces.here)
        self._interfaces.refresh()
        if set(self._interfaces.here) != before:
            self._filter(self._interfaces.here)
        return answer

    def _judged(self, seen: NDArray[Any], since_ns: int) -> NDArray[Any]:
        """Return *seen* with actions, as far as they can be told: here not at all."""
        del since_ns
        return seen

    def _dropped(self) -> int:
        """Return the packets that found the ring full since the last call."""
        _, drops, _ = struct.unpack("=3I", self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 12))
        return int(drops)

    def _spread(self, dropped: int, lost: dict[int, int | None]) -> None:
        """Put packets that the kernel dropped, nobody knows where, to all interfaces; their number to the first."""
        for index in self._interfaces.here:
            lost.setdefault(index, None)
        first = next(iter(self._interfaces.here), 0)
        lost[first] = (lost.get(first) or 0) + dropped


def _count_segments(
    rows: NDArray[Any], block: NDArray[np.uint8], vnet: NDArray[np.int64], headers: NDArray[np.int64]
) -> None:
    """Count the segments of super-packets, which repeat the headers. vnet: where struct virtio_net_hdr lies."""
    size = block[vnet + 4].astype(np.int64) | block[vnet + 5].astype(np.int64) << 8
    many = np.flatnonzero((block[vnet + 1] != 0) & (size > 0))
    if not len(many):
        return
    length = rows["bytes"][many].astype(np.int64)
    segments = np.maximum(1, -(-(length - headers[many]) // size[many]))
    rows["packets"][many] = segments
    rows["bytes"][many] = length + (segments - 1) * headers[many]
