"""The app that clients wander over: whatever they begin at one worker they go on with at another.

Each answer tells which process gave it, so that the clients can say how far they came.
"""

import asyncio
import os

from msgspec import Struct

from erlmcp import App, Context

app = App("wanderer", version="1")
STEP = 0.02  # seconds


class Word(Struct):
    """What the app asks for."""

    word: str


@app.tool(inline=True)
def here() -> int:
    """Which process answers."""
    return os.getpid()


@app.tool
async def rounds(name: str, ctx: Context) -> str:
    """Ask two questions, one after the other; the answer names all processes that the call came by."""
    been = ctx.state.setdefault("been", [])
    been.append(os.getpid())
    first = (await ctx.elicit(f"{name}: the first word?", Word, key="first")).granted()
    second = (await ctx.elicit(f"{name}: the word after {first.word}?", Word, key="second")).granted()
    return f"{name} {first.word} {second.word} {','.join(map(str, been))}"


@app.tool(task="required", restartable=True)
async def errand(name: str, ctx: Context) -> str:
    """A task that asks in its middle; the answer names the process that came to its end."""
    word = (await ctx.elicit(f"{name}: which word?", Word, key="word")).granted()
    await asyncio.sleep(STEP)
    return f"{name} {word.word} {os.getpid()}"


@app.tool
async def steps(count: int, ctx: Context) -> int:
    """Take a while, and tell of each step; the answer is the process."""
    for step in range(1, count + 1):
        await ctx.progress(step, count)
        await asyncio.sleep(STEP)
    return os.getpid()


@app.resource("note://{name}", inline=True)
def note(name: str) -> str:
    """Something that changes."""
    return name


@app.tool(inline=True)
def update(name: str) -> int:
    """Say that a note has changed."""
    app.resource_updated(f"note://{name}")
    return os.getpid()
