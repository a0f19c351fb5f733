"""A spool keeps what it is given, in order, in the room it may take; what it has to drop it tells."""

from __future__ import annotations

import errno
import os
from types import SimpleNamespace

import pytest

from deliver.flows import START, WIDE, batch, heads, nothing, row, spool
from vpcflow.deliver.frames import frames
from vpcflow.deliver.skipped import skipped
from vpcflow.deliver.spool import Spool
from vpcflow.errors import DeliveryError

SHIPMENT = SimpleNamespace(digest="d")


def drain(waiting: Spool) -> list[dict[str, object]]:
    """Take everything out, in order."""
    waiting.seal()
    found = []
    while (segment := waiting.oldest()) is not None:
        for one in segment.batches():
            found += one.to_pylist()
        waiting.remove(segment)
    return found


def numbers(records) -> list[int]:
    return [record["packets"] - 1 for record in records if record["packets"] is not None]


def test_what_comes_goes_in_order_through_any_number_of_processes(tmp_path):
    waiting = spool(tmp_path, segment_bytes=6000)
    for number in range(40):
        waiting.append(batch([row(10 * number + place) for place in range(10)], encoded=number % 2 == 0))
    waiting.close()
    again = Spool(tmp_path, segment_bytes=6000)
    again.append(batch([row(400)]))
    assert len(list(tmp_path.glob("*.sealed"))) > 3
    assert numbers(drain(again)) == list(range(401))
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]
    again.close()


def test_segments_never_have_the_same_name_twice(tmp_path):
    names = []
    for number in range(5):
        waiting = Spool(tmp_path)
        waiting.append(batch([row(number)]))
        waiting.seal()
        names.append(waiting.oldest().id)
        drain(waiting)
        waiting.close()
    assert len(set(names)) == 5


def test_a_spool_takes_no_more_room_than_it_may_and_drops_the_oldest(tmp_path):
    waiting = spool(tmp_path, max_bytes=30_000)
    for number in range(120):
        waiting.append(batch([row(number, start=START + 60 * number, interface="eni-1")]))
        assert waiting.used <= 30_000
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 30_000
    records = drain(waiting)
    told, kept = records[0], numbers(records)
    assert kept == list(range(kept[0], 120)), "the newest are kept"
    assert kept[0] > 30
    assert [record["log_status"] for record in records].count("SKIPDATA") == 1
    assert told == nothing("eni-1", "SKIPDATA") | {"start": START, "end": START + 60 * (kept[0] - 1) + 50}
    assert waiting.dropped.records == kept[0]
    assert waiting.dropped.spans == {"eni-1": (told["start"], told["end"])}
    waiting.close()


def test_what_was_dropped_is_one_record_for_each_interface_however_often_it_happens(tmp_path):
    waiting = spool(tmp_path, max_bytes=30_000)
    for number in range(120):
        waiting.append(batch([row(3 * number + place, start=START + 60 * number) for place in range(3)]))
    waiting.seal()
    told = [head for head in heads(tmp_path) if head["skipped"]]
    assert [head["skipped"] for head in told] == [waiting.dropped.records]
    records = [record for record in drain(waiting) if record["log_status"] == "SKIPDATA"]
    assert sorted(record["interface_id"] for record in records) == [f"eni-{number:017x}" for number in range(3)]
    waiting.close()


def test_a_segment_on_its_way_is_not_dropped(tmp_path):
    waiting = spool(tmp_path, max_bytes=30_000)
    waiting.append(batch([row(0)]))
    waiting.seal()
    first = waiting.oldest()
    for number in range(1, 100):
        waiting.append(batch([row(number)]))
    assert numbers(next(first.batches()).to_pylist()) == [0]
    waiting.release()
    assert numbers(drain(waiting))[0] == 0
    waiting.close()


def test_a_segment_of_which_a_part_was_accepted_is_not_dropped(tmp_path):
    waiting = spool(tmp_path, max_bytes=30_000)
    waiting.append(batch([row(0)]))
    waiting.seal()
    waiting.oldest().acknowledge(0, SHIPMENT, ())
    waiting.release()
    for number in range(1, 100):
        waiting.append(batch([row(number)]))
    first = waiting.oldest()
    assert numbers(next(first.batches()).to_pylist()) == [0]
    assert first.left(0, SHIPMENT) == ()
    assert first.left(1, SHIPMENT) is None
    assert first.left(0, SimpleNamespace(digest="another")) is None
    waiting.close()


def test_interfaces_without_traffic_are_not_said_to_have_lost_any():
    told = skipped(
        [batch([nothing("eni-1", "NODATA"), row(1, interface="eni-2"), nothing("eni-2", "NODATA", START + 60)])]
    )
    found = {
        record["interface_id"]: (record["log_status"], record["start"], record["end"]) for record in told.to_pylist()
    }
    assert found == {"eni-1": ("NODATA", START, START + 50), "eni-2": ("SKIPDATA", START, START + 110)}


def test_a_record_of_what_was_dropped_keeps_what_tells_of_the_interface():
    kept = {"vpc_id": "vpc-1", "instance_tag": "web"}
    told = skipped(
        [batch([row(1) | {"tcp_flags": 2, "traffic_path": 1, "flow_direction": "egress", **kept}])]
    ).to_pylist()[0]
    assert {name: told[name] for name in kept} == kept
    gone = ("srcaddr", "dstport", "packets", "tcp_flags", "traffic_path", "flow_direction", "action")
    assert {told[name] for name in gone} == {None}
    assert set(told) <= {name.replace("-", "_") for name in WIDE.names}


@pytest.mark.parametrize("cut", [1, 7, 8, 9, 200])
def test_a_torn_frame_is_cut_off_and_counted(cut, tmp_path):
    waiting = spool(tmp_path)
    for number in range(3):
        waiting.append(batch([row(number)]))
    [path] = tmp_path.glob("*.open")
    ends = [frame.end for frame in frames(path)]
    waiting.close()
    [path] = tmp_path.glob("*.sealed")
    torn = path.rename(path.with_suffix(".open"))
    os.truncate(torn, ends[-2] + cut)
    again = Spool(tmp_path)
    assert again.torn == 1
    assert numbers(drain(again)) == [0, 1]
    again.close()


def test_a_segment_that_was_damaged_is_read_as_far_as_it_goes_and_says_so(tmp_path):
    waiting = spool(tmp_path)
    for number in range(3):
        waiting.append(batch([row(number)]))
    waiting.close()
    [path] = tmp_path.glob("*.sealed")
    ends = [frame.end for frame in frames(path)]
    data = bytearray(path.read_bytes())
    data[ends[1] + 20] ^= 0xFF
    path.write_bytes(data)
    again = Spool(tmp_path)
    segment = again.oldest()
    assert numbers([record for one in segment.batches() for record in one.to_pylist()]) == [0]
    assert segment.damaged
    again.close()


@pytest.mark.parametrize("length", [0xFFFFFFFF, 1 << 28, 5])
def test_a_length_that_lies_ends_the_file(length, tmp_path):
    path = tmp_path / "frames"
    path.write_bytes(length.to_bytes(4, "little") + b"\0\0\0\0abcdef")
    assert list(frames(path)) == []


def test_a_full_disk_loses_the_oldest_and_never_raises(tmp_path, monkeypatch):
    waiting = spool(tmp_path)
    write, room = os.write, [40_000]

    def limited(handle, data):
        if len(data) > room[0]:
            write(handle, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "no space left")
        room[0] -= len(data)
        return write(handle, data)

    monkeypatch.setattr(os, "write", limited)
    for number in range(60):
        waiting.append(batch([row(number, start=START + 60 * number, interface="eni-1")]))
    lost = waiting.dropped.records
    assert lost
    room[0] = 1 << 30
    waiting.append(batch([row(60, start=START + 3600, interface="eni-1")]))
    records = drain(waiting)
    assert len(numbers(records)) + lost == 61
    told = [(record["start"], record["end"]) for record in records if record["log_status"] == "SKIPDATA"]
    for number in set(range(61)) - set(numbers(records)):
        assert any(start <= START + 60 * number and START + 60 * number + 50 <= end for start, end in told), number
    waiting.close()


def test_a_spool_belongs_to_one_process_at_a_time(tmp_path):
    waiting = Spool(tmp_path)
    with pytest.raises(DeliveryError) as told:
        Spool(tmp_path)
    assert told.value.code == "deliver.spool_locked"
    waiting.close()
    Spool(tmp_path).close()


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DeliveryError) as told:
        Spool(tmp_path / "file" / "spool")
    assert told.value.code == "deliver.spool"


def test_what_another_process_left_half_made_is_cleared(tmp_path):
    waiting = spool(tmp_path)
    waiting.append(batch([row(1)]))
    waiting.close()
    (tmp_path / "000000000009-ab.tmp").write_bytes(b"x")
    (tmp_path / "000000000009-ab.acks").write_bytes(b"x")
    (tmp_path / "000000000008-ab.open").write_bytes(b"")
    again = Spool(tmp_path)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == ["", ".sealed"]
    assert numbers(drain(again)) == [1]
    again.close()


def test_records_that_name_no_interface_are_told_of_too():
    bare = batch(
        [
            {"srcaddr": "10.0.0.1", "start": START, "end": START + 9, "log_status": "OK"},
            {"srcaddr": None, "start": START + 60, "end": START + 69, "log_status": "NODATA"},
        ]
    )
    told = skipped([bare]).to_pylist()
    assert [(one["srcaddr"], one["start"], one["end"], one["log_status"]) for one in told] == [
        (None, START, START + 69, "SKIPDATA")
    ]


@pytest.mark.parametrize("suffix", ["open", "sealed"])
def test_zeros_that_a_disk_left_behind_what_was_written_are_no_frames(tmp_path, suffix):
    waiting = Spool(tmp_path)
    waiting.append(batch([row(1)]))
    if suffix == "sealed":
        waiting.seal()
    waiting._guard.close()
    (left,) = tmp_path.glob(f"*.{suffix}")
    with left.open("ab") as file:
        file.write(bytes(4096))
    (tmp_path / "000000000009-x.sealed").write_bytes(bytes(4096))
    again = Spool(tmp_path)
    assert again.torn == (suffix == "open")
    assert numbers(drain(again)) == [1]
    again.close()
