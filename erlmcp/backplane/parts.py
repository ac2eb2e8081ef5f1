"""What MCP runs in the line process, feature by feature, and the tables that it keeps there: one list of parts.

Each node has them, whatever app it serves. To add a feature that workers share:

1. A module here with a function `part(ground) -> Part`: its services by the name they go by at the hub, and children
   for what it does by itself (expiry, say). They run while the database is up. Then its row in `PARTS` below.
2. Its tables, where it has some: `migrations/<feature>/0001_what.sql`, numbered by itself (the component is
   `mcp.<feature>`), and its statements in `sql/<feature>.sql`, each name beginning with the feature's. Both are found
   where they lie.
3. The same module's typed reference for workers, which has the methods of the feature's Protocol in `mcp` and calls
   the services by `Link.call`, or reads by `Shore.reader`; then its line in `join`.
4. One contract test suite that runs on the in-memory implementation in `mcp` and on this one.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from erlmcp.backplane import events, sessions
from erlmcp.backplane.bus import LinkBus
from erlmcp.backplane.ground import Ground, Part, Shore
from erlmcp.backplane.key_ring import ROTATED, FileRing
from erlmcp.backplane.limits import NodeLimits
from erlmcp.backplane.tasks import NodeTasks, tasks_part
from erlmcp.mcp import Backplane, Sealer
from erlmcp.otp import ChildSpec, Service
from erlmcp.store import Migrations, Queries, Schema

__all__ = ["PARTS", "Ground", "Part", "Shore", "join", "parts", "schema"]


LIMITS: Final = "limits"
"""The file of the data directory in which calls are counted."""

PARTS: Final[Mapping[str, Callable[[Ground], Part]]] = {
    "sessions": sessions.part,
    "events": events.part,
    "tasks": tasks_part,
}
"""By feature."""


def join(shore: Shore) -> Backplane:
    """The backplane of one worker process."""
    link = shore.link
    bus, ring = LinkBus(link), FileRing(shore.place)
    bus.subscribe(ROTATED, lambda _: ring.refresh(), ring.refresh)
    return Backplane(
        bus=bus,
        sealer=Sealer(ring),
        limits=NodeLimits(shore.place / LIMITS),
        tasks=NodeTasks(link, shore.reader, shore.options),
        sessions=sessions.LineSessions(link),
        events=events.LineEvents(link),
    )


def parts(ground: Ground, listed: Mapping[str, Callable[[Ground], Part]] = PARTS) -> Part:
    """All parts as one. Raises ValueError for a service that two of them offer."""
    services: dict[str, Service] = {}
    children: list[ChildSpec] = []
    for feature, build in listed.items():
        part = build(ground)
        if taken := services.keys() & part.services.keys():
            raise ValueError(f"{feature} offers the service {min(taken)!r}, which another part offers already")
        services |= part.services
        children += part.children
    return Part(services, tuple(children))


def schema() -> Schema:
    """The tables of all features, and every statement on them."""
    here = files("erlmcp.backplane")
    steps = tuple(Migrations.load(f"mcp.{each.name}", each) for each in _directories(here / "migrations"))
    statements = here / "sql"
    return Schema(steps, Queries.load(statements) if statements.is_dir() else Queries())


def _directories(place: Traversable) -> Iterator[Traversable]:
    if place.is_dir():
        yield from sorted((each for each in place.iterdir() if each.is_dir()), key=lambda each: each.name)
