"""What tests of the author's side share: a sink that remembers, contexts, and calls that decode their answer."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from erlmcp.mcp import App, Context, Facts


class Heard:
    """A sink that keeps what was emitted; `behind` is a future that a slow reader would make everyone wait for."""

    def __init__(self, behind: "asyncio.Future[None] | None" = None) -> None:
        self.messages: list[tuple[str, Any]] = []
        self.behind = behind

    def emit(self, method: str, params: bytes) -> Awaitable[None] | None:
        self.messages.append((method, msgspec.json.decode(params)))
        return self.behind


def context(sink: Heard | None = None, **facts: Any) -> Context:
    told: dict[str, Any] = {"id": b"1", "protocol_version": "2026-07-28", "modern": True, **facts}
    return Context(Facts(**told), sink or Heard())


def members(raw: bytes) -> Any:
    return msgspec.json.decode(b"{" + raw + b"}")


async def answer(made: Any) -> Any:
    """The members of an answer that may still have to come."""
    raw = await asyncio.wait_for(made, 5) if inspect.isawaitable(made) else made
    return members(raw)


async def call(app: App, name: str, arguments: Any = None, ctx: Context | None = None) -> Any:
    tool = app.tools.get(name)
    assert tool is not None, f"no tool {name}"
    raw = arguments if arguments is None or isinstance(arguments, bytes) else msgspec.json.encode(arguments)
    return await answer(tool.call(raw, ctx or context()))


def listed(app: App, member: str = "tools", modern: bool = True) -> list[Any]:
    features = app.templates if member == "resourceTemplates" else getattr(app, member)
    return members(features.page(None, 10_000, modern))[member]


async def until(condition: Callable[[], object]) -> None:
    """Wait, at most 5 s, for what another thread does."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the condition belongs to a thread, which knows no asyncio.Event
            await asyncio.sleep(0.001)


def text(result: Any) -> str:
    """The one text block of a result."""
    (block,) = result["content"]
    assert block["type"] == "text"
    return block["text"]
