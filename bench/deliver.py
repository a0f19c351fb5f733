"""`python bench/deliver.py`: records into destinations, by way of the spool; figures to bench/results/deliver.md.

What is measured is a whole delivery: `put` of each batch (on disk before it returns), sealing, sending, acknowledging. S3,
CloudWatch Logs and Firehose are a server on loopback, in a process of its own, that reads what it gets and says yes. Beside it,
what a script makes of the same batches without spool and limits: pyarrow's CSV writer and Python's gzip, pyarrow's Parquet,
boto3 record by record.
CPU seconds count (user and system of this process). VPCFLOW_BENCH_SCALE=0.1 makes everything smaller for a quick look.
"""

from __future__ import annotations

import gzip
import http.server
import io
import json
import multiprocessing
import os
import platform
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from vpcflow.aws import S3Access
from vpcflow.deliver.cloudwatch_logs import CloudWatchLogsDestination
from vpcflow.deliver.delivery import Delivery
from vpcflow.deliver.encode import messages
from vpcflow.deliver.firehose import FirehoseDestination
from vpcflow.deliver.folder import FolderDestination
from vpcflow.deliver.s3 import S3Destination
from vpcflow.deliver.spool import Spool
from vpcflow.record.format import DEFAULT
from vpcflow.vpc.flow_logs import DestinationOptions, FlowLog

SCALE = float(os.environ.get("VPCFLOW_BENCH_SCALE", "1"))
RECORDS = int(2_000_000 * SCALE)
EVENTS = int(300_000 * SCALE)
BATCH = 50_000
NOW = int(time.time())


class Yes(http.server.BaseHTTPRequestHandler):
    """Reads everything and agrees."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # else Nagle's algorithm and delayed acknowledgements make it 40 ms an answer

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        body = b"" if self.command == "PUT" else b"{}"  # S3 has no JSON
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    do_PUT = do_POST = answer  # noqa: N815 - the names it looks for

    def handle_expect_100(self):
        """Say so at once."""
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def log_message(self, *_):
        pass


def serve(port):
    """Serve, and tell on which port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Yes)
    port.send(server.server_port)
    server.serve_forever()


def batches(records: int) -> list[pa.RecordBatch]:
    """Return records of 200 interfaces over ten minutes, addresses as skewed as in a real VPC."""
    chance = np.random.default_rng(1)
    found = []
    for begin in range(0, records, BATCH):
        count = min(BATCH, records - begin)
        address = (60_000 * chance.random(count) ** 3).astype(np.int64)
        words = pa.array([f"10.{n >> 8 & 255}.{n & 255}.{n % 251}" for n in range(60_000)])
        start = np.sort(chance.integers(NOW - 3600, NOW - 3000, count))
        columns = {
            "version": pa.array(np.full(count, 2, np.int32)),
            "account_id": pa.array(["123456789012"]).take(pa.array(np.zeros(count, np.int32))),
            "interface_id": pa.array([f"eni-{n:017x}" for n in range(200)]).take(
                pa.array(chance.integers(0, 200, count))
            ),
            "srcaddr": words.take(pa.array(address)),
            "dstaddr": words.take(pa.array(chance.integers(0, 60_000, count))),
            "srcport": pa.array(chance.integers(1024, 65536, count).astype(np.int32)),
            "dstport": pa.array(chance.choice([22, 53, 80, 443], count).astype(np.int32)),
            "protocol": pa.array(chance.choice([6, 17], count).astype(np.int32)),
            "packets": pa.array(chance.integers(1, 1000, count)),
            "bytes": pa.array(chance.integers(40, 1_000_000, count)),
            "start": pa.array(start),
            "end": pa.array(start + 50),
            "action": pa.array(["ACCEPT", "REJECT"]).take(pa.array(chance.integers(0, 2, count))),
            "log_status": pa.array(["OK"]).take(pa.array(np.zeros(count, np.int32))),
        }
        columns = {k: v.dictionary_encode() if pa.types.is_string(v.type) else v for k, v in columns.items()}
        found.append(pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns)))
    return found


def flow_log(kind: str, to: str, file_format="plain-text") -> FlowLog:
    """Return a flow log of the default format."""
    options = DestinationOptions(file_format=file_format)
    return FlowLog(
        "fl-0123456789abcdef0",
        "VPC",
        "vpc-1",
        "123456789012",
        "us-east-1",
        log_destination_type=kind,
        log_destination=to,
        options=options,
    )


def measured(work) -> tuple[float, float, int]:
    """Return CPU s, wall s and whatever number *work* gives."""
    cpu, wall = os.times(), time.perf_counter()
    number = work()
    after = os.times()
    return after.user + after.system - cpu.user - cpu.system, time.perf_counter() - wall, number


def delivered(flow, destination, given):
    """Return the work of delivering *given*."""

    def work() -> int:
        with tempfile.TemporaryDirectory() as folder:
            delivery = Delivery(flow, destination, Spool(Path(folder), max_bytes=4 << 30))
            for batch in given:
                delivery.put(batch)
            assert delivery.close(600), delivery.status()
            assert not delivery.counts.rejected
            return delivery.counts.accepted

    return work


def main() -> None:
    """Measure everything, write the page."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ[name] = "bench"
    os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("fork").Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{ours.recv()}"
    many, few = batches(RECORDS), batches(EVENTS)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)

        def spooled() -> int:
            spool = Spool(place / "spool", max_bytes=4 << 30)
            for batch in many:
                spool.append(batch)
            spool.close()
            return RECORDS

        def script_text() -> int:
            options = pa_csv.WriteOptions(include_header=False, delimiter=" ", quoting_style="none")
            with gzip.open(place / "script.log.gz", "wb", compresslevel=6) as out:
                for batch in many:
                    buffer = io.BytesIO()
                    pa_csv.write_csv(pa.Table.from_batches([batch]), buffer, options)
                    out.write(buffer.getvalue())
            return RECORDS

        def script_parquet() -> int:
            with pq.ParquetWriter(place / "script.parquet", many[0].schema, compression="gzip") as writer:
                for batch in many:
                    writer.write_batch(batch)
            return RECORDS

        def script_firehose() -> int:
            import boto3

            client, sent = boto3.client("firehose", endpoint_url=url), 0
            for message in messages(few[0], DEFAULT)[: EVENTS // 60]:
                client.put_record(DeliveryStreamName="x", Record={"Data": json.dumps({"message": message})})
                sent += 1
            return sent

        text, parquet = flow_log("folder", name), flow_log("folder", name, "parquet")
        bucket = flow_log("s3", "s3://bench")
        group, stream = flow_log("cloud-watch-logs", "/bench"), flow_log("kinesis-data-firehose", "bench")
        access = S3Access(endpoint_url=url)
        for what, work in (
            ("spool alone (synced)", spooled),
            ("folder, text.gz", delivered(text, FolderDestination(text), many)),
            ("— script: pyarrow CSV, gzip 6", script_text),
            ("folder, Parquet", delivered(parquet, FolderDestination(parquet), many)),
            ("— script: pyarrow Parquet, gzip", script_parquet),
            ("S3, text.gz", delivered(bucket, S3Destination(bucket, access), many)),
            ("CloudWatch Logs", delivered(group, CloudWatchLogsDestination(group, access, endpoint_url=url), few)),
            ("Firehose", delivered(stream, FirehoseDestination(stream, access, endpoint_url=url), few)),
            ("— script: boto3, PutRecord", script_firehose),
        ):
            cpu, wall, number = measured(work)
            rows.append(
                f"| {what} | {number:,} | {cpu:.2f} | {wall:.2f} | {number / cpu / 1000:,.0f} | {number / wall / 1000:,.0f} |"
            )
            print(rows[-1])
        sizes = {
            "text.gz": sum(path.stat().st_size for path in place.rglob("*_vpcflowlogs_*.log.gz")),
            "Parquet": sum(path.stat().st_size for path in place.rglob("*.log.parquet")),
            "script text.gz": (place / "script.log.gz").stat().st_size,
            "script Parquet": (place / "script.parquet").stat().st_size,
        }
    server.terminate()
    page = [
        f"# Delivery, {datetime.now(UTC):%Y-%m-%d}",
        "",
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, pyarrow {pa.__version__}.",
        "Default format; batches of 50,000 records of 200 interfaces; through the spool, but for the scripts.",
        "",
        "| what | records | CPU s | wall s | k records/s and core | k records/s |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
        "Bytes a record: " + ", ".join(f"{name} {size / RECORDS:.1f}" for name, size in sizes.items()) + ".",
        "",
    ]
    (Path(__file__).parent / "results" / "deliver.md").write_text("\n".join(page), encoding="utf-8")


if __name__ == "__main__":
    main()
