"""Streams of notifications on real nodes: over workers, over deaths and rolls, and at the end of the node."""

import asyncio
import os
import signal

import pytest

from erlmcp.backplane.keys import FILE
from tests.node.listening import APP, TOOLS, UPDATED, Listening, call
from tests.node.nodes import end, get, launch, running, until


def line_pid(node) -> int:
    process = node.status()["line"]
    return process["pid"] if process and process["state"] == "running" else 0


def healthy_line(node) -> bool:
    return get(node.port(), "/health")[1].count(b'"healthy"') > 0 and line_pid(node) > 0


async def test_a_change_at_any_worker_is_heard_at_all_of_them_and_nobody_hears_more(folder):
    with running(folder, "--workers", "2", source=APP) as node:
        port = node.port()
        tools = [await Listening.open(port, {"toolsListChanged": True}, n) for n in range(8)]
        notes = [await Listening.open(port, {"resourceSubscriptions": ["note://a"]}, f"n{n}") for n in range(8)]
        told: set[int] = set()
        while told != set(node.pids().values()):
            told.add(await call(port, "change"))
            for stream in tools:
                message = await stream.next()
                assert message is not None
                assert message["method"] == TOOLS
        await call(port, "update", uri="note://b")
        await call(port, "update", uri="note://a")
        for stream in notes:
            message = await stream.next()
            assert message is not None
            assert (message["method"], message["params"]["uri"]) == (UPDATED, "note://a")
        for stream in (*tools, *notes):
            await stream.close()


async def test_a_hundred_streams_end_with_their_results_when_the_node_is_told_to_leave_and_it_is_gone_at_once(folder):
    with running(folder, "--workers", "2", source=APP) as node:
        port = node.port()
        streams = [await Listening.open(port, {"toolsListChanged": True}, n) for n in range(100)]
        await call(port, "change")
        node.process.send_signal(signal.SIGTERM)
        endings = await asyncio.gather(*(stream.rest() for stream in streams))
        # WITHIN is less than http.drain: who waits for the streams to be cut off would not be back in time
        assert await asyncio.to_thread(node.wait) == 0
        assert all(stream.whole for stream in streams)
    for number, (changed, result) in enumerate(endings):
        assert changed["method"] == TOOLS
        assert (result["id"], result["result"]["resultType"]) == (number, "complete")
        assert result["result"]["_meta"]["io.modelcontextprotocol/subscriptionId"] == number


async def test_a_hundred_streams_of_sessions_are_told_when_to_come_back_and_the_node_is_gone_at_once(folder):
    with running(folder, "--workers", "2", source=APP) as node:
        port = node.port()
        streams = [await Listening.of_session(port) for _ in range(100)]
        await call(port, "change")
        for stream in streams:
            message = await stream.next()
            assert message is not None
            assert message["method"] == TOOLS
            stream.retry = False  # the first event of a stream has one, too
        node.process.send_signal(signal.SIGTERM)
        assert await asyncio.gather(*(stream.rest() for stream in streams)) == [[]] * 100
        assert await asyncio.to_thread(node.wait) == 0
        assert all(stream.whole and stream.retry for stream in streams)


async def test_a_roll_ends_the_streams_of_the_workers_that_leave_and_new_ones_hear(folder):
    with running(folder, "--workers", "2", source=APP) as node:
        port, before = node.port(), set(node.pids().values())
        streams = [await Listening.open(port, {"toolsListChanged": True}, n) for n in range(10)]
        node.process.send_signal(signal.SIGHUP)
        for ending in await asyncio.gather(*(stream.rest() for stream in streams)):
            assert ending[-1]["result"]["resultType"] == "complete"
        await asyncio.to_thread(until, lambda: not before & set(node.pids().values()) and node.runs(), "new workers")
        stream = await Listening.open(port, {"toolsListChanged": True})
        await call(port, "change")
        message = await stream.next()
        assert message is not None
        assert message["method"] == TOOLS
        await stream.close()


async def test_a_line_process_that_dies_costs_no_stream_and_all_are_told_to_look_again(folder):
    with running(folder, "--workers", "2", source=APP) as node:
        port, old = node.port(), line_pid(node)
        streams = [await Listening.open(port, {"toolsListChanged": True}, n) for n in range(6)]
        os.kill(old, signal.SIGKILL)
        await call(port, "change")
        for stream in streams:
            message = await stream.next()
            assert message is not None
            assert message["method"] == TOOLS
        await asyncio.to_thread(until, lambda: line_pid(node) not in {0, old}, "another line process")
        for stream in streams:
            await stream.close()


async def test_a_worker_that_is_killed_takes_its_own_streams_along_and_no_other(folder):
    with running(folder, "--workers", "2", source=APP) as node:
        port = node.port()
        streams = [await Listening.open(port, {"toolsListChanged": True}, n) for n in range(10)]
        os.kill(next(iter(node.pids().values())), signal.SIGKILL)
        await asyncio.to_thread(until, lambda: len(node.pids()) == 2, "two workers")
        await call(port, "change")
        heard = await asyncio.gather(*(stream.next() for stream in streams))
        assert {None if message is None else message["method"] for message in heard} <= {None, TOOLS}
        assert not any(stream.whole for stream, message in zip(streams, heard, strict=True) if message is None)
        for stream in streams:
            await stream.close()


@pytest.mark.parametrize("text", [b"", b'{"keys":[]}'])
def test_a_damaged_file_of_keys_keeps_a_node_from_starting(folder, text: bytes):
    (folder / "data").mkdir()
    path = folder / "data" / FILE
    path.write_bytes(text)
    node = launch(folder)
    try:
        assert node.wait() == 3
    finally:
        end(node)
    (said,) = [each["msg"] for each in node.lines() if each["level"] in {"error", "critical"}]
    assert said.startswith(f"can not serve: {path} holds no ring of keys: ")


def test_the_keys_of_a_node_are_those_of_the_node_before_it(folder):
    with running(folder):
        before = (folder / "data" / FILE).read_bytes()
    with running(folder):
        assert (folder / "data" / FILE).read_bytes() == before
