"""What a token costs, and a round of questions: sealing, opening, asking, and coming back with the answer."""

import json
from typing import Any

import msgspec
import pytest

from erlmcp.http import Request, Response
from erlmcp.mcp import App, Context, Endpoint, FixedRing, Options, Sealer

BOUND = b"b" * 48
SIZES = (64, 1024, 16 * 1024)
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
}
HEADERS = {
    b"content-type": b"application/json",
    b"accept": b"application/json, text/event-stream",
    b"mcp-protocol-version": b"2026-07-28",
    b"mcp-method": b"tools/call",
    b"mcp-name": b"greet",
}


class Named(msgspec.Struct):
    """A form."""

    name: str


@pytest.fixture(scope="module")
def sealer() -> Sealer:
    return Sealer(FixedRing(b"k" * 32))


@pytest.mark.parametrize("size", SIZES)
def test_seal(benchmark: Any, sealer: Sealer, size: int) -> None:
    benchmark.group = f"seal: {size} bytes"
    assert benchmark(sealer.seal, "bench", b"x" * size, BOUND)


@pytest.mark.parametrize("size", SIZES)
def test_unseal(benchmark: Any, sealer: Sealer, size: int) -> None:
    benchmark.group = f"unseal: {size} bytes"
    assert benchmark(sealer.unseal, "bench", sealer.seal("bench", b"x" * size, BOUND), BOUND)


@pytest.mark.parametrize("token", ["e1." + "A" * 80, "nonsense"])
def test_refuse(benchmark: Any, sealer: Sealer, token: str) -> None:
    benchmark.group = "unseal: what is not ours"
    assert benchmark(sealer.unseal, "bench", token, BOUND) is None


def asking() -> Endpoint:
    app = App("bench")

    @app.tool(inline=True)
    def greet(ctx: Context) -> str:
        """Ask for a name."""
        return ctx.wait(ctx.elicit("Your name?", Named, key="who")).granted().name

    app.bind(Options())
    return Endpoint(app, Options())


def post(**params: Any) -> Request:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "greet", "_meta": META, **params}}
    return Request(b"POST", b"/mcp", b"", b"", HEADERS, (), json.dumps(body).encode())


def test_a_round_that_asks(benchmark: Any) -> None:
    benchmark.group = "a round of questions"
    answer = benchmark(asking(), post())
    assert isinstance(answer, Response)
    assert b"input_required" in answer.body


def test_a_round_that_answers(benchmark: Any) -> None:
    benchmark.group = "a round of questions"
    endpoint = asking()
    asked = endpoint(post())
    assert isinstance(asked, Response)
    state = json.loads(asked.body)["result"]["requestState"]
    answer = {"who": {"action": "accept", "content": {"name": "Ada"}}}
    done = benchmark(endpoint, post(inputResponses=answer, requestState=state))
    assert isinstance(done, Response)
    assert b"Ada" in done.body
