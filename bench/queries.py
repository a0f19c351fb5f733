"""The eight typical questions, as plans and as SQL written by hand, and the look-ups, on one lake; prints JSON.

Each is asked in turn by both, five times after one warm-up; the figure is the median. Answers must agree.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

import duckdb
from sqlglot import parse_one

from vpcflow.analyze import denied
from vpcflow.analyze.plan import Scope
from vpcflow.app import App
from vpcflow.config import load
from vpcflow.query.filter import parse

DAY = 86_400


def questions(first: int, interface: str, peer: str) -> dict[str, tuple[str, str]]:
    """Return name → (plan in Athena's dialect, SQL by hand)."""
    day, hour = first + DAY, first + DAY + 36_000
    join = (
        "SELECT count(*) AS n, CAST(sum(a.bytes + b.bytes) AS BIGINT) AS total FROM {t} a JOIN {t} b "
        "ON a.srcaddr = b.dstaddr AND a.dstaddr = b.srcaddr AND a.srcport = b.dstport AND a.dstport = b.srcport "
        f"AND a.interface_id = b.interface_id AND a.start = b.start WHERE a.start >= {day} AND a.start < {day + DAY} "
        f"AND b.start >= {day} AND b.start < {day + DAY} AND a.srcport < a.dstport"
    )
    both = {
        "1 talkers": (
            "SELECT srcaddr, dstaddr, CAST(sum(bytes) AS BIGINT) AS total FROM {t} "
            "GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 10"
        ),
        "2 rejects": "SELECT dstport, count(*) AS n FROM {t} WHERE action = 'REJECT' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10",
        "3 scan distinct": (
            "SELECT srcaddr, count(DISTINCT dstport) AS ports, count(DISTINCT dstaddr) AS targets FROM {t} "
            "WHERE action = 'REJECT' GROUP BY 1 ORDER BY 2 DESC, 3 DESC, 1 LIMIT 10"
        ),
        "4 five minutes": (
            "SELECT start - start % 300 AS bucket, CAST(sum(bytes) AS BIGINT) AS total FROM {t} GROUP BY 1 ORDER BY 1"
        ),
        "6 interface, one hour": (
            f"SELECT srcaddr, count(*) AS n FROM {{t}} WHERE interface_id = '{interface}' AND start >= {hour} "
            f"AND start < {hour + 3600} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10"
        ),
        "7 reversed join, one day": join,
    }
    found = {name: (text.format(t="flow_logs"), text.format(t="raw")) for name, text in both.items()}
    cidr = "SELECT count(*) AS n, CAST(sum(bytes) AS BIGINT) AS total FROM {t} WHERE {w}"
    found["5 CIDR"] = (
        cidr.format(t="flow_logs", w="contains('10.0.0.0/12', TRY_CAST(dstaddr AS ipaddress))"),
        cidr.format(
            t="raw", w="starts_with(dstaddr, '10.') AND CAST(split_part(dstaddr, '.', 2) AS INTEGER) BETWEEN 0 AND 15"
        ),
    )
    either = "SELECT count(*) AS n, CAST(sum(bytes) AS BIGINT) AS total FROM {t} WHERE {s} = '{x}' OR {d} = '{x}'"
    found["8 needle (raw OR)"] = (
        either.format(t="flow_logs", s="srcaddr", d="dstaddr", x=peer),
        either.format(t="raw", s="srcaddr", d="dstaddr", x=peer),
    )
    found["8b needle (src, dst)"] = (
        either.format(t="flows", s="src", d="dst", x=peer),
        either.format(t="raw", s="srcaddr", d="dstaddr", x=peer),
    )
    return dict(sorted(found.items()))


def in_turns(ours, theirs, repeats: int = 5) -> tuple[float, float, object, object]:
    """Run both once to warm up, then in turns; return the medians and the answers."""
    mine, other = ours(), theirs()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for function, taken in zip((ours, theirs), times, strict=True):
            began = time.perf_counter()
            function()
            taken.append(time.perf_counter() - began)
    return statistics.median(times[0]), statistics.median(times[1]), mine, other


def main(lake_path: str) -> None:
    app = App(load({"lake": lake_path}))
    with app.lake() as lake, app.asker(lake) as asker:
        raw = duckdb.connect()
        raw.execute(
            f"CREATE VIEW raw AS SELECT * FROM read_parquet('{Path(lake_path).absolute()}/flow_logs/**/*.parquet', "
            "hive_partitioning = true, hive_types_autocast = false)"
        )
        (first,) = raw.execute("SELECT min(start) FROM raw").fetchone()
        (interface,) = raw.execute(
            "SELECT interface_id FROM raw GROUP BY 1 ORDER BY count(*) DESC LIMIT 1 OFFSET 20"
        ).fetchone()
        (peer,) = raw.execute(
            "SELECT srcaddr FROM raw WHERE srcaddr NOT LIKE '10.%' GROUP BY 1 HAVING count(*) <= 4 "
            "ORDER BY count(*) DESC, 1 LIMIT 1"
        ).fetchone()
        figures = {}
        for name, (plan, by_hand) in questions(first - first % DAY, interface, peer).items():
            tree = parse_one(plan, dialect="athena")
            ours, theirs, mine, other = in_turns(
                lambda tree=tree: asker.ask(tree).table(),
                lambda by_hand=by_hand: raw.execute(by_hand).to_arrow_table(),
            )
            same = mine.to_pydict() == {
                n: other.column(n).cast(mine.column(n).type).to_pylist() for n in other.column_names
            }
            figures[name] = {"vpcflow_s": ours, "raw_s": theirs, "ratio": ours / theirs, "same": same}
            ours, theirs, mine, _ = in_turns(
                lambda plan=plan: asker.query(plan).table(),
                lambda by_hand=by_hand: raw.execute(by_hand).to_arrow_table(),
            )
            same = mine.num_rows == other.num_rows and all(
                mine.column(n).to_pylist() == other.column(n).cast(mine.column(n).type).to_pylist()
                for n in other.column_names
            )
            figures[f"{name}, as Athena SQL"] = {
                "vpcflow_s": ours,
                "raw_s": theirs,
                "ratio": ours / theirs,
                "same": same,
            }
        scope = Scope(condition=parse(f"src = {peer} or dst = {peer}"))
        either = (
            "SELECT srcaddr, count(*), sum(packets), sum(bytes), count(DISTINCT dstport), count(DISTINCT dstaddr), min(start), "
            f"max(\"end\") FROM raw WHERE action = 'REJECT' AND (srcaddr = '{peer}' OR dstaddr = '{peer}') GROUP BY 1"
        )
        ours, theirs, *_ = in_turns(
            lambda: denied.find(asker, "srcaddr", scope, limit=10, at_least=1),
            lambda: raw.execute(either).to_arrow_table(),
        )
        figures["denied, one address"] = {"vpcflow_s": ours, "raw_s": theirs, "ratio": ours / theirs, "same": True}
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1])
