"""Any log as log events: which they are, when they were, and that nothing hostile gets further than its count."""

from __future__ import annotations

import base64
import gzip
import io
import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from record.reading import Drip
from vpcflow.errors import RecordError
from vpcflow.record import event_time
from vpcflow.record.json_fields import MOST, discovered, pointers
from vpcflow.record.log_events import MAX_EVENT, Filing, read_log_events
from vpcflow.record.origin import Origin
from vpcflow.telemetry import ReadReport

NOW = 1_800_000_000
CHANGED = 1_700_000_000
AT = 1_764_237_600_000
"""2025-11-27T10:00:00Z in ms."""


class Read:
    def __init__(self, data, source="file:///logs/app.log", *, drip=False, stream=None, changed=CHANGED):
        data = data.encode() if isinstance(data, str) else data
        self.report, self.origin = ReadReport(), Origin()
        found = read_log_events(
            Drip(data) if drip else io.BytesIO(data),
            source,
            self.report,
            self.origin,
            Filing("/app", stream),
            changed_s=changed,
            now_s=NOW,
        )
        self.rows = [row for table, batch in found for row in batch.to_pylist() if table == "log_events"]

    @property
    def messages(self):
        return [row["message"] for row in self.rows]

    @property
    def times(self):
        return [row["timestamp"] for row in self.rows]

    @property
    def streams(self):
        return [row["log_stream"] for row in self.rows]

    @property
    def bad(self):
        return dict(self.report.bad)


# --- lines ---------------------------------------------------------------------------------------------------------


def test_each_line_is_an_event_and_keeps_every_character():
    read = Read("one\r\n  \ntwo  \n\nthree\tx")
    assert read.messages == ["one", "two  ", "three\tx"]
    assert read.report.rows == 3
    assert {row["log_group"] for row in read.rows} == {"/app"}


def test_a_line_that_begins_with_white_space_goes_on_with_the_event_before():
    text = "ERROR boom\n  at a\n\n\tat b\nnext\n"
    read = Read(text)
    assert read.messages == ["ERROR boom\n  at a\n\n\tat b", "next"]


def test_what_goes_on_too_long_begins_another_event_and_nothing_is_lost():
    more = " " + "x" * 400_000
    read = Read("\n".join(["begin", *[more] * 7]))
    assert "\n".join(read.messages) == "\n".join(["begin", *[more] * 7])
    assert max(map(len, read.messages)) <= MAX_EVENT
    assert len(read.messages) > 2


def test_a_line_longer_than_a_megabyte_is_counted_and_costs_no_other():
    read = Read("a\n" + "x" * (MAX_EVENT + 10) + "\nb\n")
    assert read.messages == ["a", "b"]
    assert read.bad == {"line_too_long": 1}


def test_bytes_that_are_no_utf8_are_replaced_and_counted():
    read = Read(b"ok\n\xff\xfe bad\n")
    assert read.messages == ["ok", "\ufffd\ufffd bad"]
    assert read.report.mended == 1


@pytest.mark.parametrize("data", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_nothing_has_no_events(data):
    read = Read(data)
    assert (read.rows, read.bad) == ([], {})


@pytest.mark.parametrize("data", [b"PAR1\x15\x04", b"\x00\x01\x02" * 50, b"a\x00b\x00c\x00d\x00"])
def test_what_is_no_text_is_refused_by_name(data):
    with pytest.raises(RecordError) as refused:
        Read(data)
    assert refused.value.code == "not_events"


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: pa.compress(data, "zstd", asbytes=True)])
def test_packed_lines_are_unpacked(pack):
    assert Read(pack(b"one\ntwo\n")).messages == ["one", "two"]


def test_what_is_cut_off_keeps_what_came_before():
    whole = gzip.compress(b"".join(b"line %d\n" % n for n in range(10_000)))
    read = Read(whole[: len(whole) // 2])
    assert read.messages[0] == "line 0"
    assert [loss.kind for loss in read.report.losses] == ["cut_off"]
    assert read.bad == {"cut_off": 1}


# --- time ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "time"),
    [
        ("2025-11-27T10:00:00Z x", AT),
        ("2025-11-27 10:00:00 x", AT),
        ("2025-11-27 10:00:00,123 x", AT + 123),
        ("2025-11-27T10:00:00.123456789Z x", AT + 123),
        ("2025-11-27T19:00:00+09:00 x", AT),
        ("2025-11-27T19:00:00.5+0900 x", AT + 500),
        ("[2025-11-27T10:00:00Z] x", AT),
        ("2025-11-27 10:00:00 UTC x", AT),
    ],
)
def test_a_line_has_the_iso_time_it_begins_with(line, time):
    read = Read(line)
    assert read.times == [time]
    assert read.report.file_times == 0
    assert read.messages == [line]


@pytest.mark.parametrize(
    "line", ["2025-02-31T10:00:00Z x", "2025-11-27T10:00 x", "x 2025-11-27T10:00:00Z", "12345678901234 x", "-"]
)
def test_a_line_without_one_has_the_time_of_its_file_and_is_counted(line):
    read = Read(line)
    assert read.times == [CHANGED * 1000]
    assert read.report.file_times == 1


def test_a_line_without_a_time_has_that_of_the_event_before():
    read = Read("a\n2025-11-27T10:00:00Z b\nc\n")
    assert read.times == [CHANGED * 1000, AT, AT]
    assert read.report.file_times == 2


def test_where_nobody_knows_when_the_source_changed_it_is_now():
    assert Read("a", changed=None).times == [NOW * 1000]


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("2025-11-27T10:00:00.250Z", AT + 250),
        (AT, AT),
        (AT // 1000, AT),
        (AT / 1000 + 0.5, AT + 500),
        (AT * 1000, AT),
        (AT * 1_000_000, AT),
        (str(AT), AT),
        (str(AT // 1000), AT),
    ],
)
@pytest.mark.parametrize("key", event_time.KEYS)
def test_a_json_line_has_the_time_of_its_first_key_that_is_one(key, value, time):
    line = json.dumps({"time": "soon", "@timestamp": None, key: value, "eventTime": value})
    assert Read(line).times == [time]


@pytest.mark.parametrize("value", [True, None, [], -1, 1e300, "later", "12", {}])
def test_what_is_no_time_is_none(value):
    assert event_time.of_value(value) is None


# --- JSON ----------------------------------------------------------------------------------------------------------

OBJECT = '{"level": "info", "message": "hello", "timestamp": 1764237600000}'


def test_a_line_of_json_is_kept_as_it_is_even_with_the_keys_of_an_event():
    read = Read(f"{OBJECT}\nplain\n{OBJECT}\n")
    assert read.messages == [OBJECT, "plain", OBJECT]
    assert read.times == [AT] * 3


@pytest.mark.parametrize("begin", ["[INFO] x", "[2025-11-27 10:00:00] x", "{not json", "[1, 2]", "{} x", '{"a" b}'])
def test_a_line_that_only_begins_like_json_is_a_line(begin):
    read = Read(f"{begin}\nnext\n")
    assert read.messages == [begin, "next"]


@pytest.mark.parametrize("drip", [False, True])
def test_json_that_spans_lines_is_cut_at_its_objects_and_keeps_its_text(drip):
    pretty = json.dumps({"a": 1.50, "b": [1, 2]}, indent=2)
    read = Read(f"{pretty}\n{pretty}\n", drip=drip)
    assert read.messages == [pretty, pretty]


@pytest.mark.parametrize(
    "text",
    [
        '[{"a":1},{"a":2}]',
        '[\n{"a":1},\n{"a":2}\n]',
        '{"a":1}{"a":2}',
        '{"a":1},{"a":2}',
        '{"Records":[{"a":1},{"a":2}]}',
    ],
)
def test_arrays_and_streams_of_objects_are_an_event_each(text):
    assert Read(text).messages == ['{"a":1}', '{"a":2}']


@pytest.mark.parametrize("begin", ['{"a":', '{\n"a": tru', '[\n{"a": "b', '{"a": 1,\n'])
def test_json_that_is_cut_off_is_no_line(begin):
    read = Read(gzip.compress(begin.encode()))
    assert (read.messages, read.bad) == ([], {"bad_json": 1})


def test_broken_json_among_documents_is_counted():
    read = Read('[{"a":1},{"b":\n{"c":2}]')
    assert read.messages[0] == '{"a":1}'
    assert read.bad["bad_json"] >= 1


def test_fields_are_the_leaves_by_dotted_names():
    event = {"a": {"b": 1}, "l": [{"x": True}, 2.5], "n": None, "e": {}, "@t": "x", "s": '{"in": 1}'}
    assert discovered(json.dumps(event)) == {
        "a.b": "1", "l.0.x": "true", "l.1": "2.5", "@@t": "x", "s": '{"in": 1}',
    }  # fmt: skip
    assert discovered("plain") == discovered("[1]") == discovered("{broken") == {}


def test_no_more_than_the_first_two_hundred_fields_are_discovered():
    found = discovered(json.dumps({f"f{n}": n for n in range(500)}))
    assert list(found) == [f"f{n}" for n in range(MOST)]
    assert discovered('{"a":' * 5000 + "1" + "}" * 5000) == {}


def test_a_dot_is_a_step_or_part_of_a_key():
    assert pointers("a") == ["/a"]
    assert pointers("a.0.b") == ["/a/0/b", "/a.0.b"]
    assert pointers("@@t") == ["/@t"]
    assert pointers("x/y~z") == ["/x~1y~0z"]


# --- envelopes -----------------------------------------------------------------------------------------------------

SUBSCRIPTION = {
    "messageType": "DATA_MESSAGE",
    "owner": "123456789012",
    "logGroup": "/theirs",
    "logStream": "web-1",
    "subscriptionFilters": ["all"],
    "logEvents": [
        {"id": "1", "timestamp": AT, "message": "first\n second"},
        {"id": "2", "timestamp": AT + 5, "message": OBJECT},
    ],
}
PACKED = base64.b64encode(gzip.compress(json.dumps(SUBSCRIPTION).encode())).decode()
CALL = {
    "events": [
        {
            "logStreamName": "web-1",
            "timestamp": AT,
            "message": "first\n second",
            "ingestionTime": AT + 99,
            "eventId": "1",
        },
        {"logStreamName": "web-1", "timestamp": AT + 5, "message": OBJECT, "ingestionTime": AT + 99, "eventId": "2"},
    ],
    "searchedLogStreams": [],
}
SHAPES = {
    "subscription": json.dumps(SUBSCRIPTION),
    "a stream of them": json.dumps(SUBSCRIPTION) + json.dumps(SUBSCRIPTION | {"messageType": "CONTROL_MESSAGE"}),
    "filter-log-events": json.dumps(CALL, indent=4),
    "filter-log-events on a line": json.dumps(CALL),
    "events one a line": "\n".join(map(json.dumps, CALL["events"])),
    "lambda": json.dumps({"awslogs": {"data": PACKED}}),
    "kinesis": json.dumps({"Records": [{"kinesis": {"data": PACKED}, "eventID": "x"}]}),
    "firehose": json.dumps({"requestId": "r", "timestamp": 1, "records": [{"data": PACKED}]}),
    "base64": f"{PACKED}\n",
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("drip", [False, True])
def test_an_envelope_gives_its_events_with_their_times_and_streams(shape, drip):
    read = Read(SHAPES[shape], drip=drip)
    assert read.messages == ["first\n second", OBJECT]
    assert read.times == [AT, AT + 5]
    assert read.streams == ["web-1", "web-1"]
    assert read.bad == {}
    assert read.origin.log_group == "/app"
    arrived = NOW * 1000 if "events" not in shape else AT + 99
    assert [row["ingestion_time"] for row in read.rows] == [arrived] * 2


def test_an_envelope_tells_whose_log_group_it_was():
    assert Read(SHAPES["subscription"]).origin.owner == "123456789012"


def test_the_stream_is_the_one_given_else_told_else_the_files_name():
    assert Read(SHAPES["subscription"], stream="mine").streams == ["mine", "mine"]
    assert Read("x", "s3://bucket/a/host:1.log.gz#log-group=/app").streams == ["host-1"]
    assert Read("x", "stdin:sha256:abc").streams == ["stdin"]


def test_an_export_of_cloudwatch_has_times_before_its_messages_and_streams_in_its_folders():
    source = "s3://b/exported/0f0e0d0c-0000-4000-8000-000000000001/web-1/000000.gz"
    read = Read('2025-11-27T10:00:00.000Z first\nno time\n2025-11-27T10:00:00.005Z {"a": 1}\n', source)
    assert read.messages == ["first\nno time", '{"a": 1}']
    assert read.times == [AT, AT + 5]
    assert read.streams == ["web-1", "web-1"]


def test_broken_envelopes_are_counted():
    broken = [
        {"awslogs": {"data": "%%%"}},
        {"Records": [{"kinesis": {"data": None}}]},
        SUBSCRIPTION | {"logEvents": [7, {"message": 1}]},
    ]
    read = Read("".join(map(json.dumps, [SUBSCRIPTION, *broken])))
    assert len(read.messages) == 2
    assert read.bad == {"not_an_event": 4}


def test_an_event_over_a_megabyte_in_an_envelope_is_counted():
    events = [
        {"id": "1", "timestamp": AT, "message": "é" * (MAX_EVENT // 2 + 1)},
        {"id": "2", "timestamp": AT, "message": "ok"},
    ]
    read = Read(json.dumps(SUBSCRIPTION | {"logEvents": events}))
    assert read.messages == ["ok"]
    assert read.bad == {"event_too_long": 1}


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
)
def test_nothing_makes_the_reader_fail_but_what_it_refuses(data):
    try:
        read = Read(data)
    except RecordError:
        return
    assert read.report.rows == len(read.rows)
    assert all(0 <= time < event_time.LAST_MS for time in read.times)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.dictionaries(st.text(max_size=8), JSON, min_size=1, max_size=4), min_size=1, max_size=5))
def test_objects_one_a_line_come_back_as_they_were_written(documents):
    lines = [json.dumps({"k": 1, **document}) for document in documents]
    assert Read("\n".join(lines)).messages == lines
