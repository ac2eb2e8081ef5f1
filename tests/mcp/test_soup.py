"""No bytes make the endpoint raise, and none go without an answer that says what was wrong."""

import asyncio
import json

from hypothesis import given
from hypothesis import strategies as st

from erlmcp.http import Response
from tests.mcp.posts import META, endpoint, message, post, said

SERVED = endpoint()
VERSIONS = st.sampled_from([None, b"2026-07-28", b"2025-11-25", b"2025-03-26", b"v999", b"", b"\xff"])
HEADERS = st.dictionaries(
    st.sampled_from([b"mcp-method", b"mcp-name", b"mcp-session-id", b"accept", b"content-encoding", b"content-type"]),
    st.sampled_from(
        [b"", b"tools/call", b"tools/list", b"add", b"*/*", b"application/json", b"=?base64?YWRk?=", b"\xff\xfe"]
    )
    | st.binary(max_size=20),
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.sampled_from(["add", "greet", "config://x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = [
    "server/discover",
    "tools/list",
    "tools/call",
    "resources/read",
    "prompts/get",
    "completion/complete",
    "initialize",
    "ping",
]
MEMBERS = st.sampled_from(
    ["name", "uri", "arguments", "cursor", "ref", "argument", "context", "_meta", "protocolVersion", *META]
)


LOOP = asyncio.new_event_loop()


async def answered(request):
    answer = SERVED(request)
    return answer if isinstance(answer, Response) else await answer


def judge(request):
    """Every answer is a Response that is a result, a JSON-RPC error or an empty 202."""
    answer = LOOP.run_until_complete(answered(request))
    assert isinstance(answer, Response)
    if answer.status == 202:
        assert answer.body == b""
        return
    told = said(answer)
    assert told["jsonrpc"] == "2.0"
    assert ("result" in told) != ("error" in told)
    if "error" in told:
        assert isinstance(told["error"]["code"], int)
        assert told["error"]["message"]
        assert answer.status != 500
    assert b"Traceback" not in answer.body


@given(body=st.binary(max_size=300), version=VERSIONS, headers=HEADERS)
def test_bytes(body, version, headers):
    judge(post(body, headers | ({} if version is None else {b"mcp-protocol-version": version})))


@given(
    method=st.sampled_from(NAMES) | st.text(max_size=10),
    params=st.none() | st.dictionaries(MEMBERS, VALUES, max_size=5),
    number=VALUES,
    version=VERSIONS,
    headers=HEADERS,
    honest=st.booleans(),
)
def test_messages_with_anything_in_them(method, params, number, version, headers, honest):
    if honest:  # past the ladder, to the parameters
        params = (params or {}) | {"_meta": META}
        name = params.get("uri" if method == "resources/read" else "name")
        headers = {
            b"mcp-method": method.encode("utf-8", "replace"),
            b"mcp-name": name.encode("utf-8", "replace") if isinstance(name, str) else b"",
        }
        version = b"2026-07-28"
    told = {} if version is None else {b"mcp-protocol-version": version}
    judge(post(message(method, params, number), headers | told))


@given(body=st.binary(max_size=80), at=st.integers(0, 400))
def test_a_good_message_with_a_piece_of_anything_in_it(body, at):
    whole = message("tools/call", {"name": "add", "arguments": {"a": 1, "b": 2}, "_meta": META})
    cut = at % len(whole)
    headers = {b"mcp-protocol-version": b"2026-07-28", b"mcp-method": b"tools/call", b"mcp-name": b"add"}
    judge(post(whole[:cut] + body + whole[cut + len(body) :], headers))


def test_json_is_never_answered_with_a_member_twice():
    answer = SERVED(
        post(
            message("server/discover", {"_meta": META}),
            {b"mcp-protocol-version": b"2026-07-28", b"mcp-method": b"server/discover"},
        )
    )

    def unique(pairs):
        assert len({name for name, _ in pairs}) == len(pairs)
        return dict(pairs)

    json.loads(answer.body, object_pairs_hook=unique)
