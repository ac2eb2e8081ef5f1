"""What a server says of itself, and the constant members of results in each era."""

import json

import pytest

from erlmcp import App
from erlmcp.mcp.caching import cache_hints
from erlmcp.mcp.identity import join_result, result_tail
from erlmcp.mcp.methods import METHODS
from erlmcp.mcp.result import InputRequired, TaskCreated, Unfinished
from erlmcp.mcp.versions import HANDSHAKE, NEWEST_HANDSHAKE, REVISIONS, SUPPORTED
from tests.mcp.posts import META, ask, endpoint, legacy, message, modern, outcome, post, said, told

INFO = {"name": "sample", "title": "A sample", "version": "2.1", "websiteUrl": "https://example.com"}
STAMP = {"io.modelcontextprotocol/serverInfo": INFO}
READ = {"uri": "user://1/profile"}
ASKS = {
    "server/discover": {},
    "tools/list": {},
    "tools/call": {"name": "add", "arguments": {"a": 1, "b": 2}},
    "resources/list": {},
    "resources/templates/list": {},
    "resources/read": READ,
    "prompts/list": {},
    "prompts/get": {"name": "greet", "arguments": {"name": "Ada"}},
    "completion/complete": {"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": "name", "value": "A"}},
}
CACHEABLE = {method.name for method in METHODS if method.cacheable and not method.extension}


def test_discover_says_versions_capabilities_and_instructions():
    assert said(ask(modern("server/discover")))["result"] == {
        "supportedVersions": ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"],
        "capabilities": {
            "tools": {"listChanged": True},
            "resources": {"listChanged": True, "subscribe": True},
            "prompts": {"listChanged": True},
            "completions": {},
            "logging": {},
        },
        "instructions": "Ask.",
        "resultType": "complete",
        "ttlMs": 0,
        "cacheScope": "private",
        "_meta": STAMP,
    }


@pytest.mark.parametrize("method", ASKS)
def test_every_modern_result_is_complete_and_signed(method):
    result = said(ask(modern(method, ASKS[method])))["result"]
    assert (result["resultType"], result["_meta"]) == ("complete", STAMP)


@pytest.mark.parametrize("method", ASKS)
def test_caching_hints_are_on_the_results_the_specification_lists_and_on_no_other(method):
    result = said(ask(modern(method, ASKS[method])))["result"]
    hints = {name: result[name] for name in ("ttlMs", "cacheScope") if name in result}
    assert hints == ({"ttlMs": 0, "cacheScope": "private"} if method in CACHEABLE else {})
    assert set(ASKS) - {"tools/call", "prompts/get", "completion/complete"} == CACHEABLE


@pytest.mark.parametrize("method", [method for method in ASKS if method != "server/discover"])
def test_no_legacy_result_has_a_member_of_the_modern_era(method):
    result = said(ask(legacy(method, ASKS[method])))["result"]
    assert not {"resultType", "_meta", "ttlMs", "cacheScope"} & set(result)


def test_an_app_says_how_long_its_lists_may_be_kept():
    app = App("cached", cache_ttl_ms=60_000, cache_scope="public")
    result = said(endpoint(app)(modern("server/discover")))["result"]
    assert (result["ttlMs"], result["cacheScope"]) == (60_000, "public")


def test_an_app_declares_what_it_has_and_its_other_methods_are_not_found():
    bare = endpoint(App("bare"))
    assert said(bare(modern("server/discover")))["result"]["capabilities"] == {"logging": {}}
    assert said(told(bare, legacy("initialize", {})))["result"]["capabilities"] == {"logging": {}}
    for method in set(ASKS) - {"server/discover"}:
        assert outcome(bare(modern(method, ASKS[method]))) == (404, -32601)
        assert outcome(bare(legacy(method, ASKS[method]))) == (200, -32601)


def test_an_app_with_only_templates_has_resources():
    app = App("templates")

    @app.resource("user://{who}")
    def user(who: str) -> str:
        """Somebody."""
        return who

    assert "resources" in said(endpoint(app)(modern("server/discover")))["result"]["capabilities"]
    assert said(endpoint(app)(modern("resources/list")))["result"]["resources"] == []


def test_pages_follow_one_another_and_a_bad_cursor_is_refused():
    served = endpoint(page_size=2)
    names, cursor = [], None
    for _ in range(3):
        page = said(served(modern("tools/list", {} if cursor is None else {"cursor": cursor})))["result"]
        names += [tool["name"] for tool in page["tools"]]
        cursor = page.get("nextCursor")
    assert (names, cursor) == (["add", "refuse", "crash", "tell", "link"], None)
    assert said(served(modern("tools/list", {"cursor": ""})))["result"]["tools"]
    assert outcome(served(modern("tools/list", {"cursor": "nonsense"}))) == (400, -32602)
    assert outcome(served(modern("tools/list", {"cursor": 5}))) == (400, -32602)


def test_completion_takes_a_context_or_none():
    ask_for = ASKS["completion/complete"]
    for extra in ({}, {"context": {}}, {"context": {"arguments": {"other": "x"}}}):
        result = said(ask(modern("completion/complete", ask_for | extra)))["result"]
        assert result["completion"]["values"] == ["Ada", "Alan"]
    wrong = ask_for | {"ref": {"type": "ref/nothing", "name": "greet"}}
    assert outcome(ask(modern("completion/complete", wrong))) == (400, -32602)
    assert outcome(ask(modern("completion/complete", ask_for | {"context": {"arguments": {"a": 5}}}))) == (400, -32602)


def test_a_result_with_a_meta_of_its_own_is_signed_beside_it():
    tail = result_tail(b'{"name":"s"}', modern=True)
    joined = join_result(b'"_meta":{"own":1},"content":[]', tail)
    assert json_of(joined) == {
        "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "s"}, "own": 1},
        "content": [],
        "resultType": "complete",
    }
    assert join_result(b'"_meta":{"own":1}', b"") == b'"_meta":{"own":1}'
    assert json_of(join_result(b'"content":[{"_meta":{}}]', tail))["_meta"] == {
        "io.modelcontextprotocol/serverInfo": {"name": "s"}
    }


def json_of(members):
    return json.loads(b"{%b}" % members)


def test_a_null_for_arguments_counts_as_none():
    sent = {"name": "link", "arguments": None}
    assert ask(modern("tools/call", sent)).status == 200


def test_the_revisions_are_listed_newest_first_and_the_newest_with_a_handshake_is_known():
    assert [each.name for each in REVISIONS] == sorted(SUPPORTED, reverse=True)
    assert max(HANDSHAKE.values()) == NEWEST_HANDSHAKE


def test_a_modern_request_without_its_header_is_a_mismatch_and_not_an_old_client():
    answer = ask(post(message("tools/list", {"_meta": META}), {}))
    assert outcome(answer) == (400, -32020)
    answer = ask(post(message("server/discover", {"_meta": META}), {b"mcp-protocol-version": b"2025-11-25"}))
    assert outcome(answer) == (400, -32020)


@pytest.mark.parametrize(("kind", "word"), [(InputRequired, "input_required"), (TaskCreated, "task")])
def test_a_result_that_is_not_the_methods_own_says_so_and_may_not_be_cached(kind: type[Unfinished], word: str):
    tail = result_tail(b'{"name":"s"}', modern=True, hints=cache_hints(1000, "public"))
    signed = {"io.modelcontextprotocol/serverInfo": {"name": "s"}}
    assert json_of(join_result(kind(b'"more":1'), tail)) == {"more": 1, "resultType": word, "_meta": signed}
    joined = json_of(join_result(kind(b'"_meta":{"own":1},"more":1'), tail))
    assert joined == {"more": 1, "resultType": word, "_meta": signed | {"own": 1}}
