"""POSTs to an endpoint as clients of both eras send them, and an app that has a little of everything."""

import asyncio
import json
from typing import Any

from erlmcp import App, Context, ToolError
from erlmcp.http import Request, Response, Stream
from erlmcp.mcp import Endpoint, Link, Observer, Options

MODERN = "2026-07-28"
PREFIX = "io.modelcontextprotocol/"
META = {
    PREFIX + "protocolVersion": MODERN,
    PREFIX + "clientInfo": {"name": "tester", "version": "1"},
    PREFIX + "clientCapabilities": {},
}
BOTH = b"application/json, text/event-stream"


def post(body: bytes, headers: dict[bytes, bytes], repeated: tuple[bytes, ...] = ()) -> Request:
    """A POST as the HTTP server hands it over."""
    usual = {b"host": b"localhost:8080", b"content-type": b"application/json", b"accept": BOTH}
    return Request(b"POST", b"/mcp", b"", b"localhost:8080", usual | headers, repeated, body)


def message(method: str, params: dict[str, Any] | None, number: Any = 1) -> bytes:
    return json.dumps(
        {"jsonrpc": "2.0", "id": number, "method": method} | ({} if params is None else {"params": params})
    ).encode()


def modern(
    method: str, params: dict[str, Any] | None = None, *, meta: dict[str, Any] | None = None, number: Any = 1
) -> Request:
    """What a client of 2026-07-28 sends: the envelope in `_meta`, mirrored in headers."""
    params = (params or {}) | {"_meta": META | (meta or {})}
    headers = {b"mcp-protocol-version": MODERN.encode(), b"mcp-method": method.encode()}
    name = params.get("uri" if method == "resources/read" else "name")
    if name is not None:
        headers[b"mcp-name"] = name.encode()
    return post(message(method, params, number), headers)


def legacy(
    method: str, params: dict[str, Any] | None = None, *, version: str | None = "2025-11-25", number: Any = 1
) -> Request:
    """What an older client sends; without a version it is one that knows no such header."""
    return post(message(method, params, number), {} if version is None else {b"mcp-protocol-version": version.encode()})


def call(name: str, *, meta: dict[str, Any] | None = None, **arguments: Any) -> Request:
    return modern("tools/call", {"name": name, "arguments": arguments}, meta=meta)


def said(response: Response) -> dict[str, Any]:
    """The JSON of a response, or of the last event of one that is a short stream."""
    return events(response.body)[-1] if response.content_type == b"text/event-stream" else json.loads(response.body)


def events(chunk: bytes) -> list[dict[str, Any]]:
    """The messages of a chunk of a stream; each stands on one data line."""
    return [json.loads(line[5:]) for line in chunk.split(b"\n") if line.startswith(b"data:")]


def outcome(response: Response) -> tuple[int, int]:
    """HTTP status and error code."""
    return response.status, said(response)["error"]["code"]


def sample() -> App:
    """An app with a little of everything."""
    app = App("sample", version="2.1", title="A sample", instructions="Ask.", website_url="https://example.com")

    @app.tool(inline=True)
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @app.tool(inline=True)
    def refuse() -> str:
        """Say no."""
        raise ToolError("not today")

    @app.tool(inline=True)
    def crash() -> str:
        """Break."""
        raise KeyError("the secret")

    @app.tool(inline=True)
    def tell(ctx: Context) -> str:
        """Tell of progress without waiting."""
        ctx.progress(1, 2, "half")
        ctx.info("halfway")
        return "told"

    @app.tool(inline=True)
    def link() -> Link:
        """Point at a resource."""
        return Link("config://app", "settings")

    @app.resource("config://app", mime_type="application/json")
    def config() -> str:
        """The settings."""
        return "{}"

    @app.resource("user://{who}/profile", inline=True)
    def profile(who: str) -> str:
        """Somebody's profile."""
        return f"I am {who}"

    @app.prompt(inline=True)
    def greet(name: str) -> str:
        """Greet somebody."""
        return f"Say hello to {name}."

    @app.completion(prompt="greet", argument="name", inline=True)
    def names(value: str) -> list[str]:
        return [name for name in ("Ada", "Alan", "Grace") if name.startswith(value)]

    return app


def endpoint(app: App | None = None, on_call: Observer | None = None, **options: Any) -> Endpoint:
    app = app or sample()
    chosen = Options(**options)
    app.bind(chosen)
    return Endpoint(app, chosen, on_call)


def ask(request: Request, **options: Any) -> Response:
    """The answer of a fresh sample."""
    return told(endpoint(**options), request)


def told(served: Endpoint, request: Request) -> Response:
    """A whole answer, whether it is there at once or not."""
    answer = asyncio.run(_answered(served, request))
    assert isinstance(answer, Response)
    return answer


async def _answered(served: Endpoint, request: Request) -> Response | Stream:
    answer = served(request)
    return answer if isinstance(answer, Response) else await answer
