from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpcflow.collect.notices import NotANoticeError, Notice, read


def record(key="AWSLogs/a.log.gz", name="ObjectCreated:Put", source="aws:s3", bucket="logs"):
    told = {"bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"}, "object": {"key": key, "size": 3, "eTag": "e"}}
    return {"eventVersion": "2.1", "eventSource": source, "awsRegion": "us-east-1", "eventName": name, "s3": told}


def notification(*records):
    return json.dumps({"Records": list(records)})


def of_sns(text):
    arn = "arn:aws:sns:us-east-1:123456789012:t"
    return json.dumps({"Type": "Notification", "MessageId": "1", "TopicArn": arn, "Message": text})


BRIDGE = {
    "version": "0", "id": "17793124", "detail-type": "Object Created", "source": "aws.s3", "account": "123456789012",
    "region": "ca-central-1", "resources": ["arn:aws:s3:::logs"],
    "detail": {"version": "0", "bucket": {"name": "logs"}, "object": {"key": "a+b%20c", "size": 5}, "reason": "PutObject"},
}  # fmt: skip
TEST = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2014-10-13T15:57:02.089Z", "Bucket": "logs"}


def test_a_notification_names_its_objects():
    body = notification(record(), record("b", "ObjectCreated:CompleteMultipartUpload"))
    assert read(body) == Notice((("logs", "AWSLogs/a.log.gz"), ("logs", "b")))


@pytest.mark.parametrize(
    ("encoded", "key"),
    [("my+logs/a%2Bb.gz", "my logs/a+b.gz"), ("aws-account-id%3D1/x", "aws-account-id=1/x"), ("%C3%BC", "ü"), ("a%25", "a%")],
)  # fmt: skip
def test_keys_are_url_encoded_in_notifications_and_plain_in_those_of_eventbridge(encoded, key):
    assert read(notification(record(encoded))).created == (("logs", key),)
    assert read(json.dumps(BRIDGE)).created == (("logs", "a+b%20c"),)


def test_notifications_in_notifications_of_sns_are_the_same():
    assert read(of_sns(notification(record()))) == read(notification(record()))
    assert read(of_sns(json.dumps(BRIDGE))) == read(json.dumps(BRIDGE))
    assert read(of_sns(json.dumps(TEST))) == Notice(tests=1)
    assert read(of_sns(of_sns(notification(record())))) == read(notification(record()))


def test_other_events_are_counted():
    body = notification(record(), record(name="ObjectRemoved:Delete"), record(name="ObjectRestore:Completed"))
    assert read(body) == Notice((("logs", "AWSLogs/a.log.gz"),), others=2)
    assert read(json.dumps({**BRIDGE, "detail-type": "Object Deleted"})) == Notice(others=1)


def test_others_who_speak_s3_are_understood():
    assert read(notification(record("k", "s3:ObjectCreated:Put", "minio:s3"))).created == (("logs", "k"),)


@pytest.mark.parametrize(
    "body",
    [
        "", "hello", "[]", "1", "null", "{}", '{"Records": []}', '{"Records": [1]}', '{"Records": {}}',
        '{"Type": "Notification", "Message": "no"}', '{"Type": "Notification", "Message": {}}',
        '{"source": "aws.s3", "detail-type": "Object Created"}',
        '{"source": "aws.s3", "detail-type": "Object Created", "detail": {"bucket": {"name": 1}, "object": {"key": "k"}}}',
        '{"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": {}}',
        notification(record(""), record()), notification(record("%ff")), notification(record(source="aws:sqs")),
        notification({"eventSource": "aws:s3", "eventName": "ObjectCreated:Put"}), "[" * 100_000,
        of_sns(of_sns(of_sns(of_sns(notification(record()))))),
    ],
)  # fmt: skip
def test_what_is_no_notification_is_told(body):
    with pytest.raises(NotANoticeError):
        read(body)


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.sampled_from(["aws:s3", "aws.s3", "Object Created", "Notification"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["Records", "s3", "bucket", "name", "object", "key", "eventSource", "eventName", "Type", "Message",
                         "source", "detail-type", "detail", "Event"]), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_any_document_is_a_notice_or_none(document):
    try:
        notice = read(json.dumps(document))
    except NotANoticeError:
        return
    assert all(bucket and key for bucket, key in notice.created)
