"""Requests to CloudWatch Logs and Firehose keep to the services' limits, whatever the records are.

Source: CloudWatch Logs API Reference `PutLogEvents`; Firehose API Reference `PutRecordBatch`.
"""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deliver.flows import REGION, START, Piece, batch, flow_log, row
from vpcflow.aws import S3Access
from vpcflow.deliver import cloudwatch_logs
from vpcflow.deliver.cloudwatch_logs import CloudWatchLogsDestination, _cuts
from vpcflow.deliver.firehose import FirehoseDestination


@given(
    st.lists(st.tuples(st.integers(0, 200_000_000), st.integers(27, 1_300_000)), min_size=1, max_size=300),
    st.sampled_from((3, 50, 10_000)),
)
def test_a_request_has_no_more_events_bytes_or_time_than_it_may(events, most):
    events.sort()
    at = np.array([when for when, _ in events], np.int64)
    sizes = np.array([size for _, size in events], np.int64)
    limit, cloudwatch_logs.MAX_EVENTS = cloudwatch_logs.MAX_EVENTS, most
    try:
        cuts = list(_cuts(at, sizes))
    finally:
        cloudwatch_logs.MAX_EVENTS = limit
    assert [place for start, end in cuts for place in range(start, end)] == list(range(len(events)))
    for start, end in cuts:
        assert end - start <= most
        assert end - start == 1 or sizes[start:end].sum() <= 1_048_576
        assert at[end - 1] - at[start] < 24 * 3_600_000 or end - start == 1


def test_ten_thousand_events_go_in_a_request_in_the_order_of_time():
    flow = flow_log("cloud-watch-logs", "/vpc")
    destination = CloudWatchLogsDestination(flow, S3Access(aws_region=REGION))
    rows = [row(number, start=START + (number * 7919) % 3600, interface="eni-1") for number in range(20_500)]
    requests = list(destination.shipments(Piece(batch(rows[:9000]), batch(rows[9000:]))))
    assert sum(len(request._texts) for request in requests) == 20_500
    assert all(len(request._texts) <= 10_000 for request in requests)
    assert len(requests) == 3
    times = [at for request in requests for at in request._at]
    assert times == sorted(times)
    for request in requests:
        assert sum(len(text.encode()) + 26 for text in request._texts) <= 1_048_576


def test_requests_are_the_same_each_time_they_are_made():
    flow = flow_log("cloud-watch-logs", "/vpc")
    destination = CloudWatchLogsDestination(flow, S3Access(aws_region=REGION))
    unit = Piece(batch([row(number, start=START + number % 7) for number in range(500)]))
    first, second = ([shipment.digest for shipment in destination.shipments(unit)] for _ in range(2))
    assert first == second
    assert len(set(first)) == 3, "a stream for each of three interfaces"


def test_firehose_gets_five_hundred_records_at_most_each_an_object_without_newline():
    flow = flow_log("kinesis-data-firehose", "stream")
    destination = FirehoseDestination(flow, S3Access(aws_region=REGION))
    rows = [row(number) for number in range(1201)]
    requests = list(destination.shipments(Piece(batch(rows[:700]), batch(rows[700:]))))
    assert [len(request._records) for request in requests] == [500, 500, 201]
    records = [record for request in requests for record in request._records]
    assert records[0] == (
        b'{"message":"2 123456789012 eni-00000000000000000 10.0.0.0 2001:db8::1 1024 443 6 1 40 1700002800 1700002850 REJECT OK"}'
    )
    assert [int(json.loads(record)["message"].split()[8]) for record in records] == list(range(1, 1202))


def test_firehose_gets_four_megabytes_at_most():
    flow = flow_log("kinesis-data-firehose", "stream", flow_log().log_format)
    destination = FirehoseDestination(flow, S3Access(aws_region=REGION))
    rows = [row(number, interface=f"eni-{'x' * 50_000}") for number in range(300)]
    requests = list(destination.shipments(Piece(batch(rows))))
    assert len(requests) > 3
    assert all(sum(map(len, request._records)) <= 4 << 20 for request in requests)
    assert sum(len(request._records) for request in requests) == 300
