"""Middleware: an author's code around every call of a tool, prompt, resource or completion.

It sees what is asked, may refuse it, change it, change the answer, and measure. It does not see what is refused before
a function is reached: unknown names, faulty envelopes, limits.
"""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from erlmcp.mcp.context import Context
from erlmcp.mcp.inputs import Asked
from erlmcp.mcp.limits import Enter
from erlmcp.mcp.result import InputRequired, Refused, TaskCreated, Unfinished
from erlmcp.mcp.tool_error import ToolError

__all__ = ["Invocation", "Middleware", "Proceed", "Reply", "Site", "checked", "surrounded"]


class Invocation(msgspec.Struct, frozen=True, eq=False):
    """One call on its way to an author's function."""

    method: str
    """`tools/call`, `resources/read`, `prompts/get` or `completion/complete`."""
    target: str
    """The tool, the prompt, or the URI that is read; for a completion the prompt or template."""
    context: Context
    raw: bytes
    """The arguments as a raw JSON object; of a resource, the values of its variables."""

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments, decoded anew each time, before they are checked."""
        arguments: dict[str, Any] = msgspec.json.decode(self.raw)
        return arguments

    def having(self, arguments: Mapping[str, Any]) -> "Invocation":
        """The same with other arguments."""
        return Invocation(self.method, self.target, self.context, msgspec.json.encode(arguments))


_UNFINISHED: Final[Mapping[str, type[Unfinished]]] = {kind.result_type: kind for kind in (InputRequired, TaskCreated)}


class Reply(msgspec.Struct, frozen=True, eq=False):
    """An answer on its way back."""

    members: bytes
    """The members of the result as raw JSON, without its braces."""

    @classmethod
    def of(cls, result: Mapping[str, Any]) -> "Reply":
        """From a result in the words of the wire, `{"content": [{"type": "text", "text": "…"}]}`."""
        unfinished = _UNFINISHED.get(result.get("resultType", ""))
        members = msgspec.json.encode({key: value for key, value in result.items() if key != "resultType"})[1:-1]
        if unfinished is not None:
            return cls(unfinished(members))
        return cls(Refused(members) if result.get("isError") else members)

    @property
    def result(self) -> dict[str, Any]:
        """The result in the words of the wire, decoded anew each time; one that is not `finished` says so there."""
        result: dict[str, Any] = msgspec.json.decode(b"{%b}" % self.members)
        members = self.members
        return {**result, "resultType": members.result_type} if isinstance(members, Unfinished) else result

    @property
    def finished(self) -> bool:
        """Whether it is the answer: else the client is asked first, or the call goes on as a task."""
        return not isinstance(self.members, Unfinished)

    @property
    def is_error(self) -> bool:
        """Whether it is a tool's no (`isError`)."""
        return isinstance(self.members, Refused)


Proceed: TypeAlias = Callable[[Invocation], Awaitable[Reply]]
"""The rest of the way: the next middleware, at last the function."""

Middleware: TypeAlias = Callable[[Invocation, Proceed], Awaitable[Reply]]


class Site(msgspec.Struct, frozen=True, eq=False):
    """A feature as middleware goes around it."""

    method: str
    describe: Callable[[Any], tuple[str, bytes]]
    """From what was asked to the target and the raw arguments."""
    restore: Callable[[Any, Invocation], Any]
    """From what was asked, and the invocation that came through, to what is asked now."""
    refuse: Callable[[ToolError], bytes]
    """A middleware said no."""
    late: Callable[[float], bytes]
    """It all took too long."""
    seconds: Callable[[Context], float]
    """How long the function may take; with middleware around it, twice as long."""


def checked(middleware: Middleware) -> Middleware:
    """Raises TypeError for what is no async function of two."""
    if not inspect.iscoroutinefunction(middleware) and not inspect.iscoroutinefunction(
        getattr(middleware, "__call__", None)  # noqa: B004 - an object whose call is async
    ):
        raise TypeError(f"middleware is an async function of an invocation and the rest of its way, not {middleware!r}")
    return middleware


def surrounded(enter: Enter, site: Site, middleware: Sequence[Middleware]) -> Enter:
    """`enter` with the middleware around it, the first outermost."""
    chain = tuple(middleware)

    async def walk(asked: Any, context: Context) -> bytes:
        target, raw = site.describe(asked)

        async def step(at: int, invocation: Invocation) -> Reply:
            if at == len(chain):
                made = enter(site.restore(asked, invocation), invocation.context)
                return Reply(made if isinstance(made, bytes) else await made)
            reply = await chain[at](invocation, functools.partial(step, at + 1))
            if not isinstance(reply, Reply):
                raise TypeError(f"middleware {chain[at]!r} returned {type(reply).__name__}, and no Reply")
            return reply

        limit = 2 * site.seconds(context)
        try:
            async with asyncio.timeout(limit) as deadline:
                reply = await step(0, Invocation(site.method, target, context, raw))
        except ToolError as error:
            return site.refuse(error)
        except Asked as question:  # middleware may ask as well
            return question.members
        except TimeoutError:
            if not deadline.expired():
                raise
            context.cancel()
            return site.late(limit)
        return reply.members

    def enter_surrounded(asked: Any, context: Context) -> Awaitable[bytes]:
        context.attach(asyncio.get_running_loop())
        return walk(asked, context)

    return enter_surrounded
