"""The recent events of a node's sessions, over the hub: known to who comes a moment too early, and told again."""

import asyncio
from pathlib import Path

import pytest

from erlmcp.backplane import Ground, again
from erlmcp.backplane.events import GATHER, UNSENT, UNSENT_BYTES, LineEvents, part
from erlmcp.mcp import Options
from erlmcp.mcp.legacy import Event, StoreAway, Stream
from erlmcp.otp import Down
from tests.backplane.town import open_town
from tests.otp.company import until

STREAM = Stream("session", "call")
ONE, TWO = Event(1, b'{"n":1}'), Event(2, b'{"n":2}', last=True)


def services():
    return part(Ground(None, lambda topic, payload: None, Options())).services  # type: ignore[arg-type]


async def test_a_client_that_comes_before_the_word_of_its_worker_gets_its_stream_all_the_same(tmp_path: Path):
    async with open_town(tmp_path, dict(services())) as town:
        writer, reader = LineEvents(await town.join()), LineEvents(await town.join())
        following = asyncio.create_task(reader.follow(STREAM, 1, "reader"))
        for _ in range(50):
            await asyncio.sleep(0)
        assert not following.done()
        writer.begin(STREAM, "writer", b"1")
        writer.append(STREAM, ONE)
        async with asyncio.timeout(GATHER + 5):
            replay = await following
        assert replay is not None
        assert (replay.writer, replay.request) == ("writer", b"1")


async def test_a_stream_that_nobody_tells_of_is_unknown_in_the_end(tmp_path: Path):
    async with open_town(tmp_path, dict(services())) as town:
        reader = LineEvents(await town.join())
        async with asyncio.timeout(GATHER + 5):
            assert await reader.follow(STREAM, 0, "reader") is None


async def test_another_line_process_is_told_again_what_workers_have(tmp_path: Path):
    async with open_town(tmp_path, dict(services())) as town:
        writer, reader = LineEvents(await town.join()), LineEvents(await town.join())
        writer.begin(STREAM, "writer", b"1")
        writer.append(STREAM, ONE)
        await town.shut()
        writer.append(STREAM, TWO)
        town.services = dict(services())
        await town.open()
        await until(lambda: town.links[1].connected)
        async with asyncio.timeout(GATHER + 5):
            replay = await reader.follow(STREAM, 0, "reader")
            while replay is not None and replay.number < 2:
                replay = await reader.follow(STREAM, 0, "reader")
        assert replay is not None
        assert replay.events == (ONE, TWO)


@pytest.mark.parametrize(("size", "count", "kept"), [(1, UNSENT + 1, UNSENT), (1 << 20, 17, 15)])
async def test_what_waits_for_a_line_process_that_is_away_is_bounded(tmp_path: Path, size: int, count: int, kept: int):
    async with open_town(tmp_path, dict(services())) as town:
        writer = LineEvents(await town.join())
        await town.shut()
        for number in range(1, count + 1):
            writer.append(STREAM, Event(number, b"m" * size))
        assert len(writer._unsent) == kept
        assert writer._unsent_bytes == sum(map(len, writer._unsent)) <= UNSENT_BYTES


async def test_who_asks_for_a_stream_while_the_line_process_dies_asks_again(tmp_path: Path):
    async with open_town(tmp_path, dict(services())) as town:
        writer, reader = LineEvents(await town.join()), LineEvents(await town.join())
        asked = asyncio.create_task(reader.follow(STREAM, 0, "reader"))
        await until(lambda: any(peer._under_way for peer in town.hub._peers))
        for connection in tuple(town.links[1].connections):
            connection.abort()
        writer.begin(STREAM, "writer", b"1")
        async with asyncio.timeout(8):
            replay = await asked
        assert replay is not None
        assert replay.request == b"1"


async def test_who_asks_while_no_line_process_comes_back_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(again, "BACK", 0.2)
    monkeypatch.setattr(again, "PAUSE", 0.01)
    asked = []

    async def fail(_payload: bytes, _seconds: float) -> bytes:
        asked.append(1)
        raise Down("mcp.events", "waits for its database")

    async with open_town(tmp_path, {"mcp.events": fail}) as town:
        reader = LineEvents(await town.join())
        with pytest.raises(StoreAway, match="waits for its database"):
            await reader.follow(STREAM, 0, "reader")
        assert len(asked) > 1
