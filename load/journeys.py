"""What one client of 2026-07-28 does with several requests that belong together; each may meet another worker.

A journey raises Failed when anything did not succeed that the protocol allows to succeed, and gives the processes that
it came by.
"""

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from load.fresh import PATIENCE, PAUSE, Events, Failed, Fresh, Message

VERSION = "2026-07-28"
PREFIX = "io.modelcontextprotocol/"
LOST = 5.0  # seconds until a change that was told counts as not heard

Journey = Callable[["Client"], Awaitable[Iterable[int]]]


class Client:
    """One client of this era. `killed`: the processes that were killed so far."""

    def __init__(self, fresh: Fresh, name: str, killed: set[int]) -> None:
        self.fresh, self.name, self.killed = fresh, name, killed
        self._ids = itertools.count(1)

    @property
    def fresh_name(self) -> str:
        """A name that nobody else uses."""
        return f"{self.name}-{next(self._ids)}"

    def message(self, method: str, params: Mapping[str, Any]) -> tuple[dict[str, str], bytes]:
        """Headers and body of a request."""
        meta = {
            PREFIX + "protocolVersion": VERSION,
            PREFIX + "clientInfo": {"name": self.name, "version": "1"},
            PREFIX + "clientCapabilities": {"elicitation": {}, "extensions": {PREFIX + "tasks": {}}},
        }
        body = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": {**params, "_meta": meta}}
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": VERSION,
            "Mcp-Method": method,
        }
        name = params.get("uri") or params.get("taskId") or params.get("name")
        return headers | ({"Mcp-Name": name} if name else {}), json.dumps(body).encode()

    async def request(self, method: str, **params: Any) -> Message:
        """The result. Failed when it is an error."""
        answer = await self.fresh.ask("POST", *self.message(method, params))
        if "result" not in answer.last:
            raise Failed(f"{method} {params}: {answer.status} {answer.last}")
        result: Message = answer.last["result"]
        return result

    async def call(self, tool: str, **arguments: Any) -> Any:
        """What a tool returned."""
        result = await self.request("tools/call", name=tool, arguments=arguments)
        if result.get("isError") or result["resultType"] != "complete":
            raise Failed(f"{tool} {arguments}: {result}")
        return result["structuredContent"]["result"]


async def rounds(client: Client) -> Iterable[int]:
    """A call that asks twice; its state travels with the client, sealed by one worker and opened by another."""
    name, said = client.fresh_name, {"first": "fiat", "second": "lux"}
    params: dict[str, Any] = {"name": "rounds", "arguments": {"name": name}}
    result = await client.request("tools/call", **params)
    for key, word in said.items():
        if result["resultType"] != "input_required" or list(result["inputRequests"]) != [key]:
            raise Failed(f"rounds asks for {key}, not so: {result}")
        answers = {key: {"action": "accept", "content": {"word": word}}}
        result = await client.request(
            "tools/call", **params, inputResponses=answers, requestState=result["requestState"]
        )
    text = result["content"][0]["text"] if result["resultType"] == "complete" else ""
    if not text.startswith(f"{name} fiat lux "):
        raise Failed(f"rounds ends with {name} fiat lux, not so: {result}")
    return map(int, text.rpartition(" ")[2].split(","))


async def listening(client: Client) -> Iterable[int]:
    """A stream hears of changes that are told at two workers, so one of them at least is not its own. One that ends, by
    a roll or a kill, is opened anew, and then a change has to be told again: there is no replay."""
    name = client.fresh_name
    asked = client.message("subscriptions/listen", {"notifications": {"resourceSubscriptions": [f"note://{name}"]}})
    tellers: set[int] = set()
    while len(tellers) < 2:
        try:
            async with client.fresh.open("POST", *asked) as stream:
                await _acknowledged(stream)
                while len(tellers) < 2:
                    teller = await client.call("update", name=name)
                    if not await _heard(client, stream, name, teller):
                        break
                    tellers.add(teller)
        except ConnectionRefusedError:
            raise Failed("a connection was refused") from None
        except ConnectionError:
            client.fresh.tally.cut += 1
            await asyncio.sleep(PAUSE)
    return tellers


async def _acknowledged(stream: Events) -> None:
    message = await stream.next()
    if message is None or message.get("method") != "notifications/subscriptions/acknowledged":
        raise Failed(f"a stream begins with its acknowledgement, not so: {stream.status} {message}")


async def _heard(client: Client, stream: Events, name: str, teller: int) -> bool:
    """Whether the change came; False when the stream ended properly before."""
    try:
        async with asyncio.timeout(LOST):
            message = await stream.next()
    except TimeoutError:
        if teller not in client.killed:
            raise Failed(f"process {teller} told of {name}, and nobody heard it within {LOST:g} s") from None
        client.fresh.tally.notes["changes lost with the process that told them"] += 1
        return False
    if message is not None and message.get("method") == "notifications/resources/updated":
        if message["params"]["uri"] != f"note://{name}":
            raise Failed(f"a stream for {name} heard {message}")
        return True
    if message is None or message.get("result", {}).get("resultType") != "complete":
        raise Failed(f"a stream for {name} ends with a result, not so: {message}")
    client.fresh.tally.notes["streams that a leaving worker ended"] += 1
    return False


async def tasks(client: Client) -> Iterable[int]:
    """A call that becomes a task: looked at, answered and fetched wherever the client comes. One whose worker dies is
    begun again by another."""
    name = client.fresh_name
    begun = await client.request("tools/call", name="errand", arguments={"name": name})
    if begun["resultType"] != "task":
        raise Failed(f"errand becomes a task, not so: {begun}")
    id_ = begun["taskId"]
    asked = await _until(client, id_, "input_required")
    answers = {key: {"action": "accept", "content": {"word": "fiat"}} for key in asked["inputRequests"]}
    await client.request("tasks/update", taskId=id_, inputResponses=answers)
    done = await _until(client, id_, "completed")
    text: str = done["result"]["content"][0]["text"]
    if not text.startswith(f"{name} fiat "):
        raise Failed(f"errand ends with {name} fiat, not so: {done}")
    return [int(text.rpartition(" ")[2]), await client.call("here")]


async def cancelled(client: Client) -> Iterable[int]:
    """A task that is cancelled at one worker while another one runs it."""
    begun = await client.request("tools/call", name="errand", arguments={"name": client.fresh_name})
    await client.request("tasks/cancel", taskId=begun["taskId"])
    await _until(client, begun["taskId"], "cancelled")
    return [await client.call("here") for _ in range(2)]


async def _until(client: Client, id_: str, status: str) -> Message:
    """The task, once it has got so far."""
    until = time.monotonic() + PATIENCE
    while True:
        task = await client.request("tasks/get", taskId=id_)
        if task["status"] == status:
            return task
        if task["status"] not in {"working", "input_required"}:
            raise Failed(f"a task comes to be {status}, not so: {task}")
        if time.monotonic() > until:
            raise Failed(f"a task is not {status} within {PATIENCE:g} s: {task}")
        await asyncio.sleep(PAUSE)


MODERN: Mapping[str, Journey] = {"rounds": rounds, "listening": listening, "tasks": tasks, "cancelled": cancelled}
