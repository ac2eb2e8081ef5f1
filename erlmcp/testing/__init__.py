"""An app under test: a client that speaks to it in memory, in both eras."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Unpack

from erlmcp.client import MODES, Client, ClientOptions, Streamable
from erlmcp.mcp import App, Endpoint, Options
from erlmcp.testing.memory import Memory

__all__ = ["client"]

ERAS: Final = tuple(mode for mode in MODES if mode != "auto")


@asynccontextmanager
async def client(
    app: App, *, era: str = "modern", settings: Options | None = None, **options: Unpack[ClientOptions]
) -> AsyncIterator[Client]:
    """A client of `app`, which is at work inside: bound, its lifespan open. No process, no socket.

    `era`: `modern`, `legacy`, or a version of the protocol. `settings`: what the configuration's section [mcp] says.
    The options are those of `erlmcp.Client`, as `elicit=` for what answers the app's questions.
    """
    if era not in ERAS:
        raise ValueError(f"era must be one of {', '.join(ERAS)}, not {era!r}")
    settings = settings or Options()
    app.bind(settings)
    endpoint = Endpoint(app, settings)
    try:
        async with app.running():
            endpoint.open()
            transport = Streamable(Memory(endpoint))
            async with Client(transport, mode=era, **options) as one:
                yield one
            endpoint.drain()
    finally:
        app.close()
