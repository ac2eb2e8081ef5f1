"""Middleware: who may do what, how long it takes, and limits. `erlmcp serve guarded:app`"""

import logging
import time

from erlmcp import App, ToolError
from erlmcp.mcp import Invocation, Proceed, Reply

log = logging.getLogger("guarded")
app = App("guarded", version="1.0", instructions="Rooms can be looked at by all, and locked by day.")
LOCKED: set[int] = set()


@app.middleware
async def timing(invocation: Invocation, proceed: Proceed) -> Reply:
    """Outermost: sees what the next one refuses, too."""
    started = time.perf_counter()
    try:
        return await proceed(invocation)
    finally:
        log.info("%s %s took %.1f ms", invocation.method, invocation.target, 1000 * (time.perf_counter() - started))


@app.middleware
async def known_rooms(invocation: Invocation, proceed: Proceed) -> Reply:
    """Refuse in words for the model, before the function is called."""
    if invocation.target == "lock" and invocation.arguments.get("room", 0) > 99:
        raise ToolError("rooms above 99 are not ours")
    return await proceed(invocation)


@app.tool(rate_limit="5/s")
async def lock(room: int) -> str:
    """Lock a room. Five a second for each caller.

    Args:
        room: its number
    """
    LOCKED.add(room)
    return f"room {room} is locked"


@app.tool(annotations={"readOnlyHint": True})
async def locked() -> list[int]:
    """The rooms that are locked."""
    return sorted(LOCKED)
