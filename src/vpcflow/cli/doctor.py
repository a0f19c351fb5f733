"""`vpcflow doctor`: what was looked for, what was found, what to do."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import sys
from typing import TYPE_CHECKING, Final

import click

from vpcflow import __version__
from vpcflow.cli.capture_doctor import Finding, capture_findings
from vpcflow.cli.choices import one_of, s3_options
from vpcflow.cli.session import command as declare
from vpcflow.cli.summary import byte_size
from vpcflow.cli.when import utc
from vpcflow.cli.words import option
from vpcflow.errors import VpcFlowError
from vpcflow.i18n import t

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vpcflow.cli.session import Session

_PACKAGES: Final = ("pyarrow", "duckdb", "sqlglot", "numpy", "isal", "obstore", "boto3", "click", "rich")
_ROOM: Final = 1 << 30
_GLYPHS: Final = {"good": "✓", "warning": "!", "bad": "✕"}


@declare(
    "doctor",
    examples=("vpcflow doctor", "vpcflow doctor -o json", "vpcflow doctor cloudwatch:/vpc/flow s3://my-logs/AWSLogs"),
)
@click.argument("sources", nargs=-1, metavar="[SOURCE…]")
@option(
    "-o", "--output", "kind", metavar="table|json", default="table", callback=one_of("table", "json", name="output")
)
@option("--sqs-url", metavar="URL")
@s3_options
def command(session: Session, sources: tuple[str, ...], kind: str, sqs_url: str | None) -> int:
    """See ``command.doctor``."""
    found = [
        *_program(),
        *_settings(session),
        *_lake(session),
        *_access(session),
        _region(session),
        *capture_findings(),
        _lab(),
    ]
    found += [_source(session, source) for source in sources]
    found += [_queue(session, sqs_url)] if sqs_url is not None else []
    if kind == "json":
        click.echo(
            json.dumps(
                [{n: getattr(f, n) for n in ("what", "level", "found", "todo")} for f in found],
                indent=2,
                ensure_ascii=False,
            )
        )
    else:
        for finding in found:
            click.echo(f"{_GLYPHS[finding.level]} {finding.what}: {finding.found}")
            if finding.todo:
                click.echo(f"    → {finding.todo}")
    return 3 if any(finding.level == "bad" for finding in found) else 0


def _program() -> Iterator[Finding]:
    yield Finding(
        "vpcflow",
        "good",
        f"{__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}",
    )
    versions = []
    for name in _PACKAGES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, "bad", t("doctor.package_missing"), t("doctor.package_todo", python=sys.executable))
    yield Finding(t("doctor.packages"), "good", ", ".join(versions))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    yield Finding(
        t("doctor.machine"), "good", t("doctor.machine_found", cores=os.cpu_count() or 1, memory=byte_size(memory))
    )


def _settings(session: Session) -> Iterator[Finding]:
    changed = {key: value for key, value in session.config.values.items() if value.origin != "default"}
    shown = ", ".join(f"{key} = {value.text} ({value.origin})" for key, value in changed.items())
    yield Finding(t("doctor.settings"), "good", shown or t("doctor.settings_default"))


def _lake(session: Session) -> Iterator[Finding]:
    path, name = session.app.lake_home, session.app.lake_name
    what = t("doctor.lake")
    try:
        with session.app.lake() as lake:
            totals = lake.ledger.totals()
            missing = lake.missing()
            rows = sum(sums["rows"] for sums in totals.tables.values())
            if missing:
                found = t("doctor.lake_files_missing", path=name, count=len(missing), first=missing[0].path)
                yield Finding(what, "bad", found, t("doctor.lake_files_todo"))
            else:
                yield Finding(
                    what,
                    "good",
                    t("doctor.lake_found", path=name, rows=f"{rows:,}", sources=f"{totals.sources:,}"),
                )
    except VpcFlowError as error:
        yield Finding(what, "warning" if error.code == "lake.missing" else "bad", error.message, error.hint)
    at = path if path.exists() else path.absolute().parent
    while not at.exists():
        at = at.parent
    if not os.access(at, os.W_OK):
        yield Finding(what, "warning", t("doctor.lake_read_only", path=str(at)), t("doctor.lake_read_only_todo"))
    free = shutil.disk_usage(at).free
    level = "good" if free > _ROOM else "warning"
    yield Finding(
        t("doctor.disk"),
        level,
        t("doctor.disk_found", free=byte_size(free)),
        "" if free > _ROOM else t("doctor.disk_todo"),
    )


def _access(session: Session) -> Iterator[Finding]:
    what = t("doctor.credentials")
    if session.config.get("no_sign_request"):
        yield Finding(what, "good", t("doctor.credentials_none_needed"))
        return
    import boto3
    from botocore.exceptions import BotoCoreError

    try:
        boto = boto3.Session(profile_name=session.config.text("profile") or None)
        # Only what lies on this machine is looked at: no request leaves it unasked.
        names = {"env", "assume-role", "shared-credentials-file", "custom-process", "config-file", "sso", "login"}
        resolver = boto._session.get_component("credential_provider")  # noqa: SLF001 - botocore offers no other list
        found = next((p.METHOD for p in resolver.providers if p.METHOD in names and p.load() is not None), None)
    except BotoCoreError as error:
        yield Finding(what, "warning", str(error), t("doctor.credentials_todo"))
        return
    if found is None:
        yield Finding(what, "warning", t("doctor.credentials_missing"), t("doctor.credentials_todo"))
    else:
        yield Finding(what, "good", t("doctor.credentials_found", where=found))


def _region(session: Session) -> Finding:
    """Tell which region log groups, queues and Athena are asked in; only what lies on this machine is looked at."""
    import boto3
    from botocore.exceptions import BotoCoreError

    what = t("doctor.region")
    found = session.config.text("aws_region") or os.environ.get("AWS_REGION")
    try:
        found = found or boto3.Session(profile_name=session.config.text("profile") or None).region_name
    except BotoCoreError as error:
        return Finding(what, "warning", str(error), t("doctor.region_todo"))
    if not found:
        return Finding(what, "good", t("doctor.region_missing"), t("doctor.region_todo"))
    return Finding(what, "good", found)


def _lab() -> Finding:
    """Tell whether `vpcflow lab` can be used."""
    from vpcflow.app.lab import lacking

    try:
        error = lacking()
    except OSError as failure:
        reason = t("error.system", reason=failure.strerror or str(failure), path=failure.filename or "")
        return Finding(t("doctor.lab"), "warning", reason)
    if error is None:
        return Finding(t("doctor.lab"), "good", t("doctor.lab_found"))
    return Finding(t("doctor.lab"), "warning", error.message, error.hint)


def _source(session: Session, source: str) -> Finding:
    """Ask a source the user named."""
    try:
        found = session.app.probe(source)
    except VpcFlowError as error:
        return Finding(source, "bad", error.message, error.hint)
    if found.first:
        return Finding(source, "good", t("doctor.source_found", first=found.first))
    place = " ".join(filter(None, (found.account, found.region)))
    days = t("doctor.kept_days", days=found.retention_days) if found.retention_days else t("doctor.kept_always")
    if found.first_s is None:
        return Finding(source, "warning", t("doctor.log_group_empty", place=place, kept=days))
    return Finding(source, "good", t("doctor.log_group_found", place=place, kept=days, first=utc(found.first_s)))


def _queue(session: Session, url: str) -> Finding:
    try:
        found = session.app.queue(url).attributes()
    except VpcFlowError as error:
        return Finding(url, "bad", error.message, error.hint)
    if not found:
        return Finding(url, "warning", t("doctor.queue_closed"), t("error.source.queue_denied.hint"))
    seen = {name: found.get(f"ApproximateNumberOfMessages{name}", "?") for name in ("", "NotVisible")}
    text = t("doctor.queue_found", waiting=seen[""], taken=seen["NotVisible"])
    if "RedrivePolicy" not in found:
        return Finding(url, "warning", text, t("doctor.queue_todo"))
    return Finding(url, "good", text)
