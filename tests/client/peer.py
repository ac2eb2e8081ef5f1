"""A scripted HTTP server: what a client sent is kept, what it gets is what a test says, byte for byte if it must be."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

CHUNK = b"%x\r\n%b\r\n"


class Seen(msgspec.Struct):
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> Any:
        return json.loads(self.body) if self.body else None

    @property
    def rpc(self) -> str:
        """The JSON-RPC method, or of HTTP where there is none."""
        return (self.message or {}).get("method", self.method)


Said = bytes | AsyncIterator[bytes]
Script = Callable[[Seen], Said]


class Peer(msgspec.Struct):
    url: str
    seen: list[Seen] = []
    connections: int = 0

    @property
    def asked(self) -> list[str]:
        return [each.rpc for each in self.seen]


@asynccontextmanager
async def peer(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """Serves `script`; b"" closes the connection, bytes that end a head early too."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        one.connections += 1
        try:
            while (seen := await request(reader)) is not None:
                one.seen.append(seen)
                said = script(seen)
                if isinstance(said, bytes):
                    writer.write(said)
                else:
                    async for piece in said:
                        writer.write(piece)
                        await writer.drain()
                await writer.drain()
                if not isinstance(said, bytes) or not said or b"\r\nConnection: close" in said:
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    one = Peer(f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp")
    try:
        yield one
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def request(reader: asyncio.StreamReader) -> Seen | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Seen(method, target, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


def response(
    status: int, body: bytes = b"", kind: str = "application/json", headers: dict[str, str] | None = None
) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answer(seen: Seen, result: Any = None, **headers: str) -> bytes:
    """The result of the request that came."""
    text = json.dumps({"jsonrpc": "2.0", "id": seen.message["id"], "result": result or {}})
    return response(200, text.encode(), headers=headers)


def refusal(seen: Seen, code: int, status: int = 400, data: Any = None) -> bytes:
    error = {"code": code, "message": "no"} | ({} if data is None else {"data": data})
    return response(status, json.dumps({"jsonrpc": "2.0", "id": seen.message["id"], "error": error}).encode())


def discovered(seen: Seen, *versions: str, **capabilities: Any) -> bytes:
    supported = versions or ("2026-07-28",)
    return answer(seen, {"resultType": "complete", "supportedVersions": supported, "capabilities": capabilities})


def event(message: Any, id: str = "", retry: int | None = None) -> bytes:  # noqa: A002 - the field's word
    lines = [f"id: {id}"] * bool(id) + [f"retry: {retry}"] * (retry is not None)
    return "\n".join([*lines, f"data: {json.dumps(message) if message else ''}", "", ""]).encode()


async def stream(events: Iterable[bytes] | AsyncIterator[bytes], *, whole: bool = True) -> AsyncIterator[bytes]:
    """A response of events, in chunks; not `whole`: the connection ends before the body does."""
    yield b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    if isinstance(events, AsyncIterator):
        async for each in events:
            yield CHUNK % (len(each), each)
    else:
        for each in events:
            yield CHUNK % (len(each), each)
    if whole:
        yield b"0\r\n\r\n"


def reply(seen: Seen, result: Any = None) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": seen.message["id"], "result": result or {}}


def note(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, "params": params}


async def for_ever() -> AsyncIterator[bytes]:
    """Nothing more comes, and the connection stays."""
    await asyncio.Event().wait()
    yield b""
