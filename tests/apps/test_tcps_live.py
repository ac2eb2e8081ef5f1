"""Whoever subscribes to a resource of the line is told when it has changed: by whichever worker, once, and soon."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from erlmcp import Client
from erlmcp.apps.tcps.live import touched
from erlmcp.mcp import Backplane, Endpoint, LocalBus, Options
from erlmcp.mcp.changes import UPDATED, Change
from erlmcp.tcps import Bucket
from tests.apps.plant import Plant, plant
from tests.apps.proofs import FAILING, PASSING
from tests.node.listening import UPDATED as METHOD
from tests.node.listening import Listening
from tests.node.nodes import end, launch, until
from tests.node.test_line import use
from tests.serving import serving

WITHIN = 5.0


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Plant]:
    async with plant(tmp_path) as opened:
        yield opened


class Watch:
    """All resources of the line as they were read last."""

    def __init__(self, line: Plant) -> None:
        self._line = line
        self._seen: dict[str, Any] = {}
        self._ids: set[str] = {"tcps://board", *(f"tcps://kanban/{bucket}" for bucket in Bucket)}

    async def changed(self) -> set[str]:
        """The URIs that say something else than before, but for what the clock says."""
        before = self._seen
        for fact in self._line.facts:
            receipt = msgspec.json.decode(fact)
            self._ids.add(f"tcps://receipts/{receipt['seq']}")
            for word, room in (("work_order", "work-orders"), ("sku", "skus"), ("andon", "andons")):
                if (made := receipt["payload"]["outputs"].get(word)) is not None:
                    self._ids.add(f"tcps://{room}/{made['id']}")
        self._seen = {uri: _timeless(await self._line.read(uri)) for uri in sorted(self._ids)}
        return {uri for uri, shown in self._seen.items() if before.get(uri) != shown}


def _timeless(shown: Any) -> Any:
    return {name: value for name, value in shown.items() if name != "at"} if isinstance(shown, dict) else shown


async def day(line: Plant) -> AsyncIterator[str]:
    """Each command that changes something, one after the other, by its name."""

    async def do(tool: str, **arguments: Any) -> Any:
        return await line.call(tool, **arguments)

    first = await line.order("first")
    yield "work_order_create"
    second = await line.order("second", "cost", dependencies=[first])
    third = await line.order("third", "features")
    yield "work_order_create with a dependency"
    await do("work_order_add_dependency", id=third, depends_on=first)
    yield "work_order_add_dependency"
    await do("work_order_remove_dependency", id=third, depends_on=first)
    yield "work_order_remove_dependency"
    await do("work_order_update", id=third, version=3, title="more")
    yield "work_order_update"
    await do("kanban_set_limit", bucket="cost", limit=3)
    yield "kanban_set_limit"
    sku = (await do("work_order_start", id=first))["sku"]["id"]
    yield "work_order_start"
    await do("work_order_release", id=first, reason="r")
    yield "work_order_release"
    await do("work_order_pull", bucket="security")
    yield "work_order_pull"
    for gate, evidence in PASSING.items():
        if gate == "test_execution":
            andon = (await do("gate_submit", sku_id=sku, gate=gate, evidence=FAILING))["andon"]["id"]
            yield "gate_submit, failing"
            await do("andon_acknowledge", id=andon, assignee="ada")
            yield "andon_acknowledge"
            cause = (await do("root_cause_start", andon_id=andon, problem="p"))["root_cause"]["id"]
            yield "root_cause_start"
            for n in range(1, 6):
                await do("root_cause_add_why", id=cause, n=n, text="because")
            yield "root_cause_add_why"
            await do("root_cause_finalize", id=cause, root_cause="r", prevention="p")
            yield "root_cause_finalize"
            await do("andon_resolve", id=andon, root_cause="r", fix_applied="f", prevention_added="p")
            yield "andon_resolve"
        await do("gate_submit", sku_id=sku, gate=gate, evidence=evidence)
        yield f"gate_submit {gate}"
        if gate != "smoke_test":
            await do("sku_advance", id=sku)
            yield "sku_advance"
    await do("work_order_complete", id=first)
    yield "work_order_complete, which frees another"
    await do("sku_advance", id=sku)
    await do("sku_publish", id=sku)
    yield "sku_publish"
    other = (await do("work_order_pull_next"))["sku"]["id"]
    yield "work_order_pull_next"
    await do("andon_pull", work_order_id=second, type="manual", message="stop")
    yield "andon_pull"
    await do("sku_abort", id=other, reason="r")
    yield "sku_abort"
    await do("work_order_cancel", id=third, reason="r")
    yield "work_order_cancel"


async def test_whatever_a_command_changes_is_told_and_little_else(line: Plant) -> None:
    watch, known = Watch(line), 0
    await watch.changed()
    async for step in day(line):
        changed = await watch.changed()
        told = {uri for fact in line.facts[known:] for uri in touched(fact)}
        known = len(line.facts)
        assert changed <= told, step
        assert {uri.split("/")[2] for uri in told - changed} <= {"kanban", "skus", "andons", "work-orders"}, step


class Ear:
    """Somebody who listens."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.there = asyncio.Event()

    def hear(self, change: Change) -> None:
        self.heard.append(change.key)
        self.there.set()

    def end(self) -> None:
        return


class Told(LocalBus):
    """A bus that remembers what it carried."""

    def __init__(self) -> None:
        super().__init__()
        self.carried: list[str] = []

    def publish(self, topic: str, payload: bytes) -> None:
        self.carried.append(topic)
        super().publish(topic, payload)


async def test_a_burst_of_receipts_is_told_once_to_the_listeners_of_this_process_and_goes_nowhere_else(
    line: Plant,
) -> None:
    bus, ear = Told(), Ear()
    backplane = Backplane(bus=bus)
    Endpoint(line.app, Options(), None, backplane)
    backplane.changes.attach(ear, [(UPDATED, "tcps://board"), (UPDATED, "tcps://receipts/7")])
    await asyncio.gather(*(line.order(f"Order {number}") for number in range(20)))
    async with asyncio.timeout(WITHIN):
        await ear.there.wait()
    await asyncio.sleep(0)
    assert sorted(ear.heard)[-1] == "tcps://receipts/7"
    assert 1 <= ear.heard.count("tcps://board") < 10
    assert ear.heard.count("tcps://receipts/7") == 1
    assert bus.carried == []


async def heard(stream: Listening, count: int) -> set[str]:
    """The URIs of the next messages."""
    uris = []
    for _ in range(count):
        message = await stream.next()
        assert message is not None
        assert message["method"] == METHOD
        uris.append(message["params"]["uri"])
    assert len(set(uris)) == count
    return set(uris)


async def test_streams_at_all_workers_hear_of_what_any_worker_did_and_each_thing_once(tmp_path: Path) -> None:
    node = launch(tmp_path, "--workers", "2", source=None, app="erlmcp.apps.tcps:build")
    try:
        await asyncio.to_thread(until, node.runs, "a running node")
        port = node.port()

        async def do(tool: str, **arguments: Any) -> Any:
            refused, answer = await asyncio.to_thread(lambda: use(port, tool, **arguments))
            assert not refused, answer
            return answer

        made = (await do("work_order_create", signal_type="internal", title="Make it", bucket="cost"))["work_order"]
        mine = f"tcps://work-orders/{made['id']}"
        wanted = {"resourceSubscriptions": ["tcps://board", mine, "tcps://kanban/cost", "tcps://receipts/2"]}
        streams = [await Listening.open(port, wanted, number) for number in range(8)]
        await do("work_order_create", signal_type="internal", title="Another", bucket="security")
        for stream in streams:  # the first order may be told yet, and that before
            while await heard(stream, 1) != {"tcps://receipts/2"}:
                pass
        for number in range(4):
            await do("work_order_start" if number % 2 == 0 else "work_order_release", **_of(made["id"], number))
            for stream in streams:
                assert await heard(stream, 3) == {"tcps://board", mine, "tcps://kanban/cost"}
        node.process.terminate()
        for number, rest in enumerate(await asyncio.gather(*(stream.rest() for stream in streams))):
            assert [message.get("id") for message in rest] == [number]  # its result, and nothing was told twice
    finally:
        end(node)


def _of(order: str, number: int) -> dict[str, str]:
    return {"id": order} | ({} if number % 2 == 0 else {"reason": "enough"})


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of two workers. They drain outside of the tests' loops: a loop that stands still while it waits for them
    does not close its connections, and the drain would wait for those."""
    with serving("erlmcp.apps.tcps:build", 2, tmp_path_factory.mktemp("live")) as url:
        yield url


@pytest.mark.parametrize("mode", ["modern", "legacy"])
async def test_a_client_of_each_era_follows_an_andon_until_it_is_resolved(url: str, mode: str) -> None:
    async with Client(url, mode=mode) as client, Client(url, mode="modern") as other:

        async def do(tool: str, **arguments: Any) -> Any:
            return (await other.call_tool(tool, arguments)).structured_content

        order = (await do("work_order_create", signal_type="internal", title="Make it"))["work_order"]["id"]
        pulled = await do("andon_pull", work_order_id=order, type="manual", message="Smoke")
        uri = f"tcps://andons/{pulled['andon']['id']}"
        async with client.listen(uris=[uri]) as changes:
            await do("andon_acknowledge", id=pulled["andon"]["id"])
            seen = ""
            while seen != "resolved":
                async with asyncio.timeout(WITHIN):
                    assert (await anext(changes)).uri == uri
                seen = msgspec.json.decode((await client.read_resource(uri)).text)["status"]
                if seen == "investigating":
                    resolved = {"root_cause": "r", "fix_applied": "f", "prevention_added": "p"}
                    await do("andon_resolve", id=pulled["andon"]["id"], **resolved)
