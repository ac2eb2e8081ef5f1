"""`subscriptions/listen`: what is acknowledged, what is heard, by whom, and how it ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from erlmcp import App
from erlmcp.http import COMMENT, Response, Stream
from erlmcp.mcp import Endpoint, subscriptions
from erlmcp.mcp.changes import Change
from erlmcp.mcp.stream import HARD_LIMIT
from tests.mcp.posts import PREFIX, call, endpoint, events, modern, outcome, said, sample

pytestmark = pytest.mark.both_loops

ID = PREFIX + "subscriptionId"
ALL = {"toolsListChanged": True, "promptsListChanged": True, "resourcesListChanged": True}


class Place:
    """An app of a little of everything, and its endpoint."""

    def __init__(self, app: App | None = None, **options: Any) -> None:
        self.app = app or sample()
        self.endpoint: Endpoint = endpoint(self.app, **options)

    async def answer(self, notifications: Any, number: Any = 1) -> Response | Stream:
        answer = self.endpoint(modern("subscriptions/listen", {"notifications": notifications}, number=number))
        if isinstance(answer, Response):
            return answer
        async with asyncio.timeout(5):
            return await answer

    @asynccontextmanager
    async def listening(self, notifications: Any, number: Any = 1) -> AsyncIterator["Reader"]:
        """A stream whose acknowledgement was read."""
        stream = await self.answer(notifications, number)
        assert isinstance(stream, Stream)
        reader = Reader(stream)
        reader.honoured = (await reader.next())["params"]
        try:
            yield reader
        finally:
            await stream.chunks.aclose()
            await asyncio.sleep(0)


class Reader:
    """Reads a stream message by message."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.honoured: dict[str, Any] = {}
        self._read: list[dict[str, Any]] = []

    async def next(self) -> dict[str, Any]:
        while not self._read:
            async with asyncio.timeout(5):
                chunk = await anext(self.stream.chunks)
            self._read += events(chunk)
        return self._read.pop(0)

    async def rest(self) -> list[dict[str, Any]]:
        """What comes until the stream ends."""
        async with asyncio.timeout(5):
            return self._read + [each async for chunk in self.stream.chunks for each in events(chunk)]


async def test_the_acknowledgement_comes_first_and_says_what_is_honoured():
    place = Place()
    stream = await place.answer({"toolsListChanged": True, "resourceSubscriptions": ["config://app"]})
    first = await Reader(stream).next()
    assert first == {
        "jsonrpc": "2.0",
        "method": "notifications/subscriptions/acknowledged",
        "params": {
            "notifications": {"toolsListChanged": True, "resourceSubscriptions": ["config://app"]},
            "_meta": {ID: 1},
        },
    }
    assert (stream.status, stream.content_type) == (200, b"text/event-stream")
    await stream.chunks.aclose()


@pytest.mark.parametrize("number", [7, "seven", "7", -1, "…"])
async def test_every_message_carries_the_id_of_its_request_as_the_type_it_had(number: Any):
    place = Place()
    async with place.listening(ALL | {"resourceSubscriptions": ["a://b"]}, number) as reader:
        place.app.tools_changed()
        place.app.resource_updated("a://b")
        seen = [reader.honoured["_meta"][ID], *[(await reader.next())["params"]["_meta"][ID] for _ in range(2)]]
        place.endpoint.drain()
        (last,) = await reader.rest()
    assert [*seen, last["result"]["_meta"][ID], last["id"]] == [number] * 5


async def test_each_signal_is_the_notification_of_its_name():
    place = Place()
    async with place.listening(ALL | {"resourceSubscriptions": ["user://7/profile"]}) as reader:
        place.app.tools_changed()
        place.app.prompts_changed()
        place.app.resources_changed()
        place.app.resource_updated("user://7/profile")
        heard = [await reader.next() for _ in range(4)]
    assert [(each["method"], each["params"]) for each in heard] == [
        ("notifications/tools/list_changed", {"_meta": {ID: 1}}),
        ("notifications/prompts/list_changed", {"_meta": {ID: 1}}),
        ("notifications/resources/list_changed", {"_meta": {ID: 1}}),
        ("notifications/resources/updated", {"uri": "user://7/profile", "_meta": {ID: 1}}),
    ]


@pytest.mark.parametrize("member", [*ALL, "resourceSubscriptions"])
async def test_nothing_is_heard_but_what_was_asked_for(member: str):
    place = Place()
    asked: dict[str, Any] = {member: ["a://b"] if member == "resourceSubscriptions" else True}
    async with place.listening(asked) as reader:
        place.app.tools_changed()
        place.app.prompts_changed()
        place.app.resources_changed()
        place.app.resource_updated("a://b")
        place.app.resource_updated("a://c")
        await asyncio.sleep(0)
        place.endpoint.drain()
        heard = [each for each in await reader.rest() if "method" in each]
    assert len(heard) == 1
    assert heard[0]["params"].get("uri") == ("a://b" if member == "resourceSubscriptions" else None)


async def test_many_subscriptions_stay_apart():
    place = Place()
    async with (
        place.listening({"toolsListChanged": True}, "one") as one,
        place.listening({"promptsListChanged": True}, "two") as two,
        place.listening(ALL, "both") as both,
    ):
        place.app.prompts_changed()
        await asyncio.sleep(0)
        place.app.tools_changed()
        assert (await one.next())["method"] == "notifications/tools/list_changed"
        assert (await two.next())["method"] == "notifications/prompts/list_changed"
        assert [(await both.next())["params"]["_meta"][ID] for _ in range(2)] == ["both"] * 2


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"toolsListChanged": False},
        {"toolsListChanged": None, "resourceSubscriptions": None},
        {"resourceSubscriptions": []},
        {"colourChanged": True},
        {"taskIds": ["t"]},
    ],
)
async def test_what_is_not_asked_for_or_not_known_is_not_acknowledged(asked: dict[str, Any]):
    async with Place().listening(asked) as reader:
        assert reader.honoured["notifications"] == {}


async def test_what_the_app_does_not_have_is_not_acknowledged():
    app = App("prompts only", version="1")

    @app.prompt(inline=True)
    def greet() -> str:
        """Greet."""
        return "Hello."

    async with Place(app).listening(ALL | {"resourceSubscriptions": ["a://b"]}) as reader:
        assert reader.honoured["notifications"] == {"promptsListChanged": True}


def test_an_app_with_nothing_to_tell_of_has_no_such_method():
    place = endpoint(App("empty", version="1"))
    assert outcome(place(modern("subscriptions/listen", {"notifications": {}}))) == (404, -32601)


async def test_a_uri_that_is_listed_twice_is_listened_for_once():
    place = Place()
    async with place.listening({"resourceSubscriptions": ["a://b", "a://b"]}) as reader:
        place.app.resource_updated("a://b")
        await asyncio.sleep(0)
        place.endpoint.drain()
        assert reader.honoured["notifications"] == {"resourceSubscriptions": ["a://b"]}
        assert len(await reader.rest()) == 2


@pytest.mark.parametrize(
    ("notifications", "place"),
    [
        (None, "params.notifications"),
        ([], "params.notifications"),
        ({"toolsListChanged": 1}, "params.notifications.toolsListChanged"),
        ({"toolsListChanged": "true"}, "params.notifications.toolsListChanged"),
        ({"resourceSubscriptions": "a://b"}, "params.notifications.resourceSubscriptions"),
        ({"resourceSubscriptions": ["a://b", 5]}, "params.notifications.resourceSubscriptions["),
    ],
)
async def test_a_filter_of_another_shape_is_refused_with_its_place(notifications: Any, place: str):
    answer = await Place().answer(notifications)
    assert outcome(answer) == (400, -32602)
    assert place in said(answer)["error"]["message"]


def test_a_request_without_a_filter_is_refused():
    answer = endpoint()(modern("subscriptions/listen", {}))
    assert outcome(answer) == (400, -32602)
    assert "notifications" in said(answer)["error"]["message"]


async def test_one_subscription_takes_so_many_uris():
    place = Place(max_subscribed=3)
    uris = [f"a://{n}" for n in range(4)]
    async with place.listening({"resourceSubscriptions": uris[:3]}) as reader:
        assert reader.honoured["notifications"]["resourceSubscriptions"] == uris[:3]
    answer = await place.answer({"resourceSubscriptions": uris})
    assert outcome(answer) == (400, -32602)
    assert said(answer)["error"]["message"].endswith("lists 4; one subscription takes 3, open another one")


async def test_a_uri_has_so_many_characters():
    place = Place()
    longest = "a" * subscriptions.KEY_LIMIT
    async with place.listening({"resourceSubscriptions": [longest]}) as reader:
        assert reader.honoured["notifications"]["resourceSubscriptions"] == [longest]
    assert outcome(await place.answer({"resourceSubscriptions": [longest + "a"]})) == (400, -32602)


async def test_one_worker_has_so_many_streams_and_a_place_is_free_again_when_one_goes():
    place = Place(max_subscriptions=2)
    async with place.listening(ALL):
        async with place.listening(ALL):
            answer = await place.answer(ALL)
            assert outcome(answer) == (503, 503)
            assert (b"retry-after", b"1") in answer.headers
            assert "2 streams of notifications are open" in said(answer)["error"]["message"]
        async with place.listening(ALL):
            assert place.endpoint.listening == 2
    assert place.endpoint.listening == 0


async def test_all_streams_together_listen_for_so_many_uris(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(subscriptions, "ALL_KEYS", 4)
    place = Place()
    three, one = {"resourceSubscriptions": ["a", "b", "c"]}, {"resourceSubscriptions": ["a"]}
    async with place.listening(three), place.listening(one):
        answer = await place.answer(one)
        assert outcome(answer) == (503, 503)
        assert "listen for 4 things already" in said(answer)["error"]["message"]


async def test_a_client_that_ends_its_stream_by_leaving_has_ended_it_well():
    heard: list[tuple[str, str]] = []
    place = Place()
    place.endpoint._on_call = lambda method, _target, outcome, _elapsed: heard.append((method, outcome))
    async with place.listening(ALL):
        assert heard == []
    assert heard == [("subscriptions/listen", "ok")]


async def test_open_streams_are_no_calls_in_flight():
    place = Place(max_calls=1)
    async with place.listening(ALL), place.listening(ALL):
        assert place.endpoint.in_flight == 0
        assert said(place.endpoint(call("add", a=1, b=2)))["result"]["structuredContent"] == {"result": 3}
    assert place.endpoint.in_flight == 0


async def test_a_client_that_leaves_is_forgotten():
    place = Place()
    async with place.listening(ALL | {"resourceSubscriptions": ["a", "b"]}):
        assert place.endpoint.listening == 1
    assert place.endpoint.listening == 0
    assert place.endpoint._backplane.changes.interests == 0
    place.app.tools_changed()
    await asyncio.sleep(0)


async def test_an_idle_stream_is_kept_alive():
    place = Place(keep_alive=0.01)
    async with place.listening(ALL) as reader:
        assert await anext(reader.stream.chunks) == COMMENT


async def test_a_drain_ends_each_stream_with_its_result_and_nothing_follows():
    place = Place()
    async with place.listening(ALL, "a") as reader:
        place.endpoint.drain()
        assert await reader.rest() == [
            {
                "jsonrpc": "2.0",
                "id": "a",
                "result": {
                    "resultType": "complete",
                    "_meta": {ID: "a", PREFIX + "serverInfo": reader_info(place)},
                },
            }
        ]
        place.app.tools_changed()
        await asyncio.sleep(0)
    assert place.endpoint.listening == 0


def reader_info(place: Place) -> dict[str, Any]:
    return said(place.endpoint(modern("server/discover")))["result"]["_meta"][PREFIX + "serverInfo"]


async def test_what_was_told_before_a_drain_is_heard_before_the_result():
    place = Place()
    async with place.listening(ALL) as reader:
        place.app.tools_changed()
        place.app.prompts_changed()
        place.endpoint.drain()
        heard = await reader.rest()
    assert [each.get("method", "the result") for each in heard] == [
        "notifications/tools/list_changed",
        "notifications/prompts/list_changed",
        "the result",
    ]


async def test_a_stream_that_is_opened_while_the_server_drains_is_acknowledged_and_ends():
    place = Place()
    place.endpoint.drain()
    stream = await place.answer(ALL)
    body = b"".join([chunk async for chunk in stream.chunks]) if isinstance(stream, Stream) else stream.body
    acknowledged, result = events(body)
    assert acknowledged["method"] == "notifications/subscriptions/acknowledged"
    assert result["result"]["resultType"] == "complete"


async def test_a_reader_that_is_behind_holds_nobody_up_and_loses_only_repetitions():
    place = Place(stream_buffer=400)
    uris = [f"a://{n}" for n in range(30)]
    async with place.listening({"toolsListChanged": True, "resourceSubscriptions": uris}) as slow:
        async with place.listening({"toolsListChanged": True}, 2) as quick:
            for _ in range(200):
                place.app.tools_changed()
                for uri in uris:
                    place.app.resource_updated(uri)
                await asyncio.sleep(0)
                assert (await quick.next())["method"] == "notifications/tools/list_changed"
            assert slow.stream.chunks._size < HARD_LIMIT * 400
        place.endpoint.drain()
        heard = await slow.rest()
    told = [each["params"].get("uri", "tools") for each in heard if "method" in each]
    assert set(told) == {"tools", *uris}
    assert len(told) < 2 * len(uris)
    assert "result" in heard[-1]


@pytest.mark.parametrize(("size", "ends"), [(500, False), (501, True)])
async def test_so_much_waits_for_a_reader_that_is_behind_and_with_more_its_stream_ends(
    monkeypatch: pytest.MonkeyPatch, size: int, ends: bool
):
    monkeypatch.setattr(subscriptions, "WAITING", 1000)
    place = Place(stream_buffer=1)
    async with place.listening({"resourceSubscriptions": ["a", "b"]}) as reader:
        for uri in ("a", "a", "b", "b"):  # the first one is on its way; what is told again replaces what waits
            place.endpoint._backplane.changes.here(Change(subscriptions.UPDATED, uri, member_of(size)))
        await asyncio.sleep(0)
        assert (place.endpoint.listening == 0) is ends
        place.endpoint.drain()
        heard = await reader.rest()
        assert [("result" in each) for each in heard] == ([False, True] if ends else [False] * 3 + [True])


def member_of(size: int) -> bytes:
    return b'"x":"%b"' % (b"x" * (size - 6))


async def test_what_waits_for_a_reader_is_as_the_last_change_says():
    place = Place(stream_buffer=1)
    async with place.listening({"resourceSubscriptions": ["a"]}) as reader:
        for _ in range(3):
            place.app.resource_updated("a")
            await asyncio.sleep(0)
        first, second = await reader.next(), await reader.next()
        assert first == second
        place.endpoint.drain()
        assert len(await reader.rest()) == 1
