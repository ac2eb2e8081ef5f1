"""Long work that tells how far it is, and stops when nobody waits any more. `erlmcp serve crunching:app`"""

import asyncio

from erlmcp import App, Context

app = App("crunching", version="1.0", instructions="Count primes.")


@app.tool(timeout=300, max_concurrency=2)
async def primes(below: int, ctx: Context) -> int:
    """Count the primes below a number, with progress. Two at a time on a node.

    Args:
        below: at most 100000
    """
    found = 0
    for start in range(2, min(below, 100_000), 1000):
        found += await asyncio.to_thread(count, start, min(start + 1000, below))
        await ctx.progress(min(start + 1000, below), below)
    return found


def count(start: int, stop: int) -> int:
    return sum(all(number % other for other in range(2, int(number**0.5) + 1)) for number in range(start, stop))
