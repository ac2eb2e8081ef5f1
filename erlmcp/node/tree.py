"""The supervision tree of a worker, as a literal. Shutdown is this tree read from right to left."""

from erlmcp.http import Listener
from erlmcp.otp import ChildSpec, Strategy, Supervisor

__all__ = ["DOOR_GRACE", "tree"]

DOOR_GRACE = 2.0  # seconds: a door ends its own drain; only one that hangs is killed


def tree(http: Listener, metrics: Listener | None, *, drain: float) -> Supervisor:
    """`drain`: seconds that calls in flight get when the http door closes."""
    doors = [ChildSpec("http", http.run, shutdown=drain + DOOR_GRACE)]
    if metrics is not None:
        doors.append(ChildSpec("metrics", metrics.run, shutdown=DOOR_GRACE))
    return Supervisor(
        Strategy.REST_FOR_ONE,
        intensity=3,
        period=60.0,
        name="root",
        children=[
            Supervisor(Strategy.ONE_FOR_ONE, intensity=5, period=30.0, name="doors", children=doors).child(),
        ],
    )
