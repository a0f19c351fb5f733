"""What queries answer, as files; and where a plain evaluation knows the commands, that it answers the same."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from query.insights_golden import FOLDER, REWRITE, cases, squeezed
from query.insights_plain import DASH, Time, answer
from query.insights_table import NOW, Table, drawn, milliseconds
from query.test_insights_random import same
from vpcflow.app import App, Reading, Wanted
from vpcflow.app.insights import insights
from vpcflow.config import load
from vpcflow.errors import QueryError
from vpcflow.i18n import t
from vpcflow.query.insights.ask import Question
from vpcflow.query.insights.records import Range
from vpcflow.record.fields import FIELDS

CASES = cases()


@pytest.fixture(scope="module")
def table():
    table = Table()
    yield table
    table.close()


@pytest.fixture(scope="module")
def lakes(tmp_path_factory):
    """Lakes of the files in records/, made when they are asked for."""
    root, made = tmp_path_factory.mktemp("golden"), {}

    def lake(name):
        if name not in made:
            app = App(load({"lake": str(root / name)}, {}))
            with app.lake(create=True) as opened:
                done = app.ingest(opened, [str(FOLDER / "records" / f"{name}.txt")], Wanted(), Reading())
                assert not done.progress.failed
            made[name] = app
        return made[name]

    return lake


def asked(case, table, lakes):
    """Return what a case answers now: output or error, and notes."""
    try:
        if case.input:
            app = lakes(case.input)
            with app.lake() as lake, insights(app, lake) as asker:
                rows = asker.ask(Question(case.query, Range(), NOW))
        else:
            rows = table.ask(case.query, case.known[""], {n: e for n, e in case.known.items() if n}, case.tables)
    except QueryError as error:
        return None, f"{error}\n[{error.start}, {error.end})", ""
    return drawn(rows), None, "\n".join(t(note.key, **note.values) for note in rows.notes)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.path.relative_to(FOLDER).with_suffix("")))
def test_a_query_answers_what_its_file_says(case, table, lakes):
    output, error, notes = asked(case, table, lakes)
    if REWRITE:
        case.output, case.error, case.notes = output, error, notes
        case.write()
        return
    if case.error is not None:
        assert squeezed(error or str(output)) == squeezed(case.error)
        return
    assert error is None, error
    assert squeezed(output) == squeezed(case.output)
    assert squeezed(notes) == squeezed(case.notes)


PLAIN = [case for case in CASES if case.error is None and case.plain]


def flow_events(name):
    """Return the records of a file as a plain evaluation sees them."""
    head, *lines = (FOLDER / "records" / f"{name}.txt").read_text().splitlines()
    found = []
    for line in lines:
        row = dict(zip(head.split(), line.split(), strict=True))
        event = {"@timestamp": Time(int(row["start"]) * 1000), "@message": line}
        for key, value in row.items():
            known = FIELDS[key]
            text = known.type == "string"
            # Tags are percent-encoded in lines alone.
            event[known.insights] = unquote(value) if text else DASH if value == "-" else int(value)
        event |= {"start": event["startTime"], "end": event["endTime"], "@logStream": f"{row['interface-id']}-all"}
        found.append(event)
    return found


def timed(events):
    """Return events with their times as `insights_table` gives them."""
    return [
        event
        | {
            "@timestamp": Time(
                milliseconds(event["@timestamp"]) if "@timestamp" in event else 1000 * (len(events) - place + 1)
            )
        }
        for place, event in enumerate(events)
    ]


def test_every_case_says_what_comes_out():
    assert len(CASES) >= 200
    for case in CASES:
        assert (case.output is None) != (case.error is None), case.path


@pytest.mark.parametrize("case", PLAIN, ids=lambda case: str(case.path.relative_to(FOLDER).with_suffix("")))
def test_a_plain_evaluation_says_the_same(case):
    known = {name: timed(events) for name, events in case.known.items()}
    if case.input:
        known = {"": flow_events(case.input)}
    columns, rows = answer(case.query, known[""], {n: e for n, e in known.items() if n})
    plain = squeezed("\n".join([" | ".join(columns), *(" | ".join(value or "" for value in row) for row in rows)]))
    for mine, line in zip(plain.split("\n"), squeezed(case.output).split("\n"), strict=True):
        cells = zip(mine.split(" | "), line.split(" | "), strict=True)
        assert mine == line or all(same(*pair) for pair in cells), (mine, line)
