"""The ladder of 2026-07-28: which rung refuses what, with which code and status."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from erlmcp.jsonrpc import Request, RpcError
from erlmcp.mcp import Context
from erlmcp.mcp.admit import BARE, LADDER, Arrival, admit, agrees, climb
from erlmcp.mcp.backplane import Backplane
from erlmcp.mcp.methods import surfaces
from erlmcp.mcp.options import Options
from erlmcp.mcp.param_headers import ParamHeader
from erlmcp.mcp.stream import NO_SINK
from erlmcp.mcp.types import Capabilities, Meta
from erlmcp.mcp.versions import MODERN, SUPPORTED
from tests.mcp.posts import META, PREFIX, ask, call, endpoint, message, modern, outcome, post, said, sample

VERSION = b"mcp-protocol-version"
SURFACE = surfaces(sample(), Options(), Backplane())["2026-07-28"]
NO_META = {"name": "add", "arguments": {"a": 1, "b": 2}}
HEADERS = {VERSION: b"2026-07-28", b"mcp-method": b"tools/call", b"mcp-name": b"add"}


def body(params=None, method="tools/call", **meta):
    """A tools/call of `add` with a changed envelope; a member that is None is left out."""
    envelope = {
        key: value
        for key, value in (META | {PREFIX + name: v for name, v in meta.items()}).items()
        if value is not None
    }
    return message(method, (NO_META | {"_meta": envelope}) if params is None else params)


FAULTS = {
    "no _meta": (body(NO_META), {}, 400, -32602),
    "_meta is null": (body(NO_META | {"_meta": None}), {}, 400, -32602),
    "no params at all": (message("server/discover", None), {b"mcp-method": b"server/discover"}, 400, -32602),
    "_meta is no object": (body(NO_META | {"_meta": 5}), {}, 400, -32602),
    "no version in _meta": (body(protocolVersion=None), {}, 400, -32602),
    "no capabilities in _meta": (body(clientCapabilities=None), {}, 400, -32602),
    "capabilities are no object": (body(clientCapabilities=[]), {}, 400, -32602),
    "client info is no object": (body(clientInfo="me"), {}, 400, -32602),
    "a version that is no string": (body(protocolVersion=7), {}, 400, -32602),
    "a log level that is none": (body(logLevel="loud"), {}, 400, -32602),
    "both name an unknown version": (body(protocolVersion="v999.0.0"), {VERSION: b"v999.0.0"}, 400, -32022),
    "an unknown version and no _meta": (body(NO_META), {VERSION: b"v999.0.0"}, 400, -32022),
    "header and _meta differ": (body(protocolVersion="v999.0.0"), {}, 400, -32020),
    "header unknown, _meta known": (body(), {VERSION: b"v999.0.0"}, 400, -32020),
    "Mcp-Method missing": (body(), {b"mcp-method": None}, 400, -32020),
    "Mcp-Method of another method": (body(), {b"mcp-method": b"tools/list"}, 400, -32020),
    "Mcp-Method in another case": (body(), {b"mcp-method": b"Tools/Call"}, 400, -32020),
    "Mcp-Method with an underscore": (body(), {b"mcp-method": None, b"mcp_method": b"tools/call"}, 400, -32020),
    "Mcp-Name missing": (body(), {b"mcp-name": None}, 400, -32020),
    "Mcp-Name of another tool": (body(), {b"mcp-name": b"other"}, 400, -32020),
    "Mcp-Name in another case": (body(), {b"mcp-name": b"Add"}, 400, -32020),
    "Mcp-Name of another tool in base64": (body(), {b"mcp-name": b"=?base64?b3RoZXI=?="}, 400, -32020),
    "Mcp-Name in broken base64": (body(), {b"mcp-name": b"=?base64?YWR?="}, 400, -32020),
    "Mcp-Name with markers in capitals": (body(), {b"mcp-name": b"=?BASE64?YWRk?="}, 400, -32020),
    "unknown method": (body(method="tools/fly"), {b"mcp-method": b"tools/fly"}, 404, -32601),
    "removed method initialize": (body(method="initialize"), {b"mcp-method": b"initialize"}, 404, -32601),
    "removed method ping": (body(method="ping"), {b"mcp-method": b"ping"}, 404, -32601),
    "removed method logging/setLevel": (
        body(method="logging/setLevel"),
        {b"mcp-method": b"logging/setLevel"},
        404,
        -32601,
    ),
    "unknown method without _meta": (body(NO_META, method="nope"), {b"mcp-method": b"nope"}, 400, -32602),
    "unknown method of another header": (body(method="nope"), {}, 400, -32020),
    "name is no string": (body({"name": 5, "_meta": META}), {}, 400, -32602),
    "name is missing": (body({"_meta": META}), {}, 400, -32602),
    "name is missing and so is _meta": (body({}), {VERSION: b"v999.0.0"}, 400, -32022),
    "arguments are no object": (body(NO_META | {"arguments": [1], "_meta": META}), {}, 400, -32602),
    "unknown tool": (body({"name": "fly", "_meta": META}), {b"mcp-name": b"fly"}, 400, -32602),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_rung_refuses_with_its_code_and_status(fault):
    sent, changes, status, code = FAULTS[fault]
    headers = {name: value for name, value in (HEADERS | changes).items() if value is not None}
    answer = ask(post(sent, headers))
    assert outcome(answer) == (status, code)
    assert said(answer)["id"] == 1
    assert said(answer)["error"]["message"]


@pytest.mark.parametrize("name", [b"mcp-protocol-version", b"mcp-method", b"mcp-name"])
def test_a_routing_header_that_comes_twice_is_refused_even_when_both_say_the_same(name):
    assert outcome(ask(post(body(), HEADERS, (name,)))) == (400, -32020)


def test_other_headers_may_come_twice():
    assert ask(post(body(), HEADERS, (b"accept", b"cookie"))).status == 200


def test_an_unsupported_version_is_told_what_is_supported():
    answer = ask(post(body(protocolVersion="v999.0.0"), HEADERS | {VERSION: b"v999.0.0"}))
    assert said(answer)["error"]["data"] == {"supported": list(SUPPORTED), "requested": "v999.0.0"}
    assert set(SUPPORTED) <= set(said(ask(modern("server/discover")))["result"]["supportedVersions"])


def test_client_info_may_be_absent():
    assert ask(post(body(clientInfo=None), HEADERS)).status == 200


def test_a_name_that_is_not_ascii_travels_in_base64_only():
    uri = "user://Zoë/profile"
    sent = message("resources/read", {"uri": uri, "_meta": META})
    headers = {VERSION: b"2026-07-28", b"mcp-method": b"resources/read"}
    encoded = b"=?base64?" + base64.b64encode(uri.encode()) + b"?="
    assert outcome(ask(post(sent, headers | {b"mcp-name": uri.encode()}))) == (400, -32020)
    assert ask(post(sent, headers | {b"mcp-name": encoded})).status == 200


def test_a_name_that_looks_encoded_must_be_encoded():
    uri = "=?base64?YWRk?="
    sent = message("resources/read", {"uri": uri, "_meta": META})
    headers = {VERSION: b"2026-07-28", b"mcp-method": b"resources/read"}
    assert outcome(ask(post(sent, headers | {b"mcp-name": uri.encode()}))) == (400, -32020)
    encoded = b"=?base64?" + base64.b64encode(uri.encode()) + b"?="
    assert said(ask(post(sent, headers | {b"mcp-name": encoded})))["error"]["data"] == {"uri": uri}


@pytest.mark.parametrize(
    ("token", "status"), [(7, 200), ("seven", 200), (-7, 200), (7.5, 400), (None, 400), ([], 400), (True, 400)]
)
def test_a_progress_token_is_a_string_or_an_integer(token, status):
    assert ask(modern("tools/list", meta={"progressToken": token})).status == status


@pytest.mark.parametrize("level", ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"])
def test_every_severity_of_rfc_5424_is_a_log_level(level):
    assert ask(modern("tools/list", meta={PREFIX + "logLevel": level})).status == 200


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', -32700),
        (b"\xff\xfe{\x00}\x00", -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"x":-Infinity}}', -32700),
        (b"[" * 100_000 + b"]" * 100_000, -32700),
        (b"[]", -32600),
        (b'[{"jsonrpc":"2.0","id":1,"method":"server/discover"}]', -32600),
        (b'{"jsonrpc":"2.0","id":1,"result":{}}', -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"server/discover"}', -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"server/discover"}', -32600),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"server/discover"}', -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"server/discover"}', -32600),
        (b'{"jsonrpc":"2.0","method":5}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"server/discover","params":[1]}', -32600),
    ],
)
def test_what_is_no_single_message_is_refused_before_the_ladder(sent, code):
    answer = ask(post(sent, HEADERS))
    assert outcome(answer) == (400, code)
    assert said(answer).get("id") in {None, 1}


def test_an_error_whose_id_could_not_be_read_has_none():
    assert "id" not in said(ask(post(b"{", HEADERS)))


def test_ids_come_back_as_they_came():
    for number in (0, -5, 2**80, "", "café 😀", int("9" * 401)):
        assert said(ask(modern("server/discover", number=number)))["id"] == number


def test_a_notification_is_accepted_and_dropped_with_an_empty_answer():
    for method in ("notifications/cancelled", "notifications/anything"):
        sent = json.dumps({"jsonrpc": "2.0", "method": method}).encode()
        answer = ask(post(sent, {VERSION: b"2026-07-28"}))
        assert (answer.status, answer.body) == (202, b"")


def test_a_notification_in_an_unknown_version_is_refused_without_an_id():
    answer = ask(post(b'{"jsonrpc":"2.0","method":"notifications/cancelled"}', {VERSION: b"v999.0.0"}))
    assert outcome(answer) == (400, -32022)
    assert "id" not in said(answer)


def test_the_ladder_is_climbed_in_the_documented_order():
    assert [rung.__name__ for rung in LADDER] == [
        "routing_headers_come_once",
        "envelope_is_complete",
        "version_header_repeats_the_envelope",
        "method_header_repeats_the_body",
        "name_header_repeats_the_body",
        "version_is_spoken",
    ]


words = st.sampled_from([None, b"", b"2026-07-28", b"v999", b"add", b"=?base64?YWRk?=", b"tools/call", b"caf\xc3\xa9"])
texts = st.sampled_from(["", "2026-07-28", "v999", "add", "=?base64?YWRk?=", "tools/call", "café"])


@given(version=words, method=words, name=words, body_version=texts, mirrored=st.none() | texts, complete=st.booleans())
def test_the_quick_look_never_passes_what_the_ladder_refuses(version, method, name, body_version, mirrored, complete):
    given_headers = {VERSION: version, b"mcp-method": method, b"mcp-name": name}
    headers = {key: value for key, value in given_headers.items() if value is not None}
    meta = Meta(body_version, Capabilities() if complete else UNSET)
    if agrees(headers, SURFACE["tools/call"], meta, mirrored):
        climb(Arrival(headers, (), "tools/call", meta, mirrored))


def test_a_call_knows_who_asks_for_what():
    made = admit(Request(b'"a"', "tools/call", body().split(b'"params": ')[1][:-1]), HEADERS, (), SURFACE)
    assert (made.target, made.facts.id, made.facts.protocol_version, made.facts.modern) == (
        "add",
        b'"a"',
        "2026-07-28",
        True,
    )
    assert Context(made.facts, NO_SINK).client == {"name": "tester", "version": "1"}
    assert (made.facts.progress_token, made.facts.log_level) == (None, None)


def test_a_refusal_is_an_rpc_error_and_nothing_else():
    with pytest.raises(RpcError, match="Mcp-Method is missing"):
        admit(
            Request(b"1", "tools/list", b'{"_meta":%b}' % json.dumps(META).encode()),
            {VERSION: b"2026-07-28"},
            (),
            SURFACE,
        )


def test_the_target_of_the_observer_is_the_tool_and_its_outcome_has_a_word():
    seen = []
    served = endpoint(on_call=lambda method, target, word, elapsed: seen.append((method, target, word, elapsed >= 0)))
    for request in (
        call("add", a=1, b=2),
        call("refuse"),
        call("fly"),
        modern("tools/list"),
        modern("tools/fly"),
        post(b"", {}),
    ):
        served(request)
    assert seen == [
        ("tools/call", "add", "ok", True),
        ("tools/call", "refuse", "tool_error", True),
        ("tools/call", "fly", "-32602", True),
        ("tools/list", "", "ok", True),
        ("", "", "-32601", True),
        ("", "", "-32700", True),
    ]


def test_there_is_one_modern_version():
    assert dict(MODERN) == {b"2026-07-28": "2026-07-28"}


def bare(text: bytes):
    """A message that came without headers, as over stdio."""
    read = json.loads(text)
    return admit(Request(b"1", read["method"], json.dumps(read["params"]).encode()), BARE, (), SURFACE)


def test_without_headers_the_envelope_speaks_alone():
    call = bare(body())
    assert (call.method.name, call.target, call.facts.protocol_version) == ("tools/call", "add", "2026-07-28")
    assert bare(message("tools/call", {"name": "日本", "_meta": META})).target == "日本"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (body(NO_META), -32602),
        (body(protocolVersion=None), -32602),
        (body(clientCapabilities=None), -32602),
        (body(protocolVersion="v999.0.0"), -32022),
        (body(method="ping"), -32601),
        (body(method="ping", protocolVersion="v999.0.0"), -32022),
        (body({"name": 5, "_meta": META}), -32602),
    ],
)
def test_without_headers_the_other_rungs_still_hold(text, code):
    with pytest.raises(RpcError) as refused:
        bare(text)
    assert refused.value.code == code


def test_without_headers_no_argument_need_be_repeated_in_one():
    wanted = {"add": (ParamHeader(b"mcp-param-a", ("a",), "integer"),)}
    surface = {"tools/call": replace(SURFACE["tools/call"], param_headers=wanted)}
    request = Request(b"1", "tools/call", json.dumps(json.loads(body())["params"]).encode())
    assert admit(request, BARE, (), surface).target == "add"
    with pytest.raises(RpcError) as refused:
        admit(request, HEADERS, (), surface)
    assert refused.value.code == -32020
