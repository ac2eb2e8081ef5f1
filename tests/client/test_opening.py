"""Which era a client takes its server for (2026-07-28, Versioning; streamable-http, Backward Compatibility)."""

from typing import Any

import pytest

from erlmcp.client import Client, ClientError, ConnectionFailed, Garbled, HttpError, RpcError
from tests.client.peer import Peer, Said, Script, Seen, answer, discovered, peer, refusal, response


def old(seen: Seen, version: str = "2025-11-25") -> bytes:
    """A server that opens with a handshake."""
    if seen.rpc == "initialize":
        about = {"name": "old", "version": "1"}
        return answer(seen, {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about})
    return response(202) if seen.rpc == "notifications/initialized" else refusal(seen, -32601)


async def opened(script: Script, mode: str = "auto", **options: Any) -> tuple[Client, Peer]:
    async with peer(script) as one, Client(one.url, mode=mode, timeout=5, **options) as client:
        return client, one


async def test_a_server_that_answers_the_probe_is_modern() -> None:
    client, one = await opened(lambda seen: discovered(seen, tools={}))
    assert (client.modern, client.protocol_version, one.asked) == (True, "2026-07-28", ["server/discover"])
    assert client.server is not None
    assert client.server.capabilities == {"tools": {}}


async def test_the_probe_says_who_asks_in_its_headers_and_its_envelope() -> None:
    _, one = await opened(discovered, elicit=lambda _: {}, name="me", version="7")
    (seen,) = one.seen
    assert (seen.method, seen.target) == ("POST", "/mcp")
    assert seen.headers["mcp-protocol-version"] == "2026-07-28"
    assert seen.headers["mcp-method"] == "server/discover"
    assert seen.headers["accept"] == "application/json, text/event-stream"
    assert seen.message["params"]["_meta"] == {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "me", "version": "7"},
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}},
    }


@pytest.mark.parametrize(
    "rejection",
    [
        lambda seen: refusal(seen, -32601, 404),
        lambda seen: refusal(seen, -32600),
        lambda seen: refusal(seen, -32000),
        lambda seen: refusal(seen, -32602, 200),
        lambda seen: refusal(seen, -32022, data={"supported": ["2025-11-25"]}),
        lambda seen: discovered(seen, "2025-11-25"),
        lambda _: response(400),
        lambda _: response(404, b"Not Found", "text/plain"),
        lambda _: response(405),
        lambda _: response(400, b"<html>"),
        lambda _: response(200, b"{}"),
        lambda seen: answer(seen, {"hello": "world"}),
    ],
)
async def test_whatever_is_no_modern_answer_is_an_old_server(rejection: Script) -> None:
    def script(seen: Seen) -> Said:
        return rejection(seen) if seen.rpc == "server/discover" else old(seen)

    client, one = await opened(script)
    assert (client.modern, client.protocol_version) == (False, "2025-11-25")
    assert one.asked == ["server/discover", "initialize", "notifications/initialized"]
    first, second, third = (seen.headers.get("mcp-protocol-version") for seen in one.seen)
    assert (first, second, third) == ("2026-07-28", None, "2025-11-25")


@pytest.mark.parametrize(
    ("rejection", "why"),
    [
        (lambda seen: refusal(seen, -32020), RpcError),
        (lambda seen: refusal(seen, -32021), RpcError),
        (lambda seen: refusal(seen, -32022, data={"supported": ["2030-01-01"]}), RpcError),
        (lambda _: response(401), HttpError),
        (lambda _: response(403), HttpError),
        (lambda _: response(502), HttpError),
        (lambda _: response(308, headers={"Location": "https://elsewhere"}), HttpError),
        (lambda _: b"", ConnectionFailed),
    ],
)
async def test_what_another_handshake_would_not_mend_is_raised(rejection: Script, why: type[ClientError]) -> None:
    with pytest.raises(why):
        await opened(rejection)


async def test_a_server_that_names_a_version_of_ours_is_asked_again_in_it() -> None:
    def script(seen: Seen) -> Said:
        again = len(one.seen) > 1
        return discovered(seen) if again else refusal(seen, -32022, data={"supported": ["2026-07-28"]})

    async with peer(script) as one, Client(one.url) as client:
        assert client.modern
    assert one.asked == ["server/discover"] * 2
    assert [seen.message["id"] for seen in one.seen] == [1, 2]


async def test_a_server_that_refuses_for_ever_is_asked_twice() -> None:
    asked: list[str] = []

    def script(seen: Seen) -> Said:
        asked.append(seen.rpc)
        return refusal(seen, -32022, data={"supported": ["2026-07-28"]})

    with pytest.raises(RpcError):
        await opened(script)
    assert asked == ["server/discover"] * 2


async def test_a_version_without_a_handshake_is_pinned_without_a_word() -> None:
    client, one = await opened(discovered, mode="2026-07-28")
    assert (client.protocol_version, client.server, one.seen) == ("2026-07-28", None, [])


async def test_modern_has_nothing_to_fall_back_to() -> None:
    with pytest.raises(RpcError, match="-32601"):
        await opened(lambda seen: refusal(seen, -32601, 404), mode="modern")
    with pytest.raises(RpcError, match="the server speaks 2025-11-25, the client 2026-07-28"):
        await opened(lambda seen: discovered(seen, "2025-11-25"), mode="modern")


@pytest.mark.parametrize("version", ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"])
async def test_an_old_version_is_asked_for_and_spoken(version: str) -> None:
    client, one = await opened(lambda seen: old(seen, version), mode=version)
    assert one.seen[0].message["params"]["protocolVersion"] == version
    assert (client.protocol_version, one.seen[1].headers["mcp-protocol-version"]) == (version, version)


async def test_legacy_speaks_whatever_old_version_the_server_chooses() -> None:
    client, _ = await opened(lambda seen: old(seen, "2024-11-05"), mode="legacy")
    assert client.protocol_version == "2024-11-05"


@pytest.mark.parametrize(("mode", "version"), [("legacy", "1999-01-01"), ("2025-06-18", "2025-11-25")])
async def test_a_version_that_nobody_agreed_on_is_refused(mode: str, version: str) -> None:
    with pytest.raises(RpcError, match=f"the server speaks '{version}'"):
        await opened(lambda seen: old(seen, version), mode=mode)


async def test_a_handshake_without_a_version_is_garbled() -> None:
    with pytest.raises(Garbled, match="answer to initialize is malformed"):
        await opened(lambda seen: answer(seen, {}), mode="legacy")


@pytest.mark.parametrize(
    ("target", "options", "why"),
    [
        ("127.0.0.1:8080", {}, "is no address of a server"),
        ("ftp://x/", {}, "is no address"),
        ("http://", {}, "is no address"),
        ("http://a:b@x/", {}, "must not carry a user"),
        ("http://x:99999/", {}, "is no address"),
        ("http://x/ y", {}, "is no address"),
        ([], {}, "a command is a list of words"),
        ("http://x/", {"mode": "old"}, "mode must be one of auto, modern, legacy, 2026-07-28"),
        ("http://x/", {"timeout": 0}, "timeout must be above 0"),
        ("http://x/", {"retries": -1}, "retries must be 0 or more"),
        ("http://x/", {"headers": {"a b": "c"}}, "malformed"),
        ("http://x/", {"headers": {"a": "b\r\nc: d"}}, "malformed"),
        ("http://x/", {"headers": {"Host": "b"}}, "set by the client itself"),
        (["x"], {"headers": {"a": "b"}}, "give a child its env"),
    ],
)
def test_what_can_not_be_meant_is_refused_at_once(target: Any, options: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Client(target, **options)
