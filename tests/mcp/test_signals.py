"""The author's signals: from handlers, tasks and threads, to whoever relays them."""

import asyncio
import threading

import pytest

from erlmcp import App
from erlmcp.mcp import Backplane, Endpoint, LocalBus, Options
from erlmcp.mcp.changes import PROMPTS, RESOURCES, TOOLS, UPDATED, Change
from tests.mcp.posts import call, endpoint, said


def test_a_signal_of_an_app_that_nobody_serves_is_no_trouble():
    app = App("alone", version="1")
    app.tools_changed()
    app.resource_updated("a://b")


def test_each_signal_says_what_changed():
    app, told = App("told", version="1"), list[Change]()
    app.relay(told.append)
    app.tools_changed()
    app.prompts_changed()
    app.resources_changed()
    app.resource_updated("a://ü")
    app.resource_updated("a://b", here=True)
    assert [change.here for change in told] == [False, False, False, False, True]
    assert [(change.method, change.key) for change in told[:-1]] == [
        (TOOLS, ""),
        (PROMPTS, ""),
        (RESOURCES, ""),
        (UPDATED, "a://ü"),
    ]


@pytest.mark.parametrize("uri", [b"a://b", None, 5])
def test_the_uri_of_a_resource_is_a_string(uri: object):
    with pytest.raises(TypeError, match="resource_updated takes the URI of a resource as a string, not"):
        App("strict", version="1").resource_updated(uri)  # type: ignore[arg-type]


class Ear:
    def __init__(self) -> None:
        self.heard: list[str] = []
        self.there = asyncio.Event()

    def hear(self, change: Change) -> None:
        self.heard.append(change.key or change.method)
        self.there.set()

    def end(self) -> None:
        return


async def test_handlers_on_the_loop_in_a_task_and_in_a_thread_reach_the_listeners_of_another_worker():
    app = App("three", version="1")

    @app.tool(inline=True)
    def inline() -> None:
        """Tell at once."""
        app.resource_updated("inline")

    @app.tool
    async def task() -> None:
        """Tell in a task."""
        app.resource_updated("task")

    @app.tool
    def thread() -> None:
        """Tell in a thread."""
        app.resource_updated("thread")

    bus, ear = LocalBus(), Ear()
    there = Backplane(bus=bus)
    app.bind(Options())
    here = Endpoint(app, Options(), None, Backplane(bus=bus))
    there.changes.attach(ear, [(UPDATED, name) for name in ("inline", "task", "thread")])
    for name in ("inline", "task", "thread"):
        answer = here(call(name))
        async with asyncio.timeout(5):
            assert "result" in said(await answer if isinstance(answer, asyncio.Future) else answer)
            await ear.there.wait()
        ear.there.clear()
    assert ear.heard == ["inline", "task", "thread"]


async def test_a_thread_of_the_authors_own_reaches_them_once_the_process_serves():
    app, ear = App("own thread", version="1"), Ear()
    place = endpoint(app)
    place.open()
    place._backplane.changes.attach(ear, [(TOOLS, "")])
    thread = threading.Thread(target=app.tools_changed)
    thread.start()
    async with asyncio.timeout(5):
        await ear.there.wait()
    thread.join(5)
    assert ear.heard == [TOOLS]
