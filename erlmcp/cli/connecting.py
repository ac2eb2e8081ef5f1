"""What the commands that call an MCP server share: where it is, how to speak to it, and what its faults mean here.

It knows no method of the protocol; what is called, the command says.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit, urlunsplit

import click
import msgspec

from erlmcp.cli.grammar import Seconds
from erlmcp.node.exits import Exit, Refusal

if TYPE_CHECKING:
    from erlmcp.client import Client, ClientError

__all__ = ["ERAS", "URL", "Connected", "Server", "connects", "refusal_of", "with_path"]

URL: Final = "http://127.0.0.1:8080/mcp"
ERAS: Final = ("auto", "modern", "legacy", "2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""As `erlmcp.client.MODES`, which a test holds them to: help needs no client."""
_COMMAND: Final = "erlmcp.command"

T = TypeVar("T")


class Server(msgspec.Struct, frozen=True):
    """Which server, and how. `command`: to start, in place of `url`."""

    url: str
    command: tuple[str, ...]
    headers: tuple[str, ...]
    timeout: float
    era: str

    @property
    def name(self) -> str:
        return f"`{' '.join(self.command)}`" if self.command else self.url

    def ask(self, work: "Callable[[Client], Awaitable[T]]", **handlers: Any) -> T:
        """What `work` makes of a client that is open. Raises Refusal for everything that goes wrong."""
        from erlmcp.client import Client, ClientError  # noqa: PLC0415 - the help needs no client

        try:
            client = Client(self._target(), mode=self.era, timeout=self.timeout, **handlers)
        except ValueError as fault:
            raise Refusal(Exit.USAGE, str(fault)) from fault

        async def open_and_work() -> T:
            async with client:
                return await work(client)

        try:
            return asyncio.run(open_and_work())
        except ClientError as fault:
            raise refusal_of(fault, self) from fault

    def _target(self) -> Any:
        from erlmcp.cli.bridging import fields_of  # noqa: PLC0415 - as above
        from erlmcp.client import Address, Network, Stdio, Streamable  # noqa: PLC0415

        if self.command:
            if self.headers:
                raise Refusal(Exit.USAGE, "--header is for servers over HTTP; a child has its environment")
            return Stdio(self.command, inherit=True)
        return Streamable(Network(Address.of(with_path(self.url))), headers=fields_of(self.headers))


class Connected(click.Command):
    """A command whose words after `--` are those of a server to start."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            ctx.meta[_COMMAND] = tuple(args[at + 1 :])
            args = args[:at]
        return super().parse_args(ctx, args)


def connects(command: Callable[..., Any]) -> Callable[..., Any]:
    """The flags, given to the command as its first argument, the Server."""

    @click.option("--url", envvar="ERLMCP_URL", default=URL, metavar="URL", help=f"The server.  [ERLMCP_URL, {URL}]")
    @click.option("--stdio", is_flag=True, help="Start the server instead: its command follows after `--`.")
    @click.option("--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="Sent along; ${NAME} as in sh.")
    @click.option("--timeout", type=Seconds(), default=60.0, show_default=True, help="Seconds for each answer.")
    @click.option("--era", type=click.Choice(ERAS), default="auto", show_default=True, help="How to speak to it.")
    @functools.wraps(command)
    def with_server(*, url: str, stdio: bool, headers: tuple[str, ...], timeout: float, era: str, **given: Any) -> Any:
        words: tuple[str, ...] = click.get_current_context().meta.get(_COMMAND, ())
        if stdio != bool(words):
            raise click.UsageError("--stdio and a command belong together: --stdio -- python server.py")
        return command(Server(url, words, headers, timeout, era), **given)

    return with_server


def with_path(url: str) -> str:
    """The usual path for an address that has none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url  # which will be refused
    return url if parts.path.strip("/") or not url.isprintable() else urlunsplit(parts._replace(path="/mcp"))


def refusal_of(fault: "ClientError", server: Server) -> Refusal:
    """A fault of the client or its server as an exit code and a line, with what to do next."""
    from erlmcp import client  # noqa: PLC0415 - whoever has a fault of it has it

    code, next_ = Exit.NEGATIVE, ""
    if isinstance(fault, client.TimedOut):
        code = Exit.TIMEOUT
    elif isinstance(fault, client.ConnectionFailed):
        code = Exit.UNREACHABLE
        if not fault.sent and not server.command:
            next_ = "start one with `erlmcp serve`, or name another with --url"
    elif isinstance(fault, client.HttpError):
        code, next_ = _of_status(fault)
    elif isinstance(fault, client.Garbled):
        code, next_ = Exit.UNREACHABLE, "" if server.command else "check --url: is it an MCP server?"
    elif isinstance(fault, client.RpcError) and fault.code == -32021:
        next_ = "the server asks something back; run the command on a terminal, where you can answer"
    return Refusal(code, str(fault) + (f"\nnext: {next_}" if next_ else ""))


def _of_status(fault: Any) -> tuple[Exit, str]:
    if fault.status in {401, 403}:
        return Exit.AUTH, "give a token: --header 'Authorization: Bearer ${TOKEN}'"
    if fault.status in {429, 502, 503, 504}:
        after = "a few" if fault.retry_after is None else f"{fault.retry_after:g}"
        return Exit.UNREACHABLE, f"it is too busy; try again in {after} s"
    return Exit.UNREACHABLE, "check --url: is it an MCP server?"
