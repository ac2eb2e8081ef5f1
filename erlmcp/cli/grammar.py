"""The commands by name, each in a module that is imported when it is used; errors as one line and an exit code."""

import difflib
import importlib
import math
import platform
from collections.abc import Mapping
from typing import Any

import click

from erlmcp import __version__
from erlmcp.node.exits import MEANINGS, Exit, Refusal

__all__ = ["CONTEXT", "Commands", "Seconds", "Words", "erlmcp", "run"]

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
COMMANDS = {
    "serve": "erlmcp.cli.serving",
    "start": "erlmcp.cli.serving",
    "stdio": "erlmcp.cli.stdio",
    "stop": "erlmcp.cli.asking",
    "reload": "erlmcp.cli.asking",
    "ping": "erlmcp.cli.asking",
    "pid": "erlmcp.cli.asking",
    "status": "erlmcp.cli.asking",
    "tools": "erlmcp.cli.calling",
    "call": "erlmcp.cli.calling",
    "resources": "erlmcp.cli.calling",
    "read": "erlmcp.cli.calling",
    "prompts": "erlmcp.cli.calling",
    "prompt": "erlmcp.cli.calling",
    "inspect": "erlmcp.cli.inspecting",
    "config": "erlmcp.cli.configuring",
    "migrate": "erlmcp.cli.storing",
    "backup": "erlmcp.cli.storing",
    "restore": "erlmcp.cli.storing",
    "mcp": "erlmcp.cli.mcp",
    "tcps": "erlmcp.cli.tcps",
    "completion": "erlmcp.cli.completing",
}
HELP = """Serves MCP apps: fast, strict, supervised.

\b
Examples:
  erlmcp serve mypackage.module:app --workers 4
  erlmcp status
  erlmcp stop
"""
EPILOG = "\b\nExit codes:\n" + "\n".join(f"{code:5}  {meaning}" for code, meaning in MEANINGS.items())


class Seconds(click.FloatRange):
    """How long to wait: from a tenth of a second to a day. Clocks count neither nan nor what is beyond them."""

    def __init__(self) -> None:
        super().__init__(min=0.1, max=86_400.0)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Click's own check lets nan through."""
        seconds = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is not a number of seconds.", param, ctx)
        return seconds


class Words(click.Group):
    """A group that answers a mistyped command with the nearest one."""

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **{"context_settings": CONTEXT} | attributes)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        names = self.list_commands(ctx)
        if args and args[0] not in names:
            close = difflib.get_close_matches(args[0], names, 1)
            hint = f"did you mean {close[0]}?" if close else self.otherwise()
            ctx.fail(f"there is no command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)

    def otherwise(self) -> str:
        """What is said where no command is near."""
        return f"there are {', '.join(self.commands)}"


class Commands(Words):
    """Knows every command by name and imports none before it is used. `modules`: the module of each. `otherwise`: what
    is said where no command is near; all there are unless given."""

    def __init__(self, *args: Any, modules: Mapping[str, str], otherwise: str = "", **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self._modules, self._otherwise = modules, otherwise

    def otherwise(self) -> str:
        return self._otherwise or f"there are {', '.join(self._modules)}"

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in self._modules:
            return None
        module = importlib.import_module(self._modules[cmd_name])
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command


def _version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from erlmcp._speedups import BACKEND  # noqa: PLC0415 - only --version asks

    click.echo(f"erlmcp {__version__} ({BACKEND}, {platform.python_implementation()} {platform.python_version()})")
    ctx.exit()


@click.group(cls=Commands, modules=COMMANDS, otherwise="erlmcp -h lists them", help=HELP, epilog=EPILOG)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Version and backend."
)
def erlmcp() -> None:
    """The group itself does nothing."""


def run(arguments: list[str]) -> int:
    """Run one command line; returns the exit code."""
    try:
        code: Any = erlmcp.main(args=arguments, prog_name="erlmcp", standalone_mode=False)
    except Refusal as refusal:
        click.echo(f"error: {refusal.message}", err=True)
        return int(refusal.code)
    except click.exceptions.NoArgsIsHelpError as fault:
        click.echo(fault.format_message())
        return Exit.USAGE
    except click.ClickException as fault:
        fault.show()
        return fault.exit_code
    except (click.Abort, KeyboardInterrupt):
        return Exit.INTERRUPTED
    return code if isinstance(code, int) else Exit.OK
