"""Every shape in which AWS hands out messages."""

import base64
import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from record.reading import V2, V2_HEADER, V2_NODATA, read_all, read_or_refuse
from vpcflow.errors import RecordError

TIMES = [1733430000000, 1733430001000]
ROWS = read_all(f"{V2_HEADER}\n{V2}\n{V2_NODATA}\n").rows
TIMED = [row | {"x_event_time": time} for row, time in zip(ROWS, TIMES, strict=True)]


def envelope(messages=(V2, V2_NODATA), **changed):
    events = [
        {"id": str(n), "timestamp": TIMES[0] + 1000 * n, "message": message} for n, message in enumerate(messages)
    ]
    return {
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": "/vpc/flowlogs",
        "logStream": "eni-1-all",
        "subscriptionFilters": ["all"],
        "logEvents": events,
    } | changed


CONTROL = envelope(
    ["CWL CONTROL MESSAGE: Checking health of destination Firehose."],
    messageType="CONTROL_MESSAGE",
    owner="CloudwatchLogs",
    logGroup="",
    logStream="",
)


def dump(*documents, between=""):
    return between.join(json.dumps(document) for document in documents).encode()


def packed(document):
    return base64.b64encode(gzip.compress(dump(document))).decode()


COMMAND = {
    "events": [
        {"logStreamName": "eni-1-all", "timestamp": time, "message": message, "ingestionTime": time + 9, "eventId": "1"}
        for time, message in zip(TIMES, (V2, V2_NODATA), strict=True)
    ],
    "searchedLogStreams": [],
    "nextToken": "more",
}
PACKED = packed(envelope())
SHAPES = {
    "an envelope": ("subscription", dump(envelope())),
    "gzip'd envelopes one after another": (
        "subscription",
        b"".join(
            gzip.compress(dump(envelope([m], logEvents=[e])))
            for m, e in zip("ab", envelope()["logEvents"], strict=True)
        ),
    ),
    "a lambda event": ("lambda", dump({"awslogs": {"data": PACKED}})),
    "base64 on a line": ("subscription", PACKED.encode() + b"\n"),
    "base64 in many lines": ("subscription", base64.encodebytes(base64.b64decode(PACKED))),
    "a Kinesis event": ("kinesis", dump({"Records": [{"kinesis": {"data": PACKED, "partitionKey": "1"}}]})),
    "a Firehose request": ("firehose_http", dump({"requestId": "1", "timestamp": 1, "records": [{"data": PACKED}]})),
    "filter-log-events": ("events", dump(COMMAND)),
    "filter-log-events, indented": ("events", json.dumps(COMMAND, indent=4).encode()),
    "get-log-events": ("events", dump({"events": COMMAND["events"], "nextForwardToken": "f/1"})),
    "the events alone": ("events", dump(COMMAND["events"])),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("drip", [False, True], ids=["whole", "byte by byte"])
def test_messages_with_times_are_records_with_times(name, drip):
    kind, data = SHAPES[name]
    result = read_all(data, drip=drip)
    assert result.rows == TIMED
    assert not result.report.bad
    assert result.origin.kind == kind


@pytest.mark.parametrize("between", ["", "\n", " "])
@pytest.mark.parametrize("drip", [False, True], ids=["whole", "byte by byte"])
def test_a_firehose_stream_needs_nothing_between_its_documents(between, drip):
    result = read_all(dump({"message": V2}, {"message": V2_NODATA}, between=between), drip=drip)
    assert (result.rows, result.origin.kind) == (ROWS, "firehose")


@pytest.mark.parametrize(
    "records", [[f'{{"message":"{V2}"}}', f'{{"message":"{V2_NODATA}"}}'], [f"{V2}\n{V2_NODATA}\n"], [V2, V2_NODATA]]
)
def test_a_firehose_request_may_hold_messages_or_lines(records):
    body = {"requestId": "1", "records": [{"data": base64.b64encode(r.encode()).decode()} for r in records]}
    assert read_all(dump(body)).rows == ROWS


def test_base64_texts_line_by_line_are_read_one_by_one():
    assert read_all(f"{PACKED}\n{PACKED}\n").rows == TIMED * 2


def test_control_messages_are_nothing():
    result = read_all(dump(CONTROL, envelope(), CONTROL))
    assert (result.rows, result.report.bad) == (TIMED, {})
    assert (result.origin.log_group, result.origin.owner) == ("/vpc/flowlogs", "123456789012")
    alone = read_all(dump(CONTROL))
    assert (alone.rows, alone.report.bad) == ([], {})


def test_the_log_group_is_told_only_where_it_is_one():
    same = read_all(dump(envelope(), envelope())).origin
    assert (same.log_group, same.log_stream, same.owner) == ("/vpc/flowlogs", "eni-1-all", "123456789012")
    other = read_all(dump(envelope(), envelope(logStream="eni-2-all"), envelope())).origin
    assert (other.log_group, other.log_stream) == ("/vpc/flowlogs", "")


def test_times_stay_with_their_records_when_messages_between_are_bad():
    result = read_all(dump(envelope(["bogus" if n % 50 == 7 else V2 for n in range(200)])))
    assert result.report.bad == {"too_few_fields": 4}
    assert [bad.line for bad in result.report.shown] == [8, 58, 108, 158]
    wanted = [TIMES[0] + 1000 * n for n in range(200) if n % 50 != 7]
    assert [row["x_event_time"] for row in result.rows] == wanted


def test_newlines_in_a_message_do_not_make_two():
    result = read_all(dump({"message": V2.replace(" OK", "\nOK\n")}, {"message": V2}))
    assert (result.rows, result.report.bad) == ([ROWS[0], ROWS[0]], {})


def test_messages_of_another_format_need_it_said():
    data = dump({"message": "10.0.0.1 7"})
    with pytest.raises(RecordError) as failed:
        read_all(data)
    assert failed.value.code == "unknown_kind"
    assert read_all(data, "${srcaddr} ${bytes}").rows == [{"srcaddr": "10.0.0.1", "bytes": 7}]


def test_a_header_among_the_messages_is_one():
    result = read_all(dump({"message": "srcaddr bytes"}, {"message": "10.0.0.1 7"}, {"message": "srcaddr bytes"}))
    assert (result.rows, result.report.bad) == ([{"srcaddr": "10.0.0.1", "bytes": 7}], {})


@pytest.mark.parametrize(
    "broken",
    [
        b"{bad}",
        b'{"message": }',
        b'{"message": "unterminated\n',
        b'{"a": ' + b"[" * 5000 + b"\n",
        b'{"a": ' + b"9" * 5000 + b"}",
        b"\xff\xfe",
        b"null",
    ],
)
@pytest.mark.parametrize("drip", [False, True], ids=["whole", "byte by byte"])
def test_broken_json_costs_itself_only(broken, drip):
    result = read_all(dump({"message": V2}) + b"\n" + broken + b"\n" + dump({"message": V2_NODATA}), drip=drip)
    assert result.rows == ROWS
    assert result.report.bad == {"bad_json": 1}


@pytest.mark.parametrize(
    "odd",
    [
        {"message": 5},
        {"message": None},
        {"message": V2, "timestamp": "now"},
        {"message": V2, "timestamp": True},
        {"messageType": "DATA_MESSAGE", "logEvents": {}},
        {"messageType": "DATA_MESSAGE", "logEvents": [5]},
        {"awslogs": 5},
        {"awslogs": {"data": "@@@"}},
        {"Records": 5},
        {"Records": [{"s3": {}}]},
        {"records": [{"data": 5}]},
        {"events": None},
        {"unknown": 1},
        [[]],
    ],
    ids=str,
)
def test_documents_of_wrong_types_are_counted_and_the_others_kept(odd):
    result = read_all(dump({"message": V2}, odd, {"message": V2_NODATA}))
    assert result.rows == ROWS
    assert result.report.bad == {"not_an_event": 1}


@pytest.mark.parametrize("time", [-1, 10**14, 10**30])
def test_an_impossible_event_time_is_a_bad_line(time):
    result = read_all(dump({"message": V2, "timestamp": time}))
    assert result.report.bad == {"not_a_time": 1}


def test_a_message_that_is_no_text_is_a_bad_line():
    odd = [{"message": V2.replace("ACCEPT", "\ud800")}, {"message": V2.replace("OK", "\0")}]
    result = read_all(dump(*[{"message": V2}] * 50, *odd))
    assert (result.rows, result.report.bad) == ([ROWS[0]] * 50, {"not_text": 2})


def test_an_envelope_cut_in_half_is_a_named_loss():
    data = gzip.compress(dump(envelope()))
    result = read_all(dump({"awslogs": {"data": base64.b64encode(data[: len(data) // 2]).decode()}}))
    assert (result.rows, result.losses) == ([], ["cut_off"])


def test_an_array_of_many_events_is_read_piece_by_piece():
    many = {"events": [{"timestamp": TIMES[0], "message": V2}] * 30_000, "searchedLogStreams": []}
    result = read_all(json.dumps(many).encode())
    assert len(result.rows) == 30_000
    assert not result.report.bad


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([V2, PACKED]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "messageType",
                    "logEvents",
                    "message",
                    "timestamp",
                    "events",
                    "Records",
                    "records",
                    "data",
                    "kinesis",
                    "awslogs",
                    "logGroup",
                    "srcaddr",
                    "version",
                    "bytes",
                    "start",
                    "x_extra",
                    "x_event_time",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=4), st.sampled_from(["", "\n", ","]))
def test_any_documents_are_survived(documents, between):
    read_or_refuse(b"[" + dump(*documents, between=between or ","), "${version}")
    read_or_refuse(dump(dict.fromkeys("ab", documents), *documents, between=between))
