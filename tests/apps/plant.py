"""The TCPS app on a real coordinator and a real SQLite file, called in memory through the endpoint."""

import asyncio
import contextlib
import itertools
import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from erlmcp import App
from erlmcp.apps import tcps as doors
from erlmcp.http import Response
from erlmcp.mcp import Endpoint, Options
from erlmcp.store import Options as StoreOptions
from erlmcp.store import SqliteOwner, SqliteReader
from erlmcp.tcps import Ask, Coordinator, Done, Line, Maintenance, Notary, Place, Premises, Upkeep, Views, schema
from erlmcp.tcps import Options as TcpsOptions
from tests.apps.proofs import PASSING
from tests.mcp import posts
from tests.tcps.proof import walk

START = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)


class Plant:
    """An app, and who calls it."""

    def __init__(self, line: Line, views: Views, path: Path | None = None) -> None:
        self._line, self._views, self._path = line, views, path
        self.facts: list[bytes] = []
        self._hear: Callable[[bytes], None] = self.facts.append
        self.app: App = doors.build(line, views, self._listen)
        self.app.bind(Options())
        self.endpoint = Endpoint(self.app, Options())

    def _listen(self, hear: Callable[[bytes], None]) -> None:
        self._hear = hear

    def publish(self, facts: list[bytes]) -> None:
        """What the line commits; in `facts`, too."""
        self.facts += facts
        for fact in facts:
            self._hear(fact)

    async def ask(self, request: Any) -> dict[str, Any]:
        """The JSON-RPC message that answers."""
        answer = self.endpoint(request)
        response = answer if isinstance(answer, Response) else await asyncio.wait_for(answer, 5)
        assert isinstance(response, Response)
        return posts.said(response)

    async def result(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The whole result of a call."""
        result: dict[str, Any] = (await self.ask(posts.call(tool, **arguments)))["result"]
        return result

    async def call(self, tool: str, **arguments: Any) -> Any:
        """The structured content of a call that goes well, which the text says as well."""
        result = await self.result(tool, **arguments)
        assert result["isError"] is False, result
        assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
        return result["structuredContent"]

    async def no(self, tool: str, **arguments: Any) -> Any:
        """The structured content of a refusal, which the text says as well."""
        result = await self.result(tool, **arguments)
        assert result["isError"] is True, result
        told = result["structuredContent"]
        assert all(str(told[part]) in result["content"][0]["text"] for part in ("code", "message", "next"))
        return told

    async def made(self, order: str) -> None:
        """Take the sku of an order in progress through all gates."""
        sku_id = (await self._views.work_order(order)).sku_id
        assert sku_id is not None
        await walk(self._line, await self._views.sku(sku_id))

    async def sku(self, title: str = "Make it", bucket: str = "security", gate: str = "shacl_validation") -> str:
        """The sku of a new order that was started and taken to the stage of this gate."""
        order = await self.order(title, bucket)
        made = str((await self.call("work_order_start", id=order))["sku"]["id"])
        await self.advance(made, *list(PASSING)[: list(PASSING).index(gate)])
        return made

    async def advance(self, sku_id: str, *gates: str) -> None:
        """Take a sku through these gates."""
        for gate in gates:
            await self.call("gate_submit", sku_id=sku_id, gate=gate, evidence=PASSING[gate])
            await self.call("sku_advance", id=sku_id)

    async def read(self, uri: str) -> Any:
        """The JSON of a resource."""
        message = await self.ask(posts.modern("resources/read", {"uri": uri}))
        (contents,) = message["result"]["contents"]
        assert (contents["uri"], contents["mimeType"]) == (uri, "application/json")
        return json.loads(contents["text"])

    async def tamper(self, statement: str) -> None:
        """Change the rows behind the line's back."""
        assert self._path is not None
        with contextlib.closing(sqlite3.connect(self._path)) as connection, connection:
            connection.execute(statement)

    @staticmethod
    def hash_of(receipt: dict[str, Any]) -> str:
        """The hash that a receipt must have, worked out from its JSON alone (RFC 8785, for ASCII keys)."""
        body = {name: value for name, value in receipt.items() if name != "hash"}
        return sha256(json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()

    async def order(self, title: str = "Make it", bucket: str = "security", **more: Any) -> str:
        """The id of a new order."""
        made = await self.call("work_order_create", signal_type="internal", title=title, bucket=bucket, **more)
        return str(made["work_order"]["id"])


@asynccontextmanager
async def at_work(actor: Any) -> AsyncIterator[None]:
    """A child that runs, for as long as the block lasts."""
    ready = asyncio.Event()
    task = asyncio.create_task(actor.run(ready.set))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({task, waiting}, timeout=5, return_when=asyncio.FIRST_COMPLETED)
    assert ready.is_set(), task
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def plant(folder: Path) -> AsyncIterator[Plant]:
    """A new line. Its clock goes on by a second at every look."""
    seconds = itertools.count()
    path = folder / "erlmcp.db"

    def now() -> datetime:
        return START + timedelta(seconds=next(seconds))

    quick = StoreOptions(durable=False)
    async with SqliteOwner(path, schema(), quick) as owner, SqliteReader(path, schema(), quick) as reader:
        hear: list[Callable[[list[bytes]], None]] = []
        coordinator = Coordinator(owner, publish=lambda facts: [tell(facts) for tell in hear], now=now)
        notary = Notary(owner, Premises(folder / "checkpoint.key", folder), now=now)
        upkeep = Upkeep(owner, notary, Place(folder / "backups", schema()), TcpsOptions(), now=now)
        line = Maintenance(coordinator, owner, upkeep, now=now)
        opened = Plant(line, Views(reader, now=now), path)
        hear.append(opened.publish)
        async with at_work(coordinator), at_work(line):
            yield opened


class Failing:
    """A line that fails in the way it is told."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.asked: list[Ask] = []
        self.waited = 0.0

    async def execute(self, ask: Ask, timeout: float = 10.0) -> Done:
        self.asked.append(ask)
        self.waited = timeout
        raise self.error
