"""`vpcflow capture eth0`: packets of this host's interfaces as flow log records, as they pass."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from vpcflow.cli.flow_table import SHORT, short_table, wide_table
from vpcflow.cli.render import chosen, write_batches
from vpcflow.cli.stop import stopping
from vpcflow.cli.summary import report_problems
from vpcflow.cli.when import seconds
from vpcflow.errors import ConfigError, UsageError
from vpcflow.i18n import t
from vpcflow.record.format import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vpcflow.aggregate.records import Identity
    from vpcflow.app.live import LiveCapture
    from vpcflow.app.networks import Dated
    from vpcflow.capture.links import Link
    from vpcflow.capture.live import Config, Source
    from vpcflow.cli.session import Session
    from vpcflow.record.format import LogFormat
    from vpcflow.types import FlowBatch

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_@-]{0,14}")
"""What an interface may be called, of what nobody would call a capture file."""

_TABLE_ROWS: Final = 100
_SHOWN: Final = 6
_ONLY_FILES: Final = {"local": "--local"}
_ONLY_LIVE: Final = {"backend": "--backend", "nft": "--nft", "duration": "--duration", "max_flows": "--max-flows"}


def is_live(sources: Sequence[str], values: dict[str, Any]) -> bool:
    """Tell whether interfaces are meant, not files; UsageError for both, and for options of the other."""
    from vpcflow.capture.links import names

    files = [source for source in sources if source == "-" or Path(source).exists()]
    there = set(names())
    interfaces = [source for source in sources if source in there and source not in files]
    if values["all_interfaces"]:
        if sources:
            raise UsageError("live.all_and_some")
    elif not sources:
        raise UsageError("live.nothing_named")
    unknown = [name for name in sources if name not in files and name not in there and _NAME.fullmatch(name)]
    if unknown:
        raise ConfigError("live.no_interface", name=unknown[0], there=", ".join(sorted(there)))
    live = bool(values["all_interfaces"] or interfaces)
    if live and len(interfaces) < len(sources):
        other = next(source for source in sources if source not in interfaces)
        raise UsageError("live.files_and_interfaces", interface=interfaces[0], file=other)
    for name, option in (_ONLY_FILES if live else _ONLY_LIVE).items():
        if values[name]:
            raise UsageError("live.only_files" if live else "live.only_live", option=option)
    if live and values["interface_id"] and len(interfaces) != 1:
        raise UsageError("live.one_id")
    return live


def run_live(
    session: Session,
    values: dict[str, Any],
    log_format: LogFormat | None,
    identity: Identity,
    tell: Callable[..., None],
) -> int:
    """Capture until it is to stop. tell: tells the totals."""
    from vpcflow.aggregate.aggregator import Totals
    from vpcflow.app.live import LiveCapture, drains, open_source, open_translations

    kind = chosen(values["kind"])
    totals = Totals()
    config = _config(session, values)
    source = open_source(config, session.note)
    began = time.monotonic()
    try:
        translations = open_translations(values["interval"], session.note)
        _keep_privileges(values, source, translations)
        _say_what(session, source, config, identity)
        with stopping() as stop:
            capture = LiveCapture(
                values["interval"], identity, totals, session.app.flow_memory(), translations=translations
            )
            until = None
            if values["duration"] is not None:
                until = capture.began_ns + int(values["duration"] * 1e9)
            records = capture.records(drains(source, values["interval"], stop, until))
            if values["into_lake"]:
                _into_lake(session, records, config, capture)
            elif kind in ("table", "wide"):
                _tables(session, records, kind, log_format)
            else:
                flat = (batch for batches in records for batch in batches)
                write_batches(flat, kind, log_format or (DEFAULT if kind == "text" else None), at_once=True)
    finally:
        source.close()
        tell(totals, time.monotonic() - began)
    return 0


def _naming(session: Session, values: dict[str, Any]) -> Callable[[Link], str | None]:
    """Return what tells ids of interfaces: --interface-id, or the network that --network names or that is kept."""
    from vpcflow.app import networks
    from vpcflow.app.live import host, naming

    given = values["interface_id"]
    if given:
        return lambda _: given
    word = values["network"]
    found = _network(session, word) if word else networks.at(session.app)
    return naming(host(session.config), found.network if found else None)


def _network(session: Session, word: str) -> Dated:
    from vpcflow.app import networks

    return networks.named(session.app, word, lambda text: seconds(text, now_s=time.time()))


def _config(session: Session, values: dict[str, Any]) -> Config:
    from vpcflow.capture.identity import machine_id
    from vpcflow.capture.live import MAX_FLOWS, Config

    return Config(
        interfaces=tuple(dict.fromkeys(values["sources"])),
        backend="nft" if values["nft"] else values["backend"] or "auto",
        interval_s=values["interval"],
        machine=machine_id(),
        name_of=_naming(session, values),
        max_flows=values["max_flows"] or MAX_FLOWS,
        keep_all=values["keep_all"],
    )


def _keep_privileges(values: dict[str, Any], source: Source, translations: object) -> None:
    """Let go of all privileges but those of a capture; root needs one more to write into a lake that is somebody else's."""
    from vpcflow.capture import privilege

    kept = [*privilege.NEEDED]
    if translations is not None or source.name == "nft":
        kept.append(privilege.NET_ADMIN)
    if values["into_lake"] and os.geteuid() == 0:
        kept.append(privilege.DAC_OVERRIDE)
    privilege.drop_all_but(kept)


def _say_what(session: Session, source: Source, config: Config, identity: Identity) -> None:
    from vpcflow.app.live import Host, host

    here = host(session.config)
    if here.why_not:
        session.warn(t("live.no_metadata", reason=here.why_not))
    if (identity.account, identity.region) == (Host().account, Host().region):
        session.note("live.identity_default")
    names = ", ".join(config.interfaces) or t("live.all")
    for interface, name in list(source.ids.items())[:_SHOWN]:
        session.note("note.capture_interface", interface=interface, words=name)
    if len(source.ids) > _SHOWN:
        session.note("note.capture_more_interfaces", count=f"{len(source.ids) - _SHOWN:,}")
    session.note("live.begins", interfaces=names, seconds=config.interval_s, backend=source.name)


def _into_lake(session: Session, records: Iterator[list[FlowBatch]], config: Config, capture: LiveCapture) -> None:
    from vpcflow.app.live import put_into_lake

    with session.app.lake(create=True) as lake:
        for number, batches in enumerate(records):
            done = put_into_lake(session.app, lake, config.machine, capture.began_ns, number, batches)
            report_problems(session, done)
            for _, error in done.progress.failed:
                raise error


def _tables(session: Session, records: Iterator[list[FlowBatch]], kind: str, log_format: LogFormat | None) -> None:
    """Draw a table for each interval."""
    for number, batches in enumerate(records):
        rows = [record for batch in batches for record in batch.to_pylist()]
        if number:
            click.echo()
        if kind == "wide" or log_format:
            columns = [name.replace("-", "_") for name in (log_format or DEFAULT).names]
            wide_table(session, [{name: row.get(name) for name in columns} for row in rows[:_TABLE_ROWS]], columns)
        else:
            short_table(session, [{name: row[name] for name in SHORT} for row in rows[:_TABLE_ROWS]])
        if len(rows) > _TABLE_ROWS:
            session.note("note.capture_first", count=f"{_TABLE_ROWS:,}", more=f"{len(rows) - _TABLE_ROWS:,}")
