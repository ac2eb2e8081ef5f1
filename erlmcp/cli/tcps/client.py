"""Calls tools of a running server for `erlmcp tcps`, and says its faults in the words of the line.

One request of MCP 2026-07-28 per call, without asking first who is there. A connection that breaks is tried once more,
which is harmless: what changes something carries a key.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from erlmcp.cli.connecting import URL, with_path
from erlmcp.cli.tcps.refusals import refusal_of
from erlmcp.node.exits import Exit, Refusal

if TYPE_CHECKING:
    from erlmcp import client
    from erlmcp.client import HttpError

__all__ = ["MOST", "URL", "Client"]

T = TypeVar("T")

MOST: Final = 16 * 1024 * 1024  # bytes of an answer; a page of the largest receipts has about 6 MiB

_VERSION: Final = "2026-07-28"
_SERVER_INFO: Final = "io.modelcontextprotocol/serverInfo"
_BUSY: Final = (502, 503, 504)


class Client:
    """`timeout`: seconds for all calls together. `server`: who answered last, `{"name": …, "version": …}`."""

    def __init__(self, url: str, timeout: float) -> None:
        self.url: Final = url
        self.server: dict[str, Any] = {}
        self._timeout: Final = timeout
        self._deadline = time.monotonic() + timeout

    def wait_anew(self) -> None:
        """Count the timeout from now on: time went by that was not the server's."""
        self._deadline = time.monotonic() + self._timeout

    @property
    def over(self) -> bool:
        """Whether no time is left."""
        return time.monotonic() >= self._deadline

    def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """What the tool answers. Refusal with the exit code of its no, or of what kept it from answering."""
        result = self._said(lambda one: one.call_tool(tool, arguments, check=False), tool, _hint(arguments))
        self.server = (result.meta or {}).get(_SERVER_INFO, {})
        if result.is_error:
            raise refusal_of({"structuredContent": result.structured_content, "text": result.text})
        if not isinstance(result.structured_content, dict):
            raise self._strange(f"tool {tool} answers without structured content")
        return result.structured_content

    def schema(self, tool: str) -> dict[str, Any]:
        """The JSON Schema of a tool's arguments. Raises Refusal."""
        for listed in self._said(lambda one: one.list_tools(), tool, ""):
            if listed.name == tool:
                schema: dict[str, Any] = listed.input_schema
                return schema
        raise self._strange(f"it has no tool {tool}; it serves another app, or an older one")

    def _said(self, work: "Callable[[client.Client], Awaitable[T]]", tool: str, hint: str) -> T:
        from erlmcp import client  # noqa: PLC0415 - 60 ms, which the help does not need

        try:
            return self._tried(work)
        except client.TimedOut as late:
            raise Refusal(Exit.TIMEOUT, f"{self.url} has not answered within {self._timeout:g} s{hint}") from late
        except client.ConnectionFailed as broken:
            if broken.sent:
                said = str(broken).removeprefix(f"the connection to {with_path(self.url)} ")
                raise Refusal(Exit.UNREACHABLE, f"the connection to {self.url} broke twice: {said}{hint}") from broken
            why = str(broken).rpartition(": ")[2]
            raise Refusal(
                Exit.UNREACHABLE,
                f"no server answers at {self.url}: {why}\n"
                "next: start one with `erlmcp serve`, or name another with --url",
            ) from broken
        except client.HttpError as fault:
            raise self._status(fault) from fault
        except client.RpcError as error:
            if error.code == -32602 and tool in error.message:
                raise self._strange(f"it has no tool {tool}; it serves another app, or an older one") from error
            raise Refusal(Exit.NEGATIVE, f"{self.url} failed: {error}") from error
        except client.ClientError as fault:
            raise self._strange(str(fault)) from fault

    def _tried(self, work: "Callable[[client.Client], Awaitable[T]]") -> T:
        from erlmcp.client import ConnectionFailed  # noqa: PLC0415 - as above

        try:
            return asyncio.run(self._ask(work))
        except ConnectionFailed as broken:
            if not broken.sent:
                raise
        return asyncio.run(self._ask(work))

    async def _ask(self, work: "Callable[[client.Client], Awaitable[T]]") -> T:
        from erlmcp import client  # noqa: PLC0415 - as above

        left = self._deadline - time.monotonic()
        if left <= 0:
            raise client.TimedOut
        try:
            one = client.Client(
                with_path(self.url), mode=_VERSION, timeout=left, retries=0, max_message=MOST, name="erlmcp-tcps"
            )
        except ValueError as fault:
            raise Refusal(Exit.USAGE, str(fault)) from fault
        async with one:
            return await work(one)

    def _status(self, fault: "HttpError") -> Refusal:
        if fault.status in _BUSY:
            after = "a few" if fault.retry_after is None else f"{fault.retry_after:g}"
            return Refusal(Exit.UNREACHABLE, f"{self.url} is too busy to answer\nnext: try again in {after} s")
        if fault.status in {401, 403}:
            return Refusal(Exit.AUTH, str(fault))
        return self._strange("it " + str(fault).removeprefix(f"{with_path(self.url)} "))

    def _strange(self, what: str) -> Refusal:
        return Refusal(Exit.UNREACHABLE, f"{self.url} is no production line: {what}\nnext: check --url")


def _hint(arguments: dict[str, Any]) -> str:
    """How to repeat without harm what may have been carried out."""
    key = arguments.get("idempotency_key")
    if key is None:
        return ""
    return f"\nnext: it may have been carried out; repeat it without harm with --idempotency-key {key}"
