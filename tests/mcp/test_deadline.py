"""A limit in time that stands still while somebody is waited for."""

import pytest

from erlmcp import App, Context
from erlmcp.mcp.deadline import Deadline
from tests.mcp.legacy.nodes import Client, Workers, events, next_of


class Loop:
    """A loop whose time a test sets."""

    def __init__(self):
        self.now, self.timers = 0.0, []

    def time(self):
        return self.now

    def call_later(self, seconds, callback):
        timer = Timer(self.now + seconds, callback)
        self.timers.append(timer)
        return timer

    def advance(self, seconds):
        self.now += seconds
        for timer in [each for each in self.timers if each.at <= self.now]:
            self.timers.remove(timer)
            if not timer.cancelled:
                timer.callback()


class Timer:
    def __init__(self, at, callback):
        self.at, self.callback, self.cancelled = at, callback, False

    def when(self):
        return self.at

    def cancel(self):
        self.cancelled = True


def made(seconds=10.0):
    loop, expired = Loop(), []
    return loop, expired, Deadline(loop, seconds, lambda: expired.append(loop.now))


def test_it_expires_when_its_time_is_over_and_not_before():
    loop, expired, _ = made()
    loop.advance(9.9)
    assert expired == []
    loop.advance(0.1)
    assert expired == [10.0]


def test_the_time_in_which_it_is_held_does_not_count():
    loop, expired, deadline = made()
    loop.advance(4)
    deadline.hold()
    loop.advance(100)
    deadline.go_on()
    loop.advance(5.9)
    assert expired == []
    loop.advance(0.1)
    assert expired == [110.0]


def test_it_goes_on_when_the_last_who_held_it_has_let_go():
    loop, expired, deadline = made()
    deadline.hold()
    deadline.hold()
    deadline.go_on()
    loop.advance(50)
    assert expired == []
    deadline.go_on()
    loop.advance(10)
    assert len(expired) == 1


@pytest.mark.parametrize("held", [False, True])
def test_one_that_was_met_expires_no_more(held):
    loop, expired, deadline = made()
    if held:
        deadline.hold()
    deadline.lift()
    if held:
        deadline.go_on()
    loop.advance(100)
    assert expired == []


@pytest.mark.parametrize("kind", ["task", "thread"])
async def test_the_time_that_a_client_takes_to_answer_is_not_the_functions(kind):
    contexts: list[Context] = []
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}

    def asking() -> App:
        app = App("asking")

        @app.tool(name="task")
        async def in_a_task(context: Context) -> str:
            contexts.append(context)
            return (await context.elicit("Who?", schema)).action

        @app.tool(name="thread")
        def in_a_thread(context: Context) -> str:
            contexts.append(context)
            return context.wait(context.elicit("Who?", schema)).action

        return app

    node = Workers(1, asking)
    client = await Client.open(node[0])
    reading = events(await client.call(node[0], kind))
    await next_of(reading)
    request = (await next_of(reading)).message
    deadline = contexts[0]._deadline
    assert deadline._held == 1
    assert deadline._timer.cancelled()
    assert 0 < deadline._left <= 60.001  # clocks are floats
    await client.reply(node[0], request["id"], {"action": "decline"})
    assert (await next_of(reading)).said == "decline"
    assert deadline._held == 0
