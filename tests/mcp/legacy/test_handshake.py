"""The annex: handshake, ping and stateless calls of the revisions up to 2025-11-25."""

import json

import pytest

from tests.mcp.posts import ask, legacy, message, outcome, post, said

HANDSHAKES = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
NEWEST = "2025-11-25"


def initialize(version):
    return {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}


@pytest.mark.parametrize("version", HANDSHAKES)
def test_initialize_answers_with_the_version_asked_for(version):
    answer = ask(legacy("initialize", initialize(version), version=None))
    assert said(answer)["result"] == {
        "protocolVersion": version,
        "capabilities": {
            "tools": {"listChanged": True},
            "resources": {"listChanged": True, "subscribe": True},
            "prompts": {"listChanged": True},
            "completions": {},
            "logging": {},
        },
        "serverInfo": {"name": "sample", "title": "A sample", "version": "2.1", "websiteUrl": "https://example.com"},
        "instructions": "Ask.",
    }


@pytest.mark.parametrize("version", ["2026-07-28", "1999-01-01", "", "latest"])
def test_initialize_answers_a_version_without_a_handshake_with_the_newest_that_has_one(version):
    assert said(ask(legacy("initialize", initialize(version), version=None)))["result"]["protocolVersion"] == NEWEST


def test_the_runbooks_smoke_test_is_answered():
    body = b'{"jsonrpc":"2.0","method":"initialize","params":{},"id":1}'
    for headers in ({}, {b"accept": b"*/*"}):
        request = post(body, headers)
        assert said(ask(request))["result"]["protocolVersion"] == NEWEST
    bare = post(body, {})
    del bare.headers[b"accept"]
    assert ask(bare).status == 200


def test_a_strict_server_wants_a_version():
    assert outcome(ask(legacy("initialize", {}, version=None), strict_initialize=True)) == (200, -32602)
    assert ask(legacy("initialize", initialize(NEWEST), version=None), strict_initialize=True).status == 200


def test_a_version_that_is_no_string_is_refused():
    assert outcome(ask(legacy("initialize", {"protocolVersion": 5}, version=None))) == (200, -32602)


@pytest.mark.parametrize("version", [None, *HANDSHAKES])
def test_requests_need_no_handshake_and_no_session(version):
    assert said(ask(legacy("ping", version=version)))["result"] == {}
    answer = ask(legacy("tools/call", {"name": "add", "arguments": {"a": 1, "b": 2}}, version=version))
    assert said(answer)["result"]["content"] == [{"type": "text", "text": "3"}]
    assert not answer.headers


def test_an_unsupported_version_header_is_told_what_is_supported():
    answer = ask(legacy("tools/list", version="2023-01-01"))
    assert outcome(answer) == (400, -32022)
    assert NEWEST in said(answer)["error"]["data"]["supported"]


@pytest.mark.parametrize(
    "method", ["notifications/initialized", "notifications/cancelled", "notifications/roots/list_changed"]
)
def test_notifications_are_accepted_with_an_empty_answer(method):
    answer = ask(post(json.dumps({"jsonrpc": "2.0", "method": method}).encode(), {}))
    assert (answer.status, answer.body, answer.content_type) == (202, b"", b"")


@pytest.mark.parametrize("version", HANDSHAKES)
def test_replies_are_refused_where_there_is_no_session(version):
    body = b'{"jsonrpc":"2.0","id":1,"result":{}}'
    assert outcome(ask(post(body, {b"mcp-protocol-version": version.encode()}))) == (400, -32600)


@pytest.mark.parametrize("session", [b"a\xffb", b"a b", b"", b"0123abc", b"e1.AAAA"])
def test_a_session_id_that_is_none_of_ours_is_not_found(session):
    headers = {b"mcp-session-id": session, b"mcp-protocol-version": NEWEST.encode()}
    assert outcome(ask(post(message("tools/list", {}), headers))) == (404, -32600)
    assert ask(post(b'{"jsonrpc":"2.0","method":"notifications/initialized"}', headers)).status == 404


def test_errors_of_the_protocol_travel_under_200():
    assert outcome(ask(legacy("tools/fly"))) == (200, -32601)
    assert outcome(ask(legacy("server/discover"))) == (200, -32601)
    assert outcome(ask(legacy("tools/call", {"name": "fly"}))) == (200, -32602)
    assert outcome(ask(legacy("tools/call", {"name": 5}))) == (200, -32602)
    assert outcome(ask(legacy("tools/list", {"_meta": {"progressToken": 1.5}}))) == (200, -32602)


def test_null_for_what_is_absent_is_taken_as_absent():
    answer = ask(legacy("tools/call", {"name": "link", "arguments": None, "_meta": None}))
    assert answer.status == 200
    assert ask(legacy("tools/list", {"cursor": None})).status == 200


def test_mirrored_headers_of_the_other_era_are_not_looked_at():
    headers = {b"mcp-method": b"other", b"mcp-name": b"other", b"mcp-protocol-version": NEWEST.encode()}
    assert ask(post(message("ping", {}), headers, (b"mcp-name",))).status == 200
