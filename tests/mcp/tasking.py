"""A client of tasks in memory: calls an endpoint as one that declares the extension, and waits for what becomes."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from erlmcp import App
from erlmcp.http import Request, Response, Stream
from erlmcp.mcp import Backplane, Endpoint, Options
from tests.mcp.posts import PREFIX, events, message, post, said

EXTENSION = PREFIX + "tasks"
KNOWS: dict[str, Any] = {"elicitation": {}, "sampling": {}, "roots": {}, "extensions": {EXTENSION: {}}}
CLOSED = {"completed", "failed", "cancelled"}


def request(
    method: str, params: dict[str, Any] | None = None, capabilities: dict[str, Any] | None = None, **headers: str
) -> Request:
    """A request of 2026-07-28 with these capabilities; without, all that tasks need."""
    declared = KNOWS if capabilities is None else capabilities
    meta = {PREFIX + "protocolVersion": "2026-07-28", PREFIX + "clientCapabilities": declared}
    params = {**(params or {}), "_meta": meta}
    sent = {b"mcp-protocol-version": b"2026-07-28", b"mcp-method": method.encode()}
    name = params.get("taskId") or params.get("name") or params.get("uri")
    if name is not None:
        sent[b"mcp-name"] = str(name).encode()
    return post(
        message(method, params), sent | {key.replace("_", "-").encode(): v.encode() for key, v in headers.items()}
    )


class Desk:
    """One process with an endpoint; several that share a backplane's store are those of a node."""

    def __init__(self, app: App, backplane: Backplane | None = None, **options: Any) -> None:
        chosen = Options(**options)
        app.bind(chosen)
        self.backplane = backplane or Backplane()
        self.endpoint = Endpoint(app, chosen, None, self.backplane)

    async def answer(self, asked: Request) -> Response | Stream:
        given = self.endpoint(asked)
        if isinstance(given, asyncio.Future):
            return await asyncio.wait_for(given, 5)
        return given

    async def ask(self, method: str, capabilities: dict[str, Any] | None = None, **params: Any) -> dict[str, Any]:
        """The result; raises Problem for an error."""
        given = await self.answer(request(method, params, capabilities))
        assert isinstance(given, Response)
        told = said(given)
        if "error" in told:
            raise Problem(given.status, told["error"])
        result: dict[str, Any] = told["result"]
        return result

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        return await self.ask("tools/call", name=tool, arguments=arguments)

    async def begin(self, tool: str, **arguments: Any) -> str:
        """The id of the task that a call became."""
        result = await self.call(tool, **arguments)
        assert result["resultType"] == "task", result
        task_id: str = result["taskId"]
        return task_id

    async def get(self, task: str) -> dict[str, Any]:
        return await self.ask("tasks/get", taskId=task)

    async def update(self, task: str, **answers: Any) -> dict[str, Any]:
        return await self.ask("tasks/update", taskId=task, inputResponses=answers)

    async def cancel(self, task: str) -> dict[str, Any]:
        return await self.ask("tasks/cancel", taskId=task)

    async def until(self, task: str, *statuses: str) -> dict[str, Any]:
        """The task once it has one of these statuses; without any, once it is closed."""
        wanted = set(statuses) or CLOSED
        return await self.seen(task, lambda found: found["status"] in wanted)

    async def seen(self, task: str, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The task once it is so."""
        async with asyncio.timeout(10):
            while True:
                found = await self.get(task)
                if fits(found):
                    return found
                await asyncio.sleep(0.005)


class Problem(Exception):
    """A JSON-RPC error."""

    def __init__(self, status: int, error: dict[str, Any]) -> None:
        super().__init__(status, error)
        self.status = status
        self.code: int = error["code"]
        self.message: str = error["message"]
        self.data: Any = error.get("data")


async def frames(stream: Stream, count: int) -> list[dict[str, Any]]:
    """The next messages of a stream."""
    heard: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        while len(heard) < count:
            heard += events(await anext(aiter(stream.chunks)))
    return heard


def accept(**content: Any) -> dict[str, Any]:
    """The answer of a user who filled in a form."""
    return {"action": "accept", "content": content}


def text_of(task: dict[str, Any]) -> str:
    """What a completed task says."""
    assert task["status"] == "completed", json.dumps(task)
    return str(task["result"]["content"][0]["text"])
