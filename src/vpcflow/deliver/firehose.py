"""Amazon Data Firehose: each record is a JSON object of its own, without a newline.

Source: VPC User Guide "Publish flow logs to Amazon Data Firehose"; Firehose API Reference `PutRecordBatch` (limits, failures of
some records).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

from vpcflow.aws import client_of
from vpcflow.deliver.destination import Receipt
from vpcflow.deliver.encode import messages
from vpcflow.deliver.failure import DestinationUnavailableError, fault
from vpcflow.deliver.place import stream_place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vpcflow.aws import S3Access
    from vpcflow.deliver.destination import Unit
    from vpcflow.vpc.flow_logs import FlowLog

MAX_RECORDS: Final = 500
MAX_BYTES: Final = 4 << 20
MAX_RECORD: Final = 1_024_000

_TRIES: Final = 2
_ANSWER_S: Final = 20
_THROTTLED: Final = frozenset({"ServiceUnavailableException", "ThrottlingException", "LimitExceededException"})


class FirehoseDestination:
    """A delivery stream whose source is Direct PUT."""

    at_once = 4
    seal_every_s = 0
    unit_bytes = 8 << 20

    def __init__(self, flow_log: FlowLog, access: S3Access, *, endpoint_url: str | None = None) -> None:
        place = stream_place(flow_log.log_destination)
        self._flow_log, self._stream = flow_log, place.name
        self.uri = f"firehose:{place.name}"
        self._reached = partial(
            client_of,
            "firehose",
            access,
            source=self.uri,
            region=place.region,
            endpoint_url=endpoint_url or os.environ.get("AWS_ENDPOINT_URL"),
            tries=_TRIES,
            read_timeout=_ANSWER_S,
        )

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - boto3 makes its classes as it runs
        return self._reached()

    def shipments(self, unit: Unit) -> Iterator[_Records]:
        """Yield requests, in the order of *unit*."""
        self._client  # noqa: B018 - made once, before several threads want it
        held: list[bytes] = []
        size = 0
        for batch in unit.batches():
            for message in messages(batch, self._flow_log.log_format):
                record = json.dumps({"message": message}, ensure_ascii=False, separators=(",", ":")).encode()
                if held and (len(held) == MAX_RECORDS or size + len(record) > MAX_BYTES):
                    yield _Records(self, held)
                    held, size = [], 0
                held.append(record)
                size += len(record)
        if held:
            yield _Records(self, held)

    def put(self, records: Sequence[bytes]) -> list[str]:
        """Put records; return the error code of each, empty for those that were taken."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - boto3 is there by now

        try:
            answer = self._client.put_record_batch(
                DeliveryStreamName=self._stream, Records=[{"Data": record} for record in records]
            )
        except (BotoCoreError, ClientError) as error:
            raise fault(error, self.uri, "PutRecordBatch", endpoint=self._client.meta.endpoint_url) from error
        if not answer.get("FailedPutCount"):
            return [""] * len(records)
        codes = [str(said.get("ErrorCode") or "") for said in answer["RequestResponses"]]
        if all(codes):
            kind = "throttled" if _THROTTLED.issuperset(codes) else "refused"
            raise DestinationUnavailableError(
                f"deliver.{kind}", destination=self.uri, action="PutRecordBatch", answer=", ".join(sorted(set(codes)))
            )
        return codes

    def close(self) -> None:
        """Close connections."""
        if "_client" in self.__dict__:
            self._client.close()


class _Records:
    """One request."""

    def __init__(self, destination: FirehoseDestination, records: list[bytes]) -> None:
        self._destination, self._records = destination, records

    @property
    def digest(self) -> str:
        """Of all of its records."""
        return hashlib.sha256(b"\n".join(self._records)).hexdigest()

    @property
    def lane(self) -> str:
        """Firehose keeps no order."""
        return str(id(self))

    def send(self, left: Sequence[int] | None, *, again: bool) -> Receipt:
        """Put the records, or those that are left; what was not taken is left."""
        del again  # nobody can be asked what a stream has
        places = list(range(len(self._records)) if left is None else left)
        large = [place for place in places if len(self._records[place]) > MAX_RECORD]
        places = [place for place in places if len(self._records[place]) <= MAX_RECORD]
        rejected = +Counter(too_large=len(large))
        if not places:
            return Receipt(0, rejected)
        codes = self._destination.put([self._records[place] for place in places])
        failed = tuple(place for place, code in zip(places, codes, strict=True) if code)
        return Receipt(len(places) - len(failed), rejected, left=failed)

    def close(self) -> None:
        """Nothing is held."""
