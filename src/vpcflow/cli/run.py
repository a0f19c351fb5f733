"""`vpcflow run`: the daemon that makes the records of all flow logs."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from vpcflow.app.notify import notify
from vpcflow.capture.backends import BACKENDS
from vpcflow.cli.choices import one_of, resource_options, s3_options
from vpcflow.cli.render import standard_output
from vpcflow.cli.session import command as declare
from vpcflow.cli.stop import stopping
from vpcflow.cli.summary import byte_size
from vpcflow.cli.when import utc
from vpcflow.cli.words import option
from vpcflow.config import size
from vpcflow.i18n import t

if TYPE_CHECKING:
    from vpcflow.app.daemon import Status
    from vpcflow.cli.session import Session

_LEAST_SPOOL: Final = 1 << 20
_NOTIFY_S: Final = 10
_UNDELIVERED: Final = 5
_MAX_DURATION_S: Final = 366 * 86400


def _size(ctx: click.Context, parameter: click.Parameter, value: str) -> int:
    try:
        found = size(value)
    except ValueError:
        found = 0
    if found < _LEAST_SPOOL:
        raise click.BadParameter(t("error.not_a_size", value=value), ctx, parameter)
    return found


@declare(
    "run",
    examples=(
        "sudo vpcflow run",
        "sudo vpcflow run eth0 --ip-ranges ip-ranges.json --duration 3600",
        "sudo vpcflow run --config /etc/vpcflow/vpcflow.toml",
    ),
)
@click.argument("interfaces", nargs=-1, metavar="INTERFACE…")
@option("--backend", metavar="auto|ebpf|af_packet|nft", default="auto", callback=one_of(*BACKENDS, name="backend"))
@option("--nft", is_flag=True)
@option("--all", "keep_all", is_flag=True)
@option("--ip-ranges", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE")
@option("--spool-size", "spool_bytes", default="1GB", metavar="SIZE", callback=_size)
@option("--max-flows", type=click.IntRange(1 << 10, 1 << 22), metavar="COUNT")
@option("--duration", "duration_s", type=click.FloatRange(min=0.1, max=_MAX_DURATION_S), metavar="SECONDS")
@option("--config", "config_file", metavar="FILE")
@s3_options
@resource_options
def command(session: Session, **values: Any) -> int:  # noqa: ANN401 - click's own
    """See ``command.run``."""
    from vpcflow.app.run import Running, run

    line = _StatusLine(session)
    if values["nft"]:
        values["backend"] = "nft"
    how = Running(out=standard_output(), **{name: values[name] for name in _OF_RUNNING})
    with stopping() as stop:
        done = run(session.app, how, line.say, line.show, stop)
    line.end()
    return 0 if done else _UNDELIVERED


_OF_RUNNING: Final = ("interfaces", "backend", "keep_all", "max_flows", "ip_ranges", "spool_bytes", "duration_s")


@dataclass(slots=True)
class _StatusLine:
    """One line that says how it goes: kept up to date on a terminal, else said when it begins and ends."""

    session: Session
    _live: bool = field(default_factory=sys.stderr.isatty)
    _last: Status | None = None
    _drawn: bool = False
    _notified: float = 0.0

    def say(self, key: str, **values: object) -> None:
        """Say something beside it."""
        self._clear()
        if "since_s" in values:
            values["since"] = utc(int(str(values.pop("since_s"))))
        if key in ("run.failed", "run.gap", "run.left_over", "run.no_resource", "run.state", "live.no_metadata"):
            self.session.warn(t(key, **values))
        else:
            self.session.note(key, **values)

    def show(self, status: Status) -> None:
        """Tell how it goes now."""
        first = self._last is None or self._last.destinations != status.destinations or not self._last.interfaces
        self._last = status
        if time.monotonic() - self._notified > _NOTIFY_S:
            self._notified = time.monotonic()
            notify(STATUS=_words(status))
        if self.session.quiet:
            return
        if self._live:
            click.echo(f"\r{_words(status)}\x1b[K", nl=False, err=True)
            self._drawn = True
        elif first and status.interfaces:
            click.echo(_words(status), err=True)

    def end(self) -> None:
        """Tell what it came to."""
        self._clear()
        if self._last is not None:
            self.session.note(
                "run.ended",
                records=f"{self._last.all_records:,}",
                skipped=f"{self._last.skipped:,}",
                waiting=byte_size(self._last.waiting_bytes),
            )

    def _clear(self) -> None:
        if self._drawn:
            click.echo("\r\x1b[K", nl=False, err=True)
            self._drawn = False


def _words(status: Status) -> str:
    if not status.destinations:
        return t("run.none_here" if status.flow_logs else "run.no_flow_logs", interfaces=status.interfaces)
    return t(
        "run.status",
        interfaces=status.interfaces,
        intervals=", ".join(map(str, status.intervals)),
        destinations=", ".join(status.destinations),
        rate=f"{status.records:,}",
        skipped=f"{status.skipped:,}",
    ) + (f"  {t('run.waiting', bytes=byte_size(status.waiting_bytes))}" if status.failed else "")
