"""Sessions at several workers: opened anywhere, changed and ended everywhere, and never somebody else's."""

import asyncio
import gc
import json
import tracemalloc

import pytest

from erlmcp.http import Cors, Origins, Request, Response, Route, Router
from erlmcp.mcp.legacy import StoreAway
from erlmcp.mcp.legacy.session import unseal
from erlmcp.mcp.legacy.sessions import FLUSH, KEPT
from erlmcp.mcp.legacy.store import LIVELY, MAX_WATCHED, State
from tests.mcp.author import until
from tests.mcp.legacy.nodes import Client, Workers, talkative, turns
from tests.mcp.posts import outcome

IDLE = 1800.0


async def test_a_session_is_known_at_every_worker():
    node = Workers(3)
    client = await Client.open(node[0])
    for worker in node.endpoints:
        answer = await client.call(worker, "client")
        told = json.loads(json.loads(answer.body)["result"]["content"][0]["text"])
        assert told == [{"name": "c", "version": "1"}, "2025-11-25", True]


async def test_a_session_id_is_visible_ascii_and_no_two_are_the_same():
    node = Workers(1)
    ids = {(await Client.open(node[0])).session for _ in range(20)}
    assert len(ids) == 20
    assert all(0x21 <= byte <= 0x7E for each in ids for byte in each)


async def test_the_version_of_a_session_counts_and_not_the_header():
    node = Workers(1)
    client = await Client.open(node[0], version="2025-11-25")
    client.version = "2025-03-26"
    answer = await client.call(node[0], "client")
    assert "2025-11-25" in answer.body.decode()


async def test_a_session_opens_after_a_restart_of_every_worker():
    node = Workers(1)
    client = await Client.open(node[0])
    later = node.start(talkative)
    node.kill(0)
    assert (await client.call(later, "client")).status == 200


async def test_a_deleted_session_is_not_found_anywhere_any_more():
    node = Workers(3)
    client = await Client.open(node[0])
    for worker in node.endpoints:
        assert (await client.post(worker, "ping")).status == 200
    assert (await client.delete(node[1])).status == 200
    await turns()
    for worker in node.endpoints:
        assert outcome(await client.post(worker, "ping")) == (404, -32600)
        assert (await client.notify(worker, "notifications/initialized")).status == 404
        assert (await client.get(worker)).status == 404
        assert (await client.delete(worker)).status == 404


async def test_what_is_no_session_is_not_found():
    node = Workers(1)
    for session in (b"forged", b"e1.AAAA", b"\xff", Client().session or b"-"):
        stranger = Client(session)
        assert (await stranger.post(node[0], "ping")).status == 404
        assert (await stranger.get(node[0])).status == 404
        assert (await stranger.delete(node[0])).status == 404


async def test_a_session_of_somebody_else_is_not_found():
    node = Workers(1)
    client = await Client.open(node[0])
    sessions = node[0]._annex.sessions
    assert sessions.known(client.session, "local") is not None
    assert sessions.known(client.session, "somebody") is None
    assert sessions.unseal(client.session, "somebody") is None


async def test_calls_without_a_session_need_none():
    node = Workers(1)
    answer = await Client().call(node[0], "add", a=1, b=2)
    assert answer.status == 200
    assert not answer.headers


@pytest.mark.parametrize("method", ["logging/setLevel", "resources/subscribe", "resources/unsubscribe"])
async def test_what_needs_a_session_says_so(method):
    params = {"level": "info"} if "Level" in method else {"uri": "test://watched"}
    answer = await Client().post(Workers(1)[0], method, params)
    assert outcome(answer) == (400, -32600)
    assert "needs a session" in answer.body.decode()


async def test_a_session_ends_when_nobody_used_it_for_so_long_and_not_before():
    node = Workers(2)
    client = await Client.open(node[0])
    assert (await client.post(node[0], "ping")).status == 200
    node[0]._annex.sessions.flush()
    node.clock.at += IDLE - 1
    assert (await client.post(node[0], "ping")).status == 200
    node[0]._annex.sessions.flush()
    node.clock.at += IDLE - 1
    assert (await client.post(node[1], "ping")).status == 200
    node[0]._annex.sessions.flush()
    node[1]._annex.sessions.flush()
    node.clock.at += IDLE
    assert (await client.post(node[0], "ping")).status == 404
    assert (await client.post(node[1], "ping")).status == 404


async def test_a_session_that_is_used_at_one_worker_lives_at_the_others():
    node = Workers(2)
    client = await Client.open(node[0])
    await client.post(node[1], "ping")
    for _ in range(4):
        node.clock.at += IDLE / 2
        assert (await client.post(node[0], "ping")).status == 200
        node[0]._annex.sessions.flush()
    assert (await client.post(node[1], "ping")).status == 200


async def test_no_more_sessions_are_opened_than_may_be_while_all_are_used():
    node = Workers(1, max_sessions=2)
    first, _ = await Client.open(node[0]), await Client.open(node[0])
    opening = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}
    refused = await Client().post(node[0], "initialize", opening)
    assert outcome(refused) == (503, 503)
    assert dict(refused.headers)[b"retry-after"] == b"60"
    node.clock.at += LIVELY
    third = await Client.open(node[0])
    assert (await third.post(node[0], "ping")).status == 200
    assert (await first.post(node[0], "ping")).status == 404


async def test_a_log_level_is_obeyed_by_every_worker():
    node = Workers(2)
    client = await Client.open(node[0])
    meta = {"name": "count", "arguments": {"to": 0}}
    assert (await client.post(node[1], "tools/call", meta)).content_type == b"application/json"
    assert await client.result(node[0], "logging/setLevel", {"level": "warning"}) == {}
    await turns()
    known = [each._annex.sessions.known(client.session, "local") for each in node.endpoints]
    assert [each.state.level for each in known] == ["warning"] * 2
    assert outcome(await client.post(node[0], "logging/setLevel", {"level": "loud"})) == (200, -32602)


async def test_resources_are_watched_if_they_are_there():
    node = Workers(2)
    client = await Client.open(node[0])
    assert await client.result(node[1], "resources/subscribe", {"uri": "test://watched"}) == {}
    await turns()
    known = [each._annex.sessions for each in node.endpoints]
    assert [each.known(client.session, "local").state.watched for each in known] == [("test://watched",)] * 2
    assert outcome(await client.post(node[1], "resources/subscribe", {"uri": "test://nothing"})) == (200, -32002)
    assert outcome(await client.post(node[1], "resources/subscribe", {"uri": "t:" + "x" * 2047})) == (200, -32602)
    assert await client.result(node[0], "resources/unsubscribe", {"uri": "test://watched"}) == {}
    await turns()
    assert known[1].known(client.session, "local").state.watched == ()


async def test_one_resource_too_many_is_refused():
    node = Workers(1)
    client = await Client.open(node[0])
    key = unseal(node.sealer, client.session, "local").key
    node.sessions.table._kept[key].state = State("", tuple(str(each) for each in range(MAX_WATCHED)))
    answer = await client.post(node[0], "resources/subscribe", {"uri": "test://watched"})
    assert outcome(answer) == (503, 503)


async def test_whoever_may_have_missed_news_asks_again():
    node = Workers(2)
    client = await Client.open(node[0])
    assert (await client.post(node[1], "ping")).status == 200
    node.buses[1].dead = True  # the news do not get through
    await client.delete(node[0])
    await turns()
    node.buses[1].dead = False
    assert (await client.post(node[1], "ping")).status == 200
    node.buses[1].miss()
    assert (await client.post(node[1], "ping")).status == 404


class Away:
    """A store that does not answer."""

    def touch(self, keys):
        pass

    def __getattr__(self, name):
        async def away(*_):
            raise StoreAway("the sessions are out of reach")

        return away


async def test_while_the_store_is_away_known_sessions_go_on_and_new_clients_get_none():
    node = Workers(2)
    client = await Client.open(node[0])
    for worker in node.endpoints:
        worker._annex.sessions._store = Away()
    assert (await client.post(node[0], "ping")).status == 200
    unknown = await client.post(node[1], "ping")
    assert outcome(unknown) == (503, 503)
    assert dict(unknown.headers)[b"retry-after"] == b"1"
    opened = await Client().post(node[1], "initialize", {"protocolVersion": "2025-11-25"})
    assert opened.status == 200
    assert not opened.headers
    assert (await client.delete(node[1])).status == 503


async def test_initialize_in_a_session_opens_another_one():
    node = Workers(1)
    client = await Client.open(node[0])
    answer = await client.post(node[0], "initialize", {"protocolVersion": "2025-06-18"})
    assert dict(answer.headers)[b"mcp-session-id"] != client.session
    assert (await client.post(node[0], "ping")).status == 200


@pytest.mark.parametrize("method", [b"GET", b"DELETE", b"HEAD"])
async def test_there_is_nothing_to_get_in_the_newer_era_or_without_a_session(method):
    node = Workers(1)
    client = await Client.open(node[0])
    client.version = "2026-07-28"
    modern = await client.get(node[0], method=method)
    alone = await Client().get(node[0], method=method)
    for answer in (modern, alone):
        assert (answer.status, dict(answer.headers)[b"allow"]) == (405, b"POST")


@pytest.mark.parametrize("method", [b"GET", b"DELETE"])
async def test_a_version_that_nobody_speaks_is_refused_whatever_the_method(method):
    node = Workers(1)
    client = await Client.open(node[0])
    client.version = "1999-01-01"
    answer = await client.get(node[0], method=method)
    assert answer.status == 400
    assert json.loads(answer.body)["error"]["code"] == -32022
    client.version = "2025-11-25"
    assert (await client.post(node[0], "ping")).status == 200


async def test_a_get_must_accept_events():
    node = Workers(1)
    client = await Client.open(node[0])
    assert (await client.get(node[0], accept=b"application/json")).status == 406
    assert (await client.get(node[0], accept=b"text/*;q=0.5")).status == 200


async def test_news_that_arrive_while_the_store_is_asked_count():
    node = Workers(2)
    client = await Client.open(node[0])
    asked = client.send(node[1], b'{"jsonrpc":"2.0","id":1,"method":"ping"}')
    find, gate = node.sessions.find, asyncio.Event()

    async def slow(key):
        state = await find(key)
        await gate.wait()
        return state

    node.sessions.find = slow
    await turns()
    await node.sessions.end(unseal(node.sealer, client.session, "local").key)
    await turns()
    gate.set()
    assert (await asked).status == 404


async def test_the_opened_ids_of_a_worker_are_bounded():
    node = Workers(1)
    client = await Client.open(node[0])
    sessions = node[0]._annex.sessions
    session = sessions.known(client.session, "local")
    for number in range(3 * KEPT):
        sessions._keep(b"%d" % number, session)
    assert len(sessions._young) + len(sessions._old) <= 2 * KEPT
    assert sessions.known(client.session, "local") is None
    assert (await client.post(node[0], "ping")).status == 200


async def test_a_session_that_is_used_stays_open_when_many_others_come():
    node = Workers(1)
    client = await Client.open(node[0])
    sessions = node[0]._annex.sessions
    session = sessions.known(client.session, "local")
    for number in range(3 * KEPT):
        sessions._keep(b"%d" % number, session)
        if number % 1000 == 0:
            assert sessions.known(client.session, "local") is session


async def test_a_session_costs_at_most_a_kilobyte_and_a_half():
    node = Workers(1)
    worker = node[0]
    for _ in range(50):
        await Client.open(worker)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    count, kept = 500, []
    for _ in range(count):
        client = await Client.open(worker)
        kept.append(None)
        assert (await client.post(worker, "ping")).status == 200
    del client
    gc.collect()
    cost = (tracemalloc.get_traced_memory()[0] - before) / count
    tracemalloc.stop()
    assert cost <= 1536, cost


async def test_the_store_hears_which_sessions_were_used_after_a_while():
    node = Workers(1)
    client = await Client.open(node[0])
    key = unseal(node.sealer, client.session, "local").key
    node.clock.at += 5
    session = node[0]._annex.sessions.known(client.session, "local")
    assert session.used
    assert node[0]._annex.sessions._flush_timer is not None
    assert FLUSH <= IDLE / 100
    node[0].drain()
    assert node.sessions.table._kept[key].seen == node.clock.at


async def test_a_session_that_is_used_lives_on_however_soon_idle_ones_end():
    node = Workers(1, session_idle=0.2)
    client = await Client.open(node[0])
    key = unseal(node.sealer, client.session, "local").key
    await client.call(node[0], "add", a=1, b=2)
    node.clock.at += 0.1
    await client.call(node[0], "add", a=1, b=2)
    await until(lambda: node.sessions.table._kept[key].seen == node.clock.at)


async def test_a_preflight_of_a_page_may_ask_for_all_methods_of_a_session():
    node = Workers(1)
    cors = Cors(Origins(), ("Mcp-Session-Id",))
    router = Router(
        [Route(b"/mcp", node[0], (b"POST",), cors=cors), Route(b"/mcp", node[0].other, (b"GET", b"DELETE"), cors=cors)]
    )
    headers = {b"origin": b"http://localhost", b"access-control-request-method": b"DELETE"}
    route, _ = router.match(Request(b"OPTIONS", b"/mcp", b"", b"localhost", headers))
    answer = route.handler(Request(b"OPTIONS", b"/mcp", b"", b"localhost", headers))
    assert isinstance(answer, Response)
    assert dict(answer.headers)[b"Access-Control-Allow-Methods"] == b"DELETE, GET, HEAD, OPTIONS, POST"
