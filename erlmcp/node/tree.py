"""The supervision trees of the line, a worker and `erlmcp stdio`, as literals. Shutdown is one read right to left."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from erlmcp.http import Listener
from erlmcp.otp import AutoShutdown, ChildSpec, Hub, Node, Restart, Run, Strategy, Supervisor

if TYPE_CHECKING:
    from erlmcp.mcp import App

__all__ = ["APP_GRACE", "DOOR_GRACE", "TASK_GRACE", "app_child", "count", "line_tree", "stdio_tree", "worker_tree"]

DOOR_GRACE = 2.0  # seconds: a door ends its own drain; only one that hangs is killed

TASK_GRACE = 1.5  # seconds beyond the drain, which began before the doors closed, to hand over what still runs

APP_GRACE = 2.5  # seconds for a lifespan to close, after both: all end within node.drain_grace (5 s)


def line_tree(database: ChildSpec, actors: Sequence[ChildSpec], hub: Hub) -> Supervisor:
    """`actors`: the coordinator and the duties where the line is served, else nobody."""
    return Supervisor(
        Strategy.REST_FOR_ONE,
        intensity=3,
        period=60.0,
        name="root",
        children=[database, *actors, hub.child()],
    )


def worker_tree(below: Sequence[ChildSpec], http: Listener, metrics: Listener | None, *, drain: float) -> Supervisor:
    """`below`: what the doors stand on, the link, the reader and the app at work. `drain`: seconds that calls in flight
    get when the http door closes."""
    doors = [ChildSpec("http", http.run, shutdown=drain + DOOR_GRACE)]
    if metrics is not None:
        doors.append(ChildSpec("metrics", metrics.run, shutdown=DOOR_GRACE))
    return Supervisor(
        Strategy.REST_FOR_ONE,
        intensity=3,
        period=60.0,
        name="root",
        children=[
            *below,
            Supervisor(Strategy.ONE_FOR_ONE, intensity=5, period=30.0, name="doors", children=doors).child(),
        ],
    )


def stdio_tree(below: Sequence[ChildSpec], door: Run) -> Supervisor:
    """`below`: the line or who waits for it, the link, the reader, the app. The process ends with its one door."""
    return Supervisor(
        Strategy.ONE_FOR_ONE,
        intensity=5,
        period=60.0,
        name="root",
        auto_shutdown=AutoShutdown.ANY_SIGNIFICANT,
        children=[*below, ChildSpec("stdio", door, Restart.TEMPORARY, shutdown=DOOR_GRACE, significant=True)],
    )


def app_child(app: "App", processes: int = 1, *, shutdown: float) -> ChildSpec:
    """The app at work, in one of so many processes, from before the doors open until after they have closed."""

    async def work(ready: Callable[[], None]) -> None:
        async with app.running(processes):
            ready()
            with suppress(asyncio.CancelledError):  # or what follows the author's bare `yield` would not be reached
                await asyncio.get_running_loop().create_future()

    return ChildSpec("app", work, shutdown=shutdown)


def count(children: Sequence[Node]) -> int:
    """How many children run, at all depths."""
    return sum(1 + count(child.children) for child in children)
