"""A bucket whose events go to a queue, on a real server."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent / "examples"
FILES = sorted((EXAMPLES / "AWSLogs").rglob("*.gz"))


class Told:
    """A bucket, a queue, and the events of one in the other."""

    def __init__(self, server, *, notify: bool = True, sns: bool = False) -> None:
        self.server, self.sqs, self.s3 = server, server.client("sqs"), server.client()
        self.bucket = server.bucket()
        self.source = f"s3://{self.bucket}/AWSLogs"
        self.url = self.sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex[:12]}")["QueueUrl"]
        self.arn = self.attributes()["QueueArn"]
        if sns:
            topic = server.client("sns").create_topic(Name=f"t-{uuid.uuid4().hex[:12]}")["TopicArn"]
            server.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=self.arn)
            self._notify("TopicConfigurations", "TopicArn", topic)
        elif notify:
            self._notify("QueueConfigurations", "QueueArn", self.arn)

    def _notify(self, kind, name, arn):
        told = {kind: [{name: arn, "Events": ["s3:ObjectCreated:*"]}]}
        self.s3.put_bucket_notification_configuration(Bucket=self.bucket, NotificationConfiguration=told)

    def put(self, number: int, key: str | None = None) -> str:
        """Put the example file *number*; return its key."""
        path = FILES[number]
        key = key or str(path.relative_to(EXAMPLES))
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=path.read_bytes())
        return key

    def say(self, key: str, *, bucket: str | None = None) -> None:
        """Send the message of an object that was created."""
        told = {"bucket": {"name": bucket or self.bucket}, "object": {"key": key, "size": 1, "eTag": "0"}}
        record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": told}
        self.send(json.dumps({"Records": [record]}))

    def send(self, body: str) -> None:
        self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def attributes(self):
        return self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])["Attributes"]

    def left(self) -> int:
        """Return how many messages there are, seen or not."""
        found = self.attributes()
        return int(found["ApproximateNumberOfMessages"]) + int(found["ApproximateNumberOfMessagesNotVisible"])
