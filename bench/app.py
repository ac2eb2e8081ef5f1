"""The app that the benchmarks serve: one sum, three ways to run it."""

from erlmcp import App

app = App("bench", version="1.0")


@app.tool(inline=True)
def add(a: int, b: int) -> int:
    """Add on the loop."""
    return a + b


@app.tool
async def add_async(a: int, b: int) -> int:
    """Add in a task."""
    return a + b


@app.tool
def add_threaded(a: int, b: int) -> int:
    """Add in a thread."""
    return a + b
