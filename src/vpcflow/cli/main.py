"""The command `vpcflow`: its commands by name, the language, and every error in one place."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from vpcflow import __version__, i18n
from vpcflow.cli.words import CONTEXT, Group, option, usage_error
from vpcflow.errors import VpcFlowError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: Final = {
    "ingest": "ingest",
    "records": "records",
    "top": "top",
    "denied": "denied",
    "explain": "explain",
    "reach": "reach",
    "what-if": "what_if",
    "suggest-rules": "suggest_rules",
    "query": "query",
    "insights": "insights",
    "lookup-tables": "lookup_tables",
    "query-definitions": "query_definitions",
    "capture": "capture",
    "flow-logs": "flow_logs",
    "run": "run",
    "deliver": "deliver",
    "network": "network",
    "lab": "lab",
    "lake": "lake",
    "generate": "generate",
    "fields": "fields",
    "config": "config",
    "doctor": "doctor",
    "completion": "completion",
}
"""Commands by name and the module of each, in the order `vpcflow --help` tells them."""

EXAMPLES: Final = (
    "vpcflow ingest ./AWSLogs",
    "vpcflow top srcaddr --by bytes -n 3",
    "vpcflow denied --since 24h",
)

INTERRUPTED: Final = 130


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's callback
    if wanted:
        click.echo(f"vpcflow {__version__}")
        ctx.exit()


@click.group("vpcflow", cls=Group, modules=COMMANDS, examples=EXAMPLES, context_settings=CONTEXT)
@option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_print_version)
@option("--lang", expose_value=False, metavar="en|ko")
def root() -> None:
    """See ``command.vpcflow`` in the catalogue."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code (ux: 0 ok, 2 usage, 3 config, 4 record or query, 5 service, 130 stopped)."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    i18n.choose(_language(words))
    sys.exit(_run(words))


def _run(words: list[str]) -> int:
    try:
        result = root.main(words, prog_name="vpcflow", standalone_mode=False)
    except click.UsageError as error:
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            click.echo(error.format_message(), err=True)
        else:
            _say(*usage_error(error))
        return error.exit_code
    except VpcFlowError as error:
        if "--debug" in words:
            raise
        _say(error.message, error.hint)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo(i18n.t("error.interrupted"), err=True)
        return INTERRUPTED
    except OSError as error:
        if "--debug" in words:
            raise
        _say(i18n.t("error.system", reason=error.strerror or str(error), path=error.filename or ""), "")
        return 5
    return result if isinstance(result, int) else 0


def _say(message: str, hint: str) -> None:
    from vpcflow.cli.shown import printable_lines

    click.echo(printable_lines(f"{i18n.t('error.label')}: {message}"), err=True)
    if hint:
        click.echo(printable_lines(f"  {hint}"), err=True)


def _language(words: list[str]) -> str:
    for place, word in enumerate(words):
        if word == "--lang":
            return "".join(words[place + 1 : place + 2])
        if word.startswith("--lang="):
            return word.removeprefix("--lang=")
    return i18n.preferred()
