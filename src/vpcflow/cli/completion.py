"""`vpcflow completion`: the script a shell needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from click.shell_completion import get_completion_class

from vpcflow.cli.choices import one_of
from vpcflow.cli.session import command as declare

if TYPE_CHECKING:
    from vpcflow.cli.session import Session

SHELLS = ("bash", "zsh", "fish")


@declare(
    "completion",
    examples=(
        "vpcflow completion bash > ~/.local/share/bash-completion/completions/vpcflow",
        'vpcflow completion zsh > "${fpath[1]}/_vpcflow"',
        "vpcflow completion fish > ~/.config/fish/completions/vpcflow.fish",
    ),
)
@click.argument("shell", metavar="|".join(SHELLS), callback=one_of(*SHELLS, name="shell"))
def command(session: Session, shell: str) -> None:
    """See ``command.completion``."""
    from vpcflow.cli.main import root

    del session
    found = get_completion_class(shell)
    if found is not None:
        click.echo(found(root, {}, "vpcflow", "_VPCFLOW_COMPLETE").source())
