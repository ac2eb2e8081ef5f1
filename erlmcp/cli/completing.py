"""`erlmcp completion`: the script that teaches a shell the commands, their flags and words, and the ids of the line."""

import click
from click.shell_completion import get_completion_class

from erlmcp.cli.grammar import CONTEXT

__all__ = ["completion"]

SHELLS = ("bash", "zsh", "fish")


@click.command(context_settings=CONTEXT)
@click.argument("shell", type=click.Choice(SHELLS), metavar="SHELL")
def completion(shell: str) -> None:
    """Print what a shell needs to complete commands.

    SHELL is bash, zsh or fish. It completes commands, flags, words and ids.

    Ids of work orders, skus and andons come from the server at ERLMCP_URL, or --url, if it answers within a second.

    \b
    Examples:
      eval "$(erlmcp completion bash)"
      erlmcp completion fish > ~/.config/fish/completions/erlmcp.fish
    """
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"there is no completion for {shell}.")
    root = click.get_current_context().find_root().command
    script = found(root, {}, "erlmcp", "_ERLMCP_COMPLETE").source()
    click.echo(script)
