"""Flow logs of a lab's VPC: its keeper makes and delivers their records."""

from __future__ import annotations

import gzip
import json
from collections import Counter

import pytest

pytestmark = pytest.mark.slow


def test_flow_logs_of_the_lab_get_what_the_lake_has(lab_here, tmp_path):
    from lab.conftest import Shell  # noqa: PLC0415 - as the fixture has it

    shell = Shell(tmp_path / "lake")
    shell.run("lab", "up")
    try:
        made = [
            json.loads(shell.run("flow-logs", "create", *words, "--max-aggregation-interval", 60, "-o", "json")[0])[
                "FlowLogIds"
            ][0]
            for words in (
                ("--vpc", "lab", "--traffic-type", "ALL", "--log-destination", f"file://{tmp_path / 'all'}"),
                ("--vpc", "lab", "--traffic-type", "REJECT", "--log-destination", f"file://{tmp_path / 'refused'}"),
            )
        ]
        shell.run("lab", "traffic", "inbound-reject")
    finally:
        shell.run("lab", "down")
    found = {flow_log: Counter() for flow_log in made}
    for path in tmp_path.rglob("*.log.gz"):
        header, *lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        for line in lines:
            record = dict(zip(header.split(), line.split(), strict=True))
            if record["log-status"] == "OK":
                key = tuple(
                    record[name] for name in ("interface-id", "srcaddr", "dstaddr", "dstport", "protocol", "action")
                )
                found[next(one for one in made if one in path.name)][key] += int(record["packets"])
    known = Counter()
    for row in shell.records("log_status = OK"):
        names = ("interface_id", "srcaddr", "dstaddr", "dstport", "protocol", "action")
        known[tuple(str(row[name]) for name in names)] += row["packets"]
    every, refused = (found[one] for one in made)
    assert refused
    # The lab may have spoken before there were flow logs; not about what the scenario did.
    assert every <= known
    assert {key for key in known if key[5] == "REJECT"} == {key for key in every if key[5] == "REJECT"} == set(refused)
    shown = json.loads(shell.run("flow-logs", "describe", "-o", "json")[0])["FlowLogs"]
    assert [one["DeliverLogsStatus"] for one in shown] == ["SUCCESS", "SUCCESS"]
