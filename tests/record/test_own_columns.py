"""`x_layer` and `x_rule`: ours, kept by every form but AWS's."""

from __future__ import annotations

import io

import numpy as np
import pytest

from vpcflow.aggregate.records import Identity, flow_records, status_records
from vpcflow.record.flow_counts import NETWORK_ACL, REJECT, ROW, SECURITY_GROUP
from vpcflow.record.format import VERSIONS
from vpcflow.record.read import Origin, read
from vpcflow.record.write import write
from vpcflow.telemetry import ReadReport


def records():
    rows = np.zeros(3, ROW)
    rows["version"], rows["protocol"], rows["packets"], rows["bytes"] = 4, 6, 1, 60
    rows["src"][:, 1], rows["dst"][:, 1] = 0x0A000001, 0x0A000002
    rows["first"] = rows["last"] = 1_795_000_000 * 10**9
    rows["action"] = [1, REJECT, REJECT]
    rows["layer"] = [0, SECURITY_GROUP, NETWORK_ACL]
    rows["rule"] = [100, 0, 32767]
    return flow_records(rows, ("eni-1",), Identity(version=5), decided=True)


def written(kind, log_format=None):
    out = io.BytesIO()
    write(iter([records()]), kind, out, log_format)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["json", "jsonl", "csv", "arrow", "parquet"])
def test_they_come_back_from_every_form_of_ours(kind):
    batches = [batch for _, batch in read(io.BytesIO(written(kind)), "here", ReadReport(), Origin())]
    layers = [value for batch in batches for value in batch.column("x_layer").to_pylist()]
    rules = [value for batch in batches for value in batch.column("x_rule").to_pylist()]
    assert layers == [None, "security-group", "network-acl"]
    assert rules == [100, None, 32767]


def test_text_has_only_what_aws_has():
    text = written("text", VERSIONS[5]).decode()
    assert "x_" not in text
    assert "security-group" not in text
    assert len(text.splitlines()) == 4


def test_records_without_traffic_have_the_same_columns():
    status = status_records([("eni-1", 0, 60)], "NODATA", Identity(version=5), decided=True)
    assert status.schema.names == records().schema.names
    assert status.column("x_layer").null_count == 1


def test_what_is_no_rule_number_is_a_bad_row():
    text = written("csv").decode().replace("32767", "many")
    report = ReadReport()
    (_, batch), *_ = read(io.BytesIO(text.encode()), "here", report, Origin())
    assert batch.num_rows == 2
    assert report.bad
