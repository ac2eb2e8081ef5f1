"""Servers as child processes: lines both ways, their last words, and that none is left behind."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from erlmcp.client import Client, ConnectionFailed, Garbled, Stdio, StdioTransport, TimedOut

CHILD = str(Path(__file__).with_name("child.py"))
PATIENCE = 10.0


def child(behaviour: str, **more: Any) -> Stdio:
    return Stdio([sys.executable, CHILD, behaviour], **{"stderr": lambda _line: None} | more)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


async def gone(pid: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while alive(pid):  # noqa: ASYNC110 - nobody else's child tells us
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("behaviour", ["modern", "legacy"])
async def test_a_child_of_either_era_is_called(behaviour: str) -> None:
    async with Client(child(behaviour), timeout=PATIENCE) as client:
        assert client.modern == (behaviour == "modern")
        results = await asyncio.gather(*(client.call_tool("echo", {"n": n}) for n in range(10)))
        heard: list[Any] = []
        await client.call_tool("progress", on_progress=heard.append)
    assert [json.loads(result.text) for result in results] == [{"n": n} for n in range(10)]
    assert [each.progress for each in heard] == [1]


async def test_a_child_that_says_nothing_to_the_probe_is_an_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("erlmcp.client.opening.PROBE", 0.3)
    async with Client(child("silent"), timeout=PATIENCE) as client:
        assert client.protocol_version == "2025-11-25"
        assert (await client.call_tool("echo")).text == "{}"


async def test_what_an_old_child_asks_is_answered() -> None:
    async with Client(child("legacy"), mode="legacy", elicit=lambda question: {"name": question.message[:4]}) as client:
        assert json.loads((await client.call_tool("ask")).text) == {
            "action": "accept",
            "content": {"count": 7, "name": "who?"},
        }


async def test_a_subscription_has_its_own_notifications_and_ends_with_its_result() -> None:
    async with Client(child("modern")) as client, asyncio.timeout(PATIENCE):
        async with client.listen(tools=True) as changes:
            heard = [change.method async for change in changes]
        assert changes.honoured == {"toolsListChanged": True}
    assert heard == ["notifications/tools/list_changed"]


async def test_a_call_that_is_late_is_cancelled_with_its_id() -> None:
    lines: list[str] = []
    async with Client(child("modern", stderr=lines.append)) as client:
        with pytest.raises(TimedOut):
            await client.call_tool("cancelled", timeout=0.1)
        await client.call_tool("echo", timeout=PATIENCE)
    assert lines == ["notifications/cancelled True"]


async def test_a_child_that_dies_is_told_with_its_exit_code_and_its_last_words() -> None:
    async with Client(child("modern"), retries=0) as client:
        with pytest.raises(ConnectionFailed, match=r"ended with exit code 3\n  out of tea$"):
            await client.call_tool("die", timeout=PATIENCE)
        with pytest.raises(ConnectionFailed, match="out of tea"):
            await client.call_tool("echo", timeout=PATIENCE)


async def test_a_few_lines_that_are_no_messages_are_passed_over_and_many_are_the_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("erlmcp.client.stdio.MAX_NOISE", 3)
    async with Client(child("modern"), retries=0, timeout=PATIENCE) as client:
        assert (await client.call_tool("print", {"times": 2})).text == "done"
        assert "writes what is no message: 'hello'" in caplog.text
        with pytest.raises(Garbled, match="what are no messages"):
            await client.call_tool("print", {"times": 2})


async def test_a_line_has_a_largest_size() -> None:
    async with Client(child("modern"), max_message=100_000) as client:
        with pytest.raises(Garbled, match="a line of more than 100000 bytes"):
            await client.call_tool("huge", {"bytes": 300_000}, timeout=PATIENCE)


async def test_a_child_gets_a_small_environment_and_what_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_SECRET", "x")
    for inherit, secret in ((False, None), (True, "x")):
        async with Client(child("modern", env={"TEA": "green"}, inherit=inherit)) as client:
            environment = json.loads((await client.call_tool("environment", timeout=PATIENCE)).text)
        assert (environment.get("OUR_SECRET"), environment["TEA"]) == (secret, "green")
        assert environment["PATH"] == os.environ["PATH"]


async def test_a_child_that_stays_is_killed_and_its_own_children_with_it() -> None:
    transport = StdioTransport(child("stubborn", grace=0.2))
    async with Client(transport) as client, asyncio.timeout(PATIENCE):
        pid = transport.pid
        assert pid is not None
        grandchild = int((await client.call_tool("child")).text)
        assert alive(pid)
        assert alive(grandchild)
    await gone(pid)
    await gone(grandchild)


async def test_a_child_is_gone_when_its_opening_is_cancelled() -> None:
    transport = StdioTransport(child("silent", grace=0.2))

    async def opened() -> None:
        async with Client(transport, mode="modern"):
            pass

    opening = asyncio.create_task(opened())
    async with asyncio.timeout(PATIENCE):
        while transport.pid is None:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
    pid = transport.pid
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    await gone(pid)


async def test_a_command_that_is_not_there_is_told() -> None:
    with pytest.raises(ConnectionFailed, match="`no-such-command-anywhere` cannot be started: No such file"):
        async with Client(["no-such-command-anywhere"]):
            pass
