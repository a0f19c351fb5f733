"""Packets → flow table, compiled: the fast twin of `headers` and `fold`. Tests hold both to the same answers.

Theory of operation. A batch of 32 records is walked (offset, length, time of each), its headers are read into six-word keys, and
the table's slot of each is asked for ahead of time. Only then is the table touched, so that 32 cache misses overlap rather
than follow one another: on tables larger than the cache that is half of the time. The table is open addressing with linear
probing over rows of `record.flow_counts.ROW` seen as twelve 64-bit words; a row without packets is free. The hash is keyed
with a number drawn for each run, so that nobody can write a capture whose flows all fall into one place.

The functions stop for Python where something is rare or needs room: see the statuses.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any, Final

import numba
import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from vpcflow.capture import walk
from vpcflow.capture.reasons import (
    ARP,
    BAD_IP,
    BAD_TIME,
    BAD_TRANSPORT,
    CUT,
    LINK_TYPE,
    NEIGHBOR_DISCOVERY,
    NO_INTERFACE,
    NO_TIME,
    NOT_IP,
    REASONS,
)
from vpcflow.capture.walk import (
    AT,
    BLOCK,
    CLASSIC,
    DAMAGED,
    DRAIN,
    DROPPED,
    DROPPED_AT,
    ENHANCED,
    ETHERNET,
    FIRST_LINK,
    INTERFACE,
    LAST_NS,
    LAST_SECOND,
    LINKS,
    LOOPBACK,
    MAX_EXTENSIONS,
    MAX_OPTIONS,
    MAX_RECORD,
    MAX_TAGS,
    MORE,
    NEWEST,
    OBSOLETE,
    PACKETS,
    RAW_IP,
    SECOND,
    SECTION,
    SIMPLE,
    SLL,
    SLL2,
    STATISTICS,
    STATUS,
    TIME_DIVIDE,
    TIME_MULTIPLY,
    USED,
)

BATCH: Final = 32
WORDS: Final = 12
"""64-bit words in a row of the table."""


def _cache_folder() -> str:
    """Return where compiled code is kept: a folder for each set of numbers compiled in, as Numba looks at this file only."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    numbers = {name: value for name, value in vars(walk).items() if isinstance(value, int)}
    digest = hashlib.sha256(repr((sorted(numbers.items()), REASONS)).encode()).hexdigest()[:12]
    return str(Path(base) / "vpcflow" / "numba" / digest)


@contextlib.contextmanager
def _cached_in(folder: str) -> Any:
    """Let functions compiled in this block be kept in *folder*, unless NUMBA_CACHE_DIR says where."""
    before = numba.config.CACHE_DIR
    if not before:
        numba.config.CACHE_DIR = folder
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


def _inlined(function: Any) -> Any:
    """Compile a helper into whoever calls it: a call would cost more than what it does."""
    return njit(forceinline=True, nogil=True)(function)


def _compiled(function: Any) -> Any:
    try:
        with _cached_in(_cache_folder()):
            return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # nowhere to write: compiled anew in each process
        return njit(nogil=True)(function)


def _loader(bits: int) -> Any:
    """Return a function that reads *bits* at a byte's place, in the order of a little-endian machine."""
    result = {16: types.uint64, 32: types.uint64, 64: types.uint64}[bits]

    def load(_: Any, data: Any, place: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            array = context.make_array(signature.args[0])(context, builder, arguments[0])
            pointer = builder.gep(array.data, [arguments[1]])
            value = builder.load(builder.bitcast(pointer, ir.IntType(bits).as_pointer()), align=1)
            return builder.zext(value, ir.IntType(64)) if bits < 64 else value

        return result(data, place), generate

    return intrinsic(load)


def _swapped_loader(bits: int) -> Any:
    def load(_: Any, data: Any, place: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            array = context.make_array(signature.args[0])(context, builder, arguments[0])
            pointer = builder.gep(array.data, [arguments[1]])
            value = builder.bswap(builder.load(builder.bitcast(pointer, ir.IntType(bits).as_pointer()), align=1))
            return builder.zext(value, ir.IntType(64)) if bits < 64 else value

        return types.uint64(data, place), generate

    return intrinsic(load)


_le16, _le32, _le64 = _loader(16), _loader(32), _loader(64)
_be16, _be32, _be64 = _swapped_loader(16), _swapped_loader(32), _swapped_loader(64)


@intrinsic
def _prefetch(_: Any, table: Any, place: Any) -> Any:
    """Ask for the cache line of ``table[place]`` (one dimension of 64-bit words), to be written soon."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        pointer = builder.bitcast(builder.gep(array.data, [arguments[1]]), ir.IntType(8).as_pointer())
        word = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, word, word, word])
        function = builder.module.declare_intrinsic("llvm.prefetch", [pointer.type], kind)
        builder.call(function, [pointer, word(1), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(table, place), generate


_U = np.uint64
_M1, _M2 = _U(0x9E3779B97F4A7C15), _U(0xD6E8FEB86659FD93)


@_inlined
def _mix(hashed, word):
    hashed = (hashed ^ word) * _M1
    return hashed ^ (hashed >> _U(32))


@_inlined
def _slot(w0, w1, w2, w3, w4, w5, seed):
    """Return the hash of a key."""
    hashed = _mix(_mix(_mix(seed, w1), w3), w4)
    hashed = _mix(_mix(_mix(hashed, w5), w0), w2) * _M2
    return hashed ^ (hashed >> _U(29))


_NONE = _U(0)
_ONE = _U(1)
_W = _U(WORDS)
_8 = _U(8)


@_inlined
def _no(reason):
    return reason, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE


@_inlined
def _ip(data, at, end, wire, direction, keep_nd):
    """Read an IP packet at *at*, captured up to *end*, *wire* bytes long: (reason, key words 0 to 4, length, flags)."""
    have = end - at
    if have < 1:
        return _no(CUT if wire > 0 else BAD_IP)
    version = data[at] >> 4
    src_high, dst_high = _NONE, _NONE
    fragment = False
    if version == 4:
        if have < 20:
            return _no(BAD_IP if wire < 20 else CUT)
        header = np.int64(data[at] & 15) * 4
        length = np.int64(_be16(data, at + 2))
        if length == 0:  # segmentation offload: the card filled it in later
            length = wire
        if header < 20 or length < header or length > wire:
            return _no(BAD_IP)
        fragment = (_be16(data, at + 6) & _U(0x1FFF)) != _NONE
        protocol = np.int64(data[at + 9])
        src, dst = _be32(data, at + 12), _be32(data, at + 16)
        place = at + header
    elif version == 6:
        if have < 40:
            return _no(BAD_IP if wire < 40 else CUT)
        protocol = np.int64(data[at + 6])
        length = np.int64(_be16(data, at + 4))
        # A jumbogram says its length in an option; a segment on its way to the card says none.
        length = wire if length == 0 and protocol in (0, 6, 17) else length + 40
        if length > wire:
            return _no(BAD_IP)
        src_high, src = _be64(data, at + 8), _be64(data, at + 16)
        dst_high, dst = _be64(data, at + 24), _be64(data, at + 32)
        place = at + 40
        seen = 0
        while protocol in (0, 43, 44, 51, 60):
            seen += 1
            if place + 8 > at + length or seen > MAX_EXTENSIONS:
                return _no(BAD_IP)
            if place + 8 > end:
                return _no(CUT)
            kind = protocol
            protocol = np.int64(data[place])
            if kind == 44:
                if _be16(data, place + 2) & _U(0xFFF8) != _NONE:
                    fragment = True
                    break
                place += 8
            elif kind == 51:
                place += (np.int64(data[place + 1]) + 2) * 4
            else:
                place += (np.int64(data[place + 1]) + 1) * 8
    else:
        return _no(BAD_IP)
    ports, flags = _NONE, _NONE
    if not fragment:
        if protocol in (6, 17, 132, 33, 136):
            if place + 4 > at + length:
                return _no(BAD_TRANSPORT)
            if place + 4 > end:
                return _no(CUT)
            ports = _be16(data, place) | (_be16(data, place + 2) << _U(16))
            if protocol == 6:
                if place + 14 > at + length or place + 14 > end:
                    flags = _U(128)
                else:
                    bits = _U(data[place + 13])
                    flags = bits & _U(7)
                    if bits & _U(18) == _U(18):
                        flags |= _U(16)
        elif protocol == 58 and not keep_nd and place < min(end, at + length) and 133 <= data[place] <= 137:
            return _no(NEIGHBOR_DISCOVERY)
    w4 = ports | (_U(protocol) << _U(32)) | (_U(version) << _U(40)) | (_U(direction) << _U(48))
    return 0, src_high, src, dst_high, dst, w4, _U(length), flags


@_inlined
def _frame(data, at, end, wire, link, direction, keep_nd):
    """Read a frame at *at*, captured up to *end*, *wire* bytes long, that begins as *link* says; see `_ip`."""
    start = at
    if link == RAW_IP:
        return _ip(data, at, end, wire, direction, keep_nd)
    if link == LOOPBACK:
        if end - at < 4:
            return _no(CUT)
        family = _le32(data, at)
        if family > _U(0xFFFF):
            family = _be32(data, at)
        if family not in (_U(2), _U(10), _U(24), _U(28), _U(30)):
            return _no(NOT_IP)
        return _ip(data, at + 4, end, wire - 4, direction, keep_nd)
    if link == ETHERNET:
        if end - at < 14:
            return _no(CUT)
        kind = _be16(data, at + 12)
        at += 14
    elif link == SLL:
        if end - at < 16:
            return _no(CUT)
        if direction == 0:
            direction = 2 if _be16(data, at) == _U(4) else 1
        kind = _be16(data, at + 14)
        at += 16
    elif link == SLL2:
        if end - at < 20:
            return _no(CUT)
        if direction == 0:
            direction = 2 if data[at + 10] == 4 else 1
        kind = _be16(data, at)
        at += 20
    else:
        return _no(LINK_TYPE)
    tags = 0
    while kind in (_U(0x8100), _U(0x88A8), _U(0x9100), _U(0x9200)):
        tags += 1
        if tags > MAX_TAGS:
            return _no(NOT_IP)
        if end - at < 4:
            return _no(CUT)
        kind = _be16(data, at + 2)
        at += 4
    if kind in (_U(0x0800), _U(0x86DD)):
        return _ip(data, at, end, wire - (at - start), direction, keep_nd)
    return _no(ARP if kind in (_U(0x0806), _U(0x8035)) else NOT_IP)


@_inlined
def _u16(data, at, big):
    return np.int64(_be16(data, at) if big else _le16(data, at))


@_inlined
def _u32(data, at, big):
    return np.int64(_be32(data, at) if big else _le32(data, at))


@_compiled
def _nanoseconds(ticks, link):
    """Return a pcapng time as ns since the epoch, -1 for what is none."""
    mode, factor = link[1], link[2]
    if mode == TIME_MULTIPLY:
        if ticks >= _U(LAST_SECOND) * _U(SECOND) // _U(factor):
            return -1
        return np.int64(ticks) * factor
    if mode == TIME_DIVIDE:
        found = ticks // _U(factor)
    else:
        seconds = ticks >> _U(factor)
        if seconds >= _U(LAST_SECOND):
            return -1
        part = ticks & ((_U(1) << _U(factor)) - _U(1))
        if factor > 32:
            part, factor = part >> _U(factor - 32), 32
        found = seconds * _U(SECOND) + (part * _U(SECOND) >> _U(factor))
    return np.int64(found) if found < _U(LAST_SECOND) * _U(SECOND) else -1


@_compiled
def _options(data, at, end, big):
    """Look at a packet block's options: (direction or 0, packets dropped before it)."""
    direction, dropped = 0, 0
    for _ in range(MAX_OPTIONS):
        if at + 4 > end:
            break
        code, length = _u16(data, at, big), _u16(data, at + 2, big)
        if code == 0 or at + 4 + length > end:
            break
        if code == 2 and length == 4:
            direction = _u32(data, at + 4, big) & 3
        elif code == 4 and length == 8:
            high, low = (at + 4, at + 8) if big else (at + 8, at + 4)
            if _u32(data, high, big) == 0:
                dropped = _u32(data, low, big)
        at += 4 + ((length + 3) & ~3)
    return direction if direction < 3 else 0, dropped


@_compiled
def _dropped(state, count, interface):
    if count:
        state[DROPPED] += count
        state[DROPPED_AT] = interface


@_compiled
def room(rows):
    """Return how many rows of a table may be in use before it must grow or be drained."""
    return rows * 5 // 8 - BATCH


@_compiled
def fold(data, end, form, big, links, state, reasons, table, interval_s, seed, keep_nd, keys, values):
    """Fold the records between ``state[AT]`` and *end* into *table*, until something is met (``state[STATUS]``).

    data: bytes. links: see `walk.LINK_COLUMNS`. reasons: packets by reason, counted up.
    table: rows × 12 words, one dimension; a power of two of rows. keys, values: scratch of BATCH × 8 words each.
    """
    rows = len(table) // WORDS
    mask = _U(rows - 1)
    most = room(rows)
    at, used, newest = state[AT], state[USED], state[NEWEST]
    last_ns, packets = state[LAST_NS], state[PACKETS]
    status = -1
    interval, begins = 0, 0
    while status < 0:
        if used > most:
            status = DRAIN
            break
        count = 0
        while count < BATCH:
            direction, start, link, dropped = 0, 0, 0, 0
            if form == CLASSIC:
                if at + 16 > end:
                    status = MORE
                    break
                captured = _u32(data, at + 8, big)
                if captured > MAX_RECORD:
                    status = DAMAGED
                    break
                start = at + 16
                after = start + captured
                if after > end:
                    status = MORE
                    break
                wire = _u32(data, at + 12, big)
                time = _u32(data, at, big) * SECOND + _u32(data, at + 4, big) * links[0, 2]
            else:
                if at + 12 > end:
                    status = MORE
                    break
                kind = _u32(data, at, big)
                if kind == SECTION:
                    status = BLOCK
                    break
                size = _u32(data, at + 4, big)
                if size < 12 or size > MAX_RECORD or size & 3:
                    status = DAMAGED
                    break
                after = at + size
                if after > end:
                    status = MORE
                    break
                if kind in (INTERFACE, STATISTICS):
                    status = BLOCK
                    break
                if kind == SIMPLE:
                    packets += 1
                    reasons[NO_TIME] += 1
                    at = after
                    continue
                if kind != ENHANCED and kind != OBSOLETE:
                    at = after
                    continue
                if size < 32:
                    status = DAMAGED
                    break
                captured, wire = _u32(data, at + 20, big), _u32(data, at + 24, big)
                start = at + 28
                if captured > size - 32:
                    status = DAMAGED
                    break
                link = _u32(data, at + 8, big) if kind == ENHANCED else _u16(data, at + 8, big)
                if link >= state[LINKS] - state[FIRST_LINK]:
                    packets += 1
                    reasons[NO_INTERFACE] += 1
                    at = after
                    continue
                link += state[FIRST_LINK]
                ticks = (_U(_u32(data, at + 12, big)) << _U(32)) | _U(_u32(data, at + 16, big))
                time = _nanoseconds(ticks, links[link])
                if time >= 0:
                    time += links[link, 3]
                if size > 32 + ((captured + 3) & ~3):
                    direction, dropped = _options(data, start + ((captured + 3) & ~3), after - 4, big)
            if time < 0 or time >= LAST_SECOND * SECOND:
                packets += 1
                _dropped(state, dropped, links[link, 4])
                reasons[BAD_TIME] += 1
                at = after
                continue
            if time < begins or time >= begins + interval_s * SECOND:
                interval = time // (interval_s * SECOND)
                begins = interval * interval_s * SECOND
            if interval > newest:
                if used + count > max(8192, rows // 8):
                    status = DRAIN
                    break
                newest = interval
            reason, w0, w1, w2, w3, w4, length, flags = _frame(
                data, start, start + captured, max(wire, captured), links[link, 0], direction, keep_nd
            )
            packets += 1
            _dropped(state, dropped, links[link, 4])
            last_ns = time
            at = after
            if reason != 0:
                reasons[reason] += 1
                continue
            w5 = _U(links[link, 4]) | (_U(interval) << _U(32))
            slot = _slot(w0, w1, w2, w3, w4, w5, seed) & mask
            _prefetch(table, slot * _W)
            _prefetch(table, slot * _W + _8)
            keys[count, 0] = w0
            keys[count, 1] = w1
            keys[count, 2] = w2
            keys[count, 3] = w3
            keys[count, 4] = w4
            keys[count, 5] = w5
            values[count, 0] = slot
            values[count, 1] = length
            values[count, 2] = time
            values[count, 3] = flags
            count += 1
        for place in range(count):
            slot = _U(values[place, 0])
            while True:
                row = slot * _W
                if table[row + _U(6)] == _NONE:
                    for word in range(6):
                        table[row + _U(word)] = keys[place, word]
                    table[row + _U(6)] = _U(1)
                    table[row + _U(7)] = _U(values[place, 1])
                    table[row + _U(8)] = _U(values[place, 2])
                    table[row + _U(9)] = _U(values[place, 2])
                    table[row + _U(10)] = _U(values[place, 3])
                    used += 1
                    break
                if (
                    table[row + _U(1)] == keys[place, 1]
                    and table[row + _U(3)] == keys[place, 3]
                    and table[row + _U(4)] == keys[place, 4]
                    and table[row + _U(5)] == keys[place, 5]
                    and table[row] == keys[place, 0]
                    and table[row + _U(2)] == keys[place, 2]
                ):
                    table[row + _U(6)] += _U(1)
                    table[row + _U(7)] += _U(values[place, 1])
                    table[row + _U(8)] = min(table[row + _U(8)], _U(values[place, 2]))
                    table[row + _U(9)] = max(table[row + _U(9)], _U(values[place, 2]))
                    table[row + _U(10)] |= _U(values[place, 3])
                    break
                slot = (slot + _ONE) & mask
    state[AT], state[USED], state[NEWEST] = at, used, newest
    state[LAST_NS], state[PACKETS], state[STATUS] = last_ns, packets, status


@_compiled
def rehash(old, new, seed):
    """Put the rows of table *old* into the empty, larger table *new*."""
    mask = np.int64(len(new) // WORDS - 1)
    for row in range(0, len(old), WORDS):
        if old[row + 6] == _NONE:
            continue
        slot = (
            np.int64(_slot(old[row], old[row + 1], old[row + 2], old[row + 3], old[row + 4], old[row + 5], seed)) & mask
        )
        while new[slot * WORDS + 6] != _NONE:
            slot = (slot + 1) & mask
        for word in range(WORDS):
            new[slot * WORDS + word] = old[row + word]


@_compiled
def drain(table, out):
    """Move the rows of *table* to *out* (rows × 12 words, one dimension), leaving it empty; return how many there were."""
    count = 0
    for row in range(0, len(table), WORDS):
        if table[row + 6] == _NONE:
            continue
        for word in range(WORDS):
            out[count + word] = table[row + word]
            table[row + word] = _NONE
        count += WORDS
    return count // WORDS
