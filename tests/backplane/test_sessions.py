"""The sessions of a node: one contract for a process that is alone and for a line process with its database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from erlmcp.backplane import Ground, LinkBus, again, for_all, schema
from erlmcp.backplane.sessions import AT_ONCE, SERVICE, LineSessions, SessionLedger
from erlmcp.mcp import Bus, LocalBus, Options
from erlmcp.mcp.legacy import TOLD, SessionsFull, SessionStore, State, StateChange, StoreAway
from erlmcp.mcp.legacy.store import LIVELY, MAX_WATCHED, MemorySessions, Told, decode_told
from erlmcp.otp import Down
from erlmcp.store import SqliteOwner
from tests.backplane.town import Town, open_town
from tests.otp.company import started, stopped, until


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Nobody waits for seconds until a line process is back."""
    monkeypatch.setattr(again, "BACK", 0.2)


OPTIONS = Options(max_sessions=3, session_idle=100.0)


class Line:
    """The line process's side: a database, and the ledger on it."""

    def __init__(self, town: Town, folder: Path) -> None:
        self.town, self.now = town, 1_000_000.0
        self.owner = SqliteOwner(folder / "db", schema())
        self.ledger = self.new()
        self._running: asyncio.Task[None] | None = None

    def new(self) -> SessionLedger:
        def publish(topic: str, payload: bytes) -> None:
            self.town.hub.publish(topic, for_all(payload))

        return SessionLedger(Ground(self.owner, publish, OPTIONS), lambda: self.now)

    async def start(self) -> None:
        self.ledger = self.new()
        self.town.services[SERVICE] = self.ledger.answer
        await self.go_on()

    async def go_on(self) -> None:
        self._running = await started(self.ledger.run)

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await stopped(self._running)


@asynccontextmanager
async def open_line(folder: Path) -> AsyncIterator[Line]:
    async with open_town(folder) as town:
        line = Line(town, folder)
        async with line.owner:
            await line.start()
            try:
                yield line
            finally:
                await line.stop()


class Bench:
    """A store, what was told over the bus, and a way to let time pass."""

    def __init__(self, store: SessionStore, bus: Bus, line: Line | None) -> None:
        self.store, self._line = store, line
        self.told: list[Told] = []
        self.at = 1_000_000.0
        bus.subscribe(TOLD, lambda payload: self.told.append(decode_told(payload)))

    def later(self, seconds: float) -> None:
        self.at += seconds
        if self._line is not None:
            self._line.now = self.at


@pytest.fixture(params=["memory", "line"])
async def bench(request, tmp_path) -> AsyncIterator[Bench]:
    if request.param == "memory":
        bus = LocalBus()
        made: list[Bench] = []
        store = MemorySessions(bus, OPTIONS, lambda: made[0].at if made else 1_000_000.0)
        made.append(Bench(store, bus, None))
        yield made[0]
        return
    async with open_line(tmp_path) as line:
        link = await line.town.join()
        yield Bench(LineSessions(link), LinkBus(link), line)


async def test_a_session_lives_from_when_it_was_added_until_it_ends(bench):
    assert await bench.store.find("a") is None
    await bench.store.add("a")
    assert await bench.store.find("a") == State()
    assert await bench.store.end("a")
    assert await bench.store.find("a") is None
    assert not await bench.store.end("a")


async def test_what_changes_is_kept_and_told_before_it_is_answered(bench):
    await bench.store.add("a")
    assert await bench.store.change("a", StateChange(level="info"))
    assert bench.told == [Told("a", State("info"))]
    assert await bench.store.change("a", StateChange(watch="test://x"))
    assert await bench.store.find("a") == State("info", ("test://x",))
    await bench.store.end("a")
    assert bench.told[-1] == Told("a", None)
    assert not await bench.store.change("a", StateChange(level="debug"))
    assert not await bench.store.change("unknown", StateChange(level="debug"))


async def test_the_one_unused_for_longest_makes_room_and_that_is_told(bench):
    for key in "abc":
        await bench.store.add(key)
        bench.later(1)
    with pytest.raises(SessionsFull, match="3 sessions are in use") as full:
        await bench.store.add("d")
    assert full.value.retry_after == LIVELY - 3
    await bench.store.find("a")
    bench.later(LIVELY - 1)
    await bench.store.add("d")
    assert [told for told in bench.told if told.state is None] == [Told("b", None)]
    assert await bench.store.find("b") is None


async def test_an_idle_session_ends_and_a_used_one_does_not(bench):
    await bench.store.add("a")
    await bench.store.add("b")
    bench.later(99)
    bench.store.touch(["a"])
    assert await bench.store.find("unknown") is None  # what was cast came before
    bench.later(99)
    assert await bench.store.find("a") == State()
    assert await bench.store.find("b") is None
    bench.later(100)
    assert await bench.store.find("a") is None


async def test_one_resource_too_many_is_refused(bench):
    await bench.store.add("a")
    for number in range(MAX_WATCHED):
        await bench.store.change("a", StateChange(watch=str(number)))
    with pytest.raises(SessionsFull, match=f"may watch {MAX_WATCHED}"):
        await bench.store.change("a", StateChange(watch="more"))


async def test_changes_of_several_workers_at_once_add_up(bench):
    await bench.store.add("a")
    await asyncio.gather(*(bench.store.change("a", StateChange(watch=each)) for each in "xyz"))
    state = await bench.store.find("a")
    assert sorted(state.watched) == ["x", "y", "z"]


async def test_another_line_process_knows_what_lived_and_what_had_ended(tmp_path):
    async with open_line(tmp_path) as line:
        store = LineSessions(await line.town.join())
        await store.add("a")
        await store.add("b")
        await store.change("a", StateChange(level="error"))
        await store.change("a", StateChange(watch="test://x"))
        await store.end("b")
        await line.stop()
        await line.start()
        await line.town.shut()
        await line.town.open()
        await line.town.together()
        assert await store.find("a") == State("error", ("test://x",))
        assert await store.find("b") is None


async def test_after_a_restart_a_session_lives_at_most_a_quarter_of_the_idle_time_longer(tmp_path):
    async with open_line(tmp_path) as line:
        store = LineSessions(await line.town.join())
        await store.add("a")
        line.now += 90
        await line.stop()
        await line.start()
        assert line.ledger.table.find("a", line.now + 34) == State()
        await line.stop()
        await line.start()
        assert line.ledger.table.find("a", line.now + 35) is None


async def test_of_too_many_that_lived_those_used_last_are_known(tmp_path):
    async with open_line(tmp_path) as line:
        async with line.owner.transaction() as transaction:
            for number in range(5):
                await transaction.run("sessions_add", key=str(number), seen=line.now + number)
        await line.stop()
        await line.start()
        assert len(line.ledger.table) == 3
        assert line.ledger.table.find("1", line.now) is None
        async with line.owner.transaction() as transaction:
            assert len(await transaction.all("sessions_all", limit=100)) == 3


async def test_idle_sessions_leave_the_database_some_at_a_time(tmp_path):
    async with open_line(tmp_path) as line:
        count = AT_ONCE + 10
        async with line.owner.transaction() as transaction:
            for number in range(count):
                await transaction.run("sessions_add", key=f"x{number}", seen=line.now)
        for number in range(count):
            line.ledger.table.load(f"x{number}", State(), line.now)
        line.now += 1000
        line.ledger._gone("nobody")  # something to write: it looks at once
        await until(lambda: len(line.ledger.table) == 10)
        line.ledger._gone("nobody")
        await until(lambda: len(line.ledger.table) == 0)
        line.ledger._gone("nobody")
        async with asyncio.timeout(5):
            while True:
                async with line.owner.transaction() as transaction:
                    if not await transaction.all("sessions_all", limit=1000):
                        break


async def test_while_its_database_is_away_the_line_answers_nobody_and_forgets_nothing(tmp_path):
    async with open_line(tmp_path) as line:
        store = LineSessions(await line.town.join())
        await store.add("a")
        await line.stop()
        with pytest.raises(StoreAway, match="out of reach"):
            await store.find("a")
        with pytest.raises(Down):
            await line.ledger.answer(b"", 1.0)
        store.touch(["a"])  # raises nothing
        await line.go_on()
        assert await store.find("a") == State()


async def test_what_could_not_be_written_down_is_not_answered(tmp_path):
    async with open_line(tmp_path) as line:
        store = LineSessions(await line.town.join())
        await store.add("a")
        writing = asyncio.create_task(store.end("a"))
        await until(lambda: bool(line.ledger._writes) or writing.done())
        await line.stop()
        try:
            ended = await writing
        except StoreAway:
            ended = False
        await line.start()
        assert (line.ledger.table.find("a", line.now) is None) == ended


async def test_a_link_that_is_down_is_a_store_that_is_away(tmp_path, monkeypatch):
    monkeypatch.setattr(again, "WAIT", 0.05)
    async with open_line(tmp_path) as line:
        link = await line.town.join()
        store = LineSessions(link)
        await line.town.shut()
        store.touch(["a"])
        with pytest.raises(StoreAway):
            await store.find("a")
