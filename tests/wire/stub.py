"""A server for the wire cases without MCP behind it: /health, and /mcp that gives back the id of a JSON-RPC message."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from erlmcp.http import Listener, Options, Origins, Request, Response, Route, Router, host_guard, origin_guard, problem


def health(_request: Request) -> Response:
    return Response(200, b'{"status":"healthy"}')


def mcp(request: Request) -> Response:
    try:
        message = json.loads(request.body)
    except ValueError:
        return problem(400, "no JSON")
    if message.get("id") is None:
        return Response(202)
    return Response(200, json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": {}}).encode())


def router() -> Router:
    guards = (host_guard((), 8080), origin_guard(Origins()))
    return Router([Route(b"/health", health), Route(b"/mcp", mcp, (b"POST",), guards)])


@asynccontextmanager
async def serving(
    options: Options, routes: Router | None = None, **kwargs: object
) -> AsyncIterator[tuple[Listener, int]]:
    """A listener on a free port of the loopback, and that port."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        listener = Listener(sock, routes or router(), options, **kwargs)  # type: ignore[arg-type]
        ready = asyncio.Event()
        task = asyncio.create_task(listener.run(ready.set))
        await asyncio.wait({asyncio.ensure_future(ready.wait()), task}, return_when=asyncio.FIRST_COMPLETED)
        try:
            yield listener, sock.getsockname()[1]
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
