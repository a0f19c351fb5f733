"""Print the reference pages from the registries: `make docs`. Whoever edits a page by hand loses the edit."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sqlite3
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Final, get_args

import click

from vpcflow import config as settings
from vpcflow import i18n
from vpcflow.cli import render
from vpcflow.cli.main import root
from vpcflow.config import SETTINGS
from vpcflow.errors import VpcFlowError
from vpcflow.i18n import t
from vpcflow.lake import compaction, datafile, ledger, partition
from vpcflow.query import filter as filters
from vpcflow.query.athena.functions import registry
from vpcflow.query.athena.saved import PREDEFINED
from vpcflow.query.filter import MAX_LENGTH
from vpcflow.query.insights import commands as insights_commands
from vpcflow.query.insights import functions as insights_functions
from vpcflow.query.insights import periods
from vpcflow.query.schema import FLOWS, columns_of
from vpcflow.record import kind, write
from vpcflow.record.fields import TABLES, TGW_FIELDS, VPC_FIELDS, Field
from vpcflow.record.format import TGW_DEFAULT, VERSIONS
from vpcflow.record.numbers import PROTOCOLS
from vpcflow.record.schema import EVENT_COLUMNS, HIDDEN, LOG_EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

HERE: Final = Path(__file__).parent
SOURCE: Final = HERE.parent / "src" / "vpcflow"
NOTE: Final = "<!-- Printed by docs/print_reference.py (make docs); edit the registries instead. -->"
WIDTH: Final = 100

READS: Final = {
    "text": "Lines with a header: S3 text, any field order, headers repeated, runs of spaces, CRLF. "
    "Without a header: the default formats by their values, any other with `--format`.",
    "export": "A CloudWatch Logs export: each line begins with an ISO time.",
    "json": "JSON of CloudWatch Logs or Firehose: subscription envelopes, `filter-log-events` and `get-log-events` "
    'output, Firehose requests, `{"message": …}` streams, one after another, with or without newlines.',
    "base64": "The same JSON, gzip'd and base64-encoded, as a subscription hands it on.",
    "csv": "A table with a line of column names.",
    "parquet": "Parquet as AWS writes it, or as anybody did: hyphens in names, wrong types, `None` for nothing.",
    "arrow": "An Arrow IPC stream.",
    "empty": "Nothing: no records, no error.",
}
"""What each kind of `record.kind` means."""

WRITES: Final = {
    "table": "for people: a few columns of each record, aligned (on a terminal this is the default)",
    "wide": "for people: all columns that have data",
    "text": "records: AWS's lines with a header; rankings: tab-separated with a header (the default into a pipe)",
    "json": "one array; AWS's column names, numbers as numbers, `null` for `-`",
    "jsonl": "one JSON object a line",
    "csv": "with a header; values that a spreadsheet would compute get a `'` in front",
    "parquet": "AWS's column names and types",
    "arrow": "an Arrow IPC stream",
}
"""What each kind of `cli.render` means."""

FILTERS: Final = {
    "action = REJECT and dstport in (22, 3389)": "refused SSH and RDP",
    "srcaddr = 10.0.0.0/8 and not action = ACCEPT": 'from a network; a CIDR after `=` means "lies in"',
    "src = 203.0.113.66 or dst = 203.0.113.66": "all records of one address, as the packet had it",
    "srcport = dstport": "two fields compared",
    "protocol = udp and bytes > 1000000": "protocols by number or by name",
    "start >= 2026-11-16T09:00:00Z and start < 1794823200": "times as ISO or as epoch seconds; without a zone, UTC",
    "interface-id like 'eni-0a%'": "`%` stands for any text, `_` for one character",
    "pkt-src-aws-service is not null": "records that have the field",
    "action = -": "the same as `action is null`: NODATA and SKIPDATA records",
    "log-status != OK -- what is missing": "a comment ends the line",
    "(tcpFlags = 2 or tcp_flags = 18) and aws_region = 'us-east-1'": "any of AWS's spellings of a name",
}
"""Examples of the filter language; tests parse them."""

EVENT_MEANINGS: Final = {
    "log_group": "the name they are kept under",
    "log_stream": "the one given, else the one its source tells, else the source's own name",
    "timestamp": "when it happened, ms since the epoch",
    "ingestion_time": "when CloudWatch Logs got it, else when it was ingested, ms since the epoch",
    "message": "the event as it was written",
}
"""What each column of `log_events` is."""

TABLE_MEANINGS: Final = {
    "meta": "counters: the next source id, the last commit",
    "sources": "one row a source: what was read, what was bad, what was lost",
    "files": "one row a file of a table, with its partition, its counts and its spans of time",
    "file_sources": "how many rows of which source a file holds",
    "supersedes": "which file takes the place of which, until the new one is visible",
    "looks": "when a source that may still grow was last read; made when the first such source comes",
    "dead_rows": "files that still hold rows of a replaced source; questions leave these rows out",
}
"""What each table of the ledger is for."""


def pages() -> dict[str, str]:
    """Return each page's text by its file name."""
    before = i18n.chosen()
    i18n.choose("en")
    try:
        return {f"{name}.md": f"{NOTE}\n\n{printed().rstrip()}\n" for name, printed in _PAGES.items()}
    finally:
        i18n.choose(before)


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    lines = [list(head), ["---"] * len(list(head)), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ") or " "


def _fenced(text: str, language: str = "text") -> str:
    return f"```{language}\n{textwrap.dedent(text).rstrip()}\n```"


def _fields() -> str:
    head = ["field", "column", "Insights", "type", "version", "meaning"]
    return f"""# Fields

Every field of a flow log record, as `vpcflow fields` lists them. The field's name is AWS's; the column is its name in
Parquet and SQL; the Insights name is the one that CloudWatch Logs Insights discovers. Commands and filters take any of the
three. A `-` in AWS's text is null here.

## VPC flow logs

{_table(head, map(_field_row, VPC_FIELDS))}

## Transit gateway flow logs

{_table(head, map(_field_row, TGW_FIELDS))}

## Protocols that have a name

{", ".join(f"{number} {name}" for number, name in PROTOCOLS.items())}. Any other is shown by its number.
"""


def _field_row(field: Field) -> list[object]:
    names = [f"`{field.name}`", f"`{field.column}`", f"`{field.insights}`"]
    return [*names, field.type, field.version, t(f"field.{field.column}")]


def _formats() -> str:
    versions = "\n\n".join(
        f"### Version {version}: {len(log_format.names)} fields\n\n{_fenced(str(log_format))}"
        for version, log_format in VERSIONS.items()
    )
    reads = [(f"`{name}`", READS[name]) for name in get_args(kind.Name)]
    writes = [(f"`{name}`", WRITES[name]) for name in render.KINDS]
    return f"""# Formats

## What is read

The kind is told by the content, never by the name. gzip (of any number of members) and zstd are undone first, one inside
another too. What is none of these is refused, with the way on.

{_table(["kind", "what it is"], reads)}

## What is written

`-o` chooses. All but `table` and `wide` are for machines: they are never translated, and {_list(get_args(write.Written))} are
read back.

{_table(["kind", "what it is"], writes)}

## Log formats

A log format names fields in their order, as AWS's API writes it. Version 2 is the default format. `vpcflow generate --version
N` writes all fields up to version N in this order; a real flow log may have any of them in any order, and its header tells.

{versions}

### Transit gateway: {len(TGW_DEFAULT.names)} fields, version 6

{_fenced(str(TGW_DEFAULT))}
"""


def _names(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _list(words: Iterable[str]) -> str:
    *first, last = (f"`{word}`" for word in words)
    return f"{', '.join(first)} and {last}"


def _filter() -> str:
    grammar = re.search(r"\n( {4}expression .*?)\n\n", str(filters.__doc__), re.DOTALL)
    if grammar is None:
        raise LookupError("the grammar in query/filter.py")
    derived = {name: kind_ for name, kind_ in columns_of("flows").items() if name not in _registry("flow_logs")}
    kinds = {
        "address": "an IPv4 or IPv6 address, or a CIDR with `=` `!=` `in`",
        "number": "a whole number; `protocol` takes names too",
        "time": "epoch seconds, or an ISO time (UTC where it has no zone)",
        "timestamp": "an ISO time",
        "date": "a date, `2026-11-16`",
        "text": "a bare word, or text in quotes",
    }
    return f"""# Filters

One language for `-f` everywhere. Several `-f` must all hold.

{_table(["filter", "what it finds"], [(f"`{text}`", meaning) for text, meaning in FILTERS.items()])}

## Grammar

{_fenced(grammar.group(1))}

Words of the language and names of fields may be in capitals or not. A filter has {MAX_LENGTH:,} characters at the most.

## Values

{_table(["kind of field", "what it is compared with"], kinds.items())}

`-` as a value means "no value": `c = -` is `c is null`. Otherwise a record without a value matches neither a comparison nor its
negation, as in SQL.

## Names beside the fields

{_table(["name", "kind", "meaning"], [(f"`{name}`", kind_, DERIVED[name]) for name, kind_ in derived.items()])}

An unknown name is an error that underlines its place and suggests the near one.
"""


DERIVED: Final = {
    "src": "`pkt-srcaddr` where the record has one, else `srcaddr`",
    "dst": "`pkt-dstaddr` where the record has one, else `dstaddr`",
    "start_time": "`start` as a timestamp, UTC",
    "end_time": "`end` as a timestamp, UTC",
    "protocol_name": "`protocol` as a name",
    "date": "the day of the record, UTC",
    "aws_account_id": "account of the object's key, else of the record",
    "aws_region": "AWS Region of the object's key, else of the record",
    "year": "of the record's hour, UTC: four digits",
    "month": "two digits",
    "day": "two digits",
    "hour": "two digits",
    "x_layer": "who refused, in records of a [lab](../how-to/lab.md): `security-group` or `network-acl`",
    "x_rule": "number of the network ACL's rule that decided there; 32767 is `*`",
}
"""Columns that questions see beside AWS's fields."""


def _registry(table: str) -> set[str]:
    return {field.column for field in TABLES[table]}


def _cli() -> str:
    parts = [f"## {path}\n\n{_fenced(text)}" for path, text in _helps(root, _context(root, "vpcflow"))]
    codes = [
        (0, "well"), (1, "nothing found, with `--exit-code`"), (2, "the call is wrong"), (3, "a setting or a privilege"),
        (4, "a record or a question"), (5, "a source or a service"), (130, "interrupted"),
    ]  # fmt: skip
    return f"""# Commands

Data goes to stdout; progress, notes and errors go to stderr. `-h` works everywhere.

{chr(10).join(["", *(part + chr(10) for part in parts)])}
## Exit codes

{_table(["code", "meaning"], codes)}
"""


def _helps(command: click.Command, ctx: click.Context) -> Iterator[tuple[str, str]]:
    ctx.terminal_width = WIDTH
    yield ctx.command_path, command.get_help(ctx)
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            if inner is not None:
                yield from _helps(inner, _context(inner, name, ctx))


def _context(command: click.Command, name: str, parent: click.Context | None = None) -> click.Context:
    return click.Context(command, info_name=name, parent=parent, **command.context_settings)


def _config() -> str:
    rows = [
        (f"`{setting.key}`", f"`{setting.variable}`", f"`{setting.default}`" if setting.default else " ",
         t(f"config.{setting.key}"))
        for setting in SETTINGS.values()
    ]  # fmt: skip
    places = [f"`{path}`" for path in settings.files({"HOME": "/~"})]
    return f"""# Settings

A flag beats the environment, the environment beats `./{settings.FILE}`, that beats the user's file, that beats the default.
`vpcflow config show` tells each value and where it comes from; `vpcflow config check` checks them all.

{_table(["setting", "environment", "default", "meaning"], rows)}

The flag is the setting's name with hyphens, on each command that uses it. Sizes are written `512MB`, `1.5GiB`. The files, the
strongest first: {", ".join(places).replace("/~/", "~/")} (`$XDG_CONFIG_HOME` is obeyed). They are TOML:

```toml
lake = "/srv/flow"
memory = "4GB"
```

Without a `memory` setting, ingest stays within the default and a question may take 4 GiB; with one, a question may take 60 % of
it. S3 takes everything else (credentials, region, endpoint) from where the AWS CLI takes it. `NO_COLOR`, `LC_ALL` and `LANG` are
obeyed.
"""


def _lake() -> str:
    layout = re.search(r"\n( {4}<lake>/_vpcflow.*?)\n\n", str(_lake_doc()), re.DOTALL)
    if layout is None:
        raise LookupError("the layout in lake/lake.py")
    hidden = [
        ("`x_source`", HIDDEN["x_source"], "the ledger's id of the source the row came from"),
        ("`x_event_time`", HIDDEN["x_event_time"], "time of the log event, or of the object's key, ms since the epoch"),
        ("`x_extra`", HIDDEN["x_extra"], "fields that no registry has, by name"),
    ]
    tables_told = [(f"`{base}`", len(TABLES[base]), f"`{name}`") for name, base in FLOWS.items()]
    tables = "\n\n".join(
        f"### {name}\n\n{TABLE_MEANINGS[name][0].upper()}{TABLE_MEANINGS[name][1:]}.\n\n{_table(['column', 'type'], columns)}"
        for name, columns in _ledger_tables().items()
    )
    times = {LOG_EVENTS: "timestamp"}
    keys = "\n".join(
        f"* `{table}`: {_names((*keys, times.get(table, 'start')))}" for table, keys in datafile.SORT_KEYS.items()
    )
    events = [(f"`{name}`", EVENT_COLUMNS[name], meaning) for name, meaning in EVENT_MEANINGS.items()]
    blooms = _names(datafile._BLOOM)  # noqa: SLF001 - the page tells what is written
    return f"""# The lake on disk

{_fenced(layout.group(1))}

Parquet files, in folders that Hive, Athena, Trino and Spark know. Names that begin with `_` are left out by them.

* Partition keys, all text, zero-padded: {_list(partition.KEYS)}.
  The hour is that of `start`, UTC; without a `start` the event's time; without that the time in the object's key; without any
  `__HIVE_DEFAULT_PARTITION__`. An account or a region that is none is `unknown`.
* Columns: AWS's Parquet names and types ([fields](fields.md)). A column that no record of a file has is absent from it.
* zstd, row groups of {datafile.ROW_GROUP:,} rows, bloom filters on {blooms}, deltas for times.
* An hour is closed {compaction.LATENESS_H} hours after its end; then its files become one, of
  {compaction.MAX_BYTES >> 20} MiB at the most.

Sorted inside a file by:

{keys}

## Columns beside AWS's

{_table(["column", "type", "meaning"], hidden)}

## Tables

{_table(["table", "fields", "with derived columns"], tables_told)}

`log_events` holds the events of log groups that have no flow logs:

{_table(["column", "type", "meaning"], events)}

## The ledger

`_vpcflow/ledger.sqlite`, schema version {ledger.SCHEMA_VERSION}.
It is the truth: a file that it does not list does not exist. Read it, do not write it.

{tables}
"""


def _lake_doc() -> str | None:
    from vpcflow.lake import lake  # noqa: PLC0415 - the module, not the page

    return lake.__doc__


def _ledger_tables() -> dict[str, list[tuple[str, str]]]:
    db = sqlite3.connect(":memory:")
    try:
        db.executescript(f"{ledger._SCHEMA}{ledger._LOOKS}")  # noqa: SLF001 - the page tells the schema
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid")]
        return {name: [(f"`{row[1]}`", row[2]) for row in db.execute(f"PRAGMA table_info({name})")] for name in names}
    finally:
        db.close()


def _errors() -> str:
    texts = i18n.catalogue("en")
    codes = [key.removeprefix("error.") for key in texts if key.startswith("error.") and not key.endswith(".hint")]
    exits = _exit_codes()
    rows = [
        (
            f"`{code}`",
            _exit_code(code, exits),
            _shown(texts[f"error.{code}"]),
            _shown(texts.get(f"error.{code}.hint", "")),
        )
        for code in codes
        if code != "label"
    ]
    return f"""# Errors

An error says what happened, where, and what to do next. Its code stays the same in every language. The exit codes are those of
[the commands](cli.md#exit-codes).

{_table(["code", "exit", "what happened", "what to do"], rows)}
"""


def _shown(text: str) -> str:
    return text.replace("{{", "{").replace("}}", "}").replace("<", "&lt;").replace("*", "\\*")


def _athena() -> str:
    rows = []
    for name in registry.names():
        overloads = registry.functions().get(name, ())
        forms = [f"`{one.signature}` → {one.result_shown}" for one in overloads if one.kind != "internal"]
        rows.append([f"`{name}`", "<br>".join(forms) or f"`{name}(…)`"])
    saved = "\n\n".join(f"### {name}\n\n{_fenced(text, 'sql')}" for name, text in PREDEFINED.items())
    return f"""# Athena SQL

`vpcflow query` takes what Amazon Athena's engine version 3 (Trino) takes, with Trino's types and answers: one SELECT, WITH,
VALUES, TABLE or EXPLAIN. What is not in this list is refused by name; nothing is answered in another way without saying so.

## Functions

Types are Trino's. A capital letter stands for any type, `local` for a date or timestamp, `T->U` for a lambda.

{_table(["function", "takes and gives"], rows)}

## What differs from Trino

* A text literal is `varchar`, not `varchar(n)`.
* `approx_distinct` counts exactly; `approx_percentile` gives a value that is there, and takes shares as numbers written out.
* Patterns of `date_format`, `date_parse`, `format_datetime` and `format`, and time zones, are written as text in the query.
* A zone belongs to an expression, not to each value: `from_iso8601_timestamp` refuses text of another zone than UTC.
* Regular expressions are RE2's: no look-around, no back references.
* `upper('ß')` is `ẞ`.
* Not there: TABLESAMPLE, MATCH_RECOGNIZE, NATURAL JOIN, GROUP BY ALL, PREPARE, `map_filter`, `transform_values`, `zip_with`,
  `multimap_agg`, `max_by(x, y, n)`, `U&'…'`.

## Predefined queries

`vpcflow query --saved NAME` runs a query of the VPC console's template.

{saved}
"""


FAMILIES: Final = {
    "number": "Numbers",
    "time": "Times",
    "general": "Any values",
    "document": "JSON",
    "address": "Addresses",
    "words": "Texts",
    "encoding": "Encodings and digests",
    "aggregate": "Aggregates, in stats",
}
"""What the families of `query.insights.functions` are called."""


def _insights() -> str:
    commands = insights_commands.all_commands().values()
    parts = [INSIGHTS, "## Commands\n", ", ".join(f"[`{one.name}`](#{one.name.lower()})" for one in commands)]
    for one in commands:
        known = f" Also: {', '.join(f'`{name}`' for name in one.aliases)}." if one.aliases else ""
        parts += [f"### {one.name}", _fenced("\n".join(one.syntax)), textwrap.fill(one.text + known, WIDTH)]
        for example in one.examples[:2]:
            parts.append(_fenced(f"{example.query}\n\n{example.output}"))
    parts.append("## Functions\n\nNames are taken in any case. What is missing gives nothing unless said otherwise.")
    for family, functions in insights_functions.families().items():
        parts.append(f"### {FAMILIES[family]}")
        rows = []
        for function in functions:
            also = f" Also `{', '.join(function.aliases)}`." if function.aliases else ""
            call, gives = function.examples[0]
            rows.append(
                (f"`{function.shown}`", function.text + also, f"`{call}` → {f'`{gives}`' if gives else 'nothing'}")
            )
        parts.append(_table(("function", "what it gives", "example"), rows))
    units = [
        (unit, ", ".join(f"`{word}`" for word in spelled), periods.CAPS.get(unit, "–"))
        for unit, spelled in periods.SPELLINGS.items()
    ]
    parts += [
        "## Periods",
        "A number and a unit, as in `5m`; words longer than a letter may end in s. Above the cap, the cap counts.",
        _table(("unit", "spellings", "cap"), units),
        INSIGHTS_END,
    ]
    return "\n\n".join(parts)


INSIGHTS: Final = """# CloudWatch Logs Insights QL

`vpcflow insights QUERY` answers queries of CloudWatch Logs Insights on the lake, or on files with `--from`.
Nothing outside AWS is asked. A query is commands with `|` between them; `#` begins a comment; `--since` and
`--until` say which time is meant, `--log-group` (or `SOURCE`) which log groups: all flow logs unless one is
named.

## Fields

A flow log's fields go by Insights' names: `srcAddr`, `dstPort`, `logStatus`, `pktSrcAddr` … `start` and
`startTime` are one, and so are `end` and `endTime`. AWS's other spellings are taken too (`srcaddr`, ``
`pkt-srcaddr` ``, `pkt_srcaddr`). Every field of a custom format is there, `-` where the line has it in a text;
a number that is `-` is missing. [Fields](fields.md) lists all.

| field | what it is |
| --- | --- |
| `@timestamp` | the record's start |
| `@message` | its line as its flow log wrote it, in that flow log's order of fields |
| `@ingestionTime` | when it came into the lake |
| `@logStream` | the log stream it came from, else its interface and `-all` |
| `@log` | account and log group: `123456789012:flow_logs` for records that came without one |
| `@ptr` | what finds the record again; `-o json` adds it to each event |
| `@aws.account` `@aws.region` `@data_source_name` `@data_source_type` | where it was captured; `amazon_vpc` and `flow` |

A field that no record has is missing everywhere, and a note names the near one; `--strict` refuses it. Names
with other characters than letters, digits, `_`, `@` and dots stand in backticks.

## Values

Every value is a text that acts as a number where it looks like one. `=` and the like compare numbers with
numbers and with texts that act as such; a number and any other text are unequal and in no order; texts compare
by code points. Whatever is compared with a missing value is not true. Arithmetic is `+ - * / % ^`; whole
numbers stay exact; division by zero gives nothing. Results are texts: numbers without needless digits, times as
`2026-11-24 02:15:00.000` (UTC), conditions as 1 and 0, maps and lists as JSON. `-o parquet` and `arrow` have
types."""

INSIGHTS_END: Final = """## Errors

What is malformed is refused as `MalformedQueryException`, with the place underlined and the near name. A
command that is not known is an error; none is ever skipped. Regular expressions are RE2's: no look-around, no
back-references, and none takes longer than its text is long.

## Where AWS says nothing

These are choices, each behind one function: what is missing sorts last; `sort` is ascending unless it says
`desc`; groups come by bin, then by the other groups; a percentile is the value at its rank; `stddev` is of all
values; a `fields` after `stats` shows what it mentions."""


def _exit_codes() -> dict[str, int]:
    """Return the exit code of each error code that the program raises by its name."""
    # A class that no import has made is not among the subclasses.
    for module in pkgutil.walk_packages([str(SOURCE)], "vpcflow."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    classes = {found.__name__: found.exit_code for found in _subclasses(VpcFlowError)}
    found: dict[str, int] = {"interrupted": 130, "system": 5}
    for path in sorted(SOURCE.rglob("*.py")):
        for name, code in re.findall(r"""\b(\w+Error)\(\s*"([a-z][a-z0-9_.]+)\"""", path.read_text(encoding="utf-8")):
            if name in classes:
                found[code] = classes[name]
    return found


def _subclasses(of: type[VpcFlowError]) -> Iterator[type[VpcFlowError]]:
    for found in of.__subclasses__():
        yield found
        yield from _subclasses(found)


def _exit_code(code: str, known: dict[str, int]) -> int:
    """Return an error's exit code; one whose name is put together has that of its kind, a usage error has 2."""
    family = code.partition(".")[0]
    kin = [number for other, number in known.items() if "." in code and other.startswith(f"{family}.")]
    return known.get(code, kin[0] if kin else 4 if "." in code else 2)


_PAGES: Final[dict[str, Callable[[], str]]] = {
    "fields": _fields,
    "formats": _formats,
    "filter": _filter,
    "cli": _cli,
    "config": _config,
    "lake": _lake,
    "athena": _athena,
    "insights": _insights,
    "errors": _errors,
}
"""The pages of docs/reference/ by name."""


def main() -> None:
    """Write all pages."""
    for name, text in pages().items():
        (HERE / "reference" / name).write_text(text, encoding="utf-8")
        print(f"docs/reference/{name}")


if __name__ == "__main__":
    main()
