"""click with our words: help and errors come from the catalogue, in the language in use."""

from __future__ import annotations

import difflib
import importlib
from typing import TYPE_CHECKING, Any, Final

import click

from vpcflow.errors import UsageError
from vpcflow.i18n import has, t

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.formatting import HelpFormatter


class Option(click.Option):
    """An option whose help is the text ``option.<command>.<name>``, else ``option.<name>``."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return names and help, translated."""
        name = (self.name or "").replace("_", "-")
        own = f"option.{path(ctx)}.{name}"
        self.help = t(own if has(own) else f"option.{name}")
        return super().get_help_record(ctx)

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:  # noqa: ANN401 - click's own
        """Return the value read; what click's own types refuse is told in our words."""
        try:
            return super().type_cast_value(ctx, value)
        except click.BadParameter as error:
            if (reason := _refusal(self.type, value)) is None:
                raise
            raise click.BadParameter(reason, ctx, self) from error


class Helpful(click.Command):
    """Help that opens with examples and says everything in the language in use."""

    examples: tuple[str, ...] = ()

    def format_help(self, ctx: click.Context, formatter: HelpFormatter) -> None:
        """Write help that opens with the examples."""
        if self.examples:
            with formatter.section(t("help.examples")):
                for example in self.examples:
                    formatter.write(f"{' ' * formatter.current_indent}{example}\n")
            formatter.write_paragraph()
        super().format_help(ctx, formatter)

    def format_usage(self, ctx: click.Context, formatter: HelpFormatter) -> None:
        """Write the usage line."""
        pieces = self.collect_usage_pieces(ctx)
        formatter.write_usage(ctx.command_path, " ".join(pieces), prefix=f"{t('help.usage')}: ")

    def format_help_text(self, ctx: click.Context, formatter: HelpFormatter) -> None:
        """Write what it is for."""
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(t(f"command.{path(ctx)}"))

    def format_options(self, ctx: click.Context, formatter: HelpFormatter) -> None:
        """Write the options."""
        options = [parameter for parameter in self.get_params(ctx) if isinstance(parameter, click.Option)]
        records = [record for parameter in options if (record := parameter.get_help_record(ctx))]
        with formatter.section(t("help.options")):
            formatter.write_dl(records)

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Return our ``--help``."""
        found = super().get_help_option(ctx)
        if found is not None:
            found.help = t("option.help")
        return found


class Command(Helpful):
    """A command whose help is the text ``command.<path>``. lists: options that take all words up to the next option."""

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - click's own
        examples: tuple[str, ...] = (),
        lists: tuple[str, ...] = (),
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples
        self._lists = lists

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words of a call."""
        return super().parse_args(ctx, list(self._each(args)) if self._lists else args)

    def _each(self, args: list[str]) -> Iterator[str]:
        """Give each word of a list its option again."""
        name, words = "", 0
        for word in args:
            if word.startswith("-") and word != "-":
                name, words = (word, 0) if word in self._lists else ("", 0)
            elif name:
                if words:
                    yield name
                words += 1
            yield word


class Group(Helpful, click.Group):
    """A group whose commands are imported when they are used. modules: name → module below ``vpcflow.cli``."""

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - click's own
        modules: dict[str, str] | None = None,
        examples: tuple[str, ...] = (),
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*args, **kwargs)
        self._modules = modules or {}
        self.examples = examples

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order they are told."""
        return [*self._modules, *super().list_commands(ctx)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that *args* begin with; UsageError suggests the near one."""
        if args and args[0][:1] != "-" and args[0] not in self.list_commands(ctx):
            near = difflib.get_close_matches(args[0], self.list_commands(ctx), 1)
            code = "no_such_command_near" if near else "no_such_command"
            raise UsageError(code, name=args[0], near="".join(near), group=ctx.command_path)
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in self._modules:
            return super().get_command(ctx, cmd_name)
        module = importlib.import_module(f"vpcflow.cli.{self._modules[cmd_name]}")
        command: click.Command = module.command
        return command

    def format_options(self, ctx: click.Context, formatter: HelpFormatter) -> None:
        """Write options and commands."""
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: HelpFormatter) -> None:
        """Write a line for each command, without importing it."""
        prefix = "" if ctx.parent is None else f"{path(ctx)}."
        rows = [(name, t(f"command.{prefix}{name}").partition("\n")[0]) for name in self.list_commands(ctx)]
        with formatter.section(t("help.commands")):
            formatter.write_dl(rows)


def path(ctx: click.Context) -> str:
    """Return a command's path as in its texts' keys: ``vpcflow`` for the root, ``lake.info`` below."""
    names = []
    at: click.Context | None = ctx
    while at is not None and at.parent is not None:
        names.append(at.info_name or "")
        at = at.parent
    return ".".join(reversed(names)) or "vpcflow"


def option(*names: str, **attributes: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - click's own
    """Declare an option of ours."""
    return click.option(*names, cls=Option, **attributes)


def _refusal(kind: click.ParamType[Any], value: object) -> str | None:
    if isinstance(kind, click.Choice):
        return t("error.not_one_of", value=value, words=", ".join(map(str, kind.choices)))
    if isinstance(kind, (click.IntRange, click.FloatRange)):
        return t("error.not_in_range", value=value, low=kind.min, high=kind.max)
    return t("error.not_a_path", value=value) if isinstance(kind, click.Path) else None


def usage_error(error: click.UsageError) -> tuple[str, str]:
    """Return what is wrong with a call and what to do, in the language in use."""
    values: dict[str, object] = {}
    if isinstance(error, click.NoSuchOption):
        code, values = "no_such_option", {"name": error.option_name}
        if error.possibilities:
            code, values["near"] = "no_such_option_near", ", ".join(error.possibilities)
    elif isinstance(error, click.MissingParameter):
        code = "missing_parameter"
        values["name"] = error.param.get_error_hint(error.ctx) if error.param and error.ctx else "?"
    elif isinstance(error, click.BadParameter):
        code = "bad_parameter"
        values["name"] = error.param.opts[0] if error.param else "?"
        values["reason"] = error.message
    elif isinstance(error, click.BadOptionUsage):
        code, values = "bad_option_usage", {"name": error.option_name}
    else:
        code, values = "usage", {"reason": error.format_message()}
    command = error.ctx.command_path if error.ctx else "vpcflow"
    return t(f"error.{code}", **values), t("error.usage.hint", command=command)


CONTEXT: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
