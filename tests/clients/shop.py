"""The app that the official clients meet: a little of everything that erlmcp offers, and something that goes wrong."""

import asyncio
from typing import Literal

import msgspec

from erlmcp import App, Context, ToolError
from erlmcp.mcp import Message

app = App("shop", version="2.1", instructions="Ask for prices before you order.")


class Parcel(msgspec.Struct):
    """What goes into a parcel."""

    weight: float
    items: list[str]


@app.tool
def add(a: int, b: int) -> int:
    """Adds two numbers.

    Args:
        a: The first number.
        b: The second number.
    """
    return a + b


@app.tool(inline=True)
def pack(items: list[str], each: float = 0.5) -> Parcel:
    """Packs items into a parcel.

    Args:
        items: What to pack.
        each: The weight of one item, in kilograms.
    """
    return Parcel(weight=each * len(items), items=items)


@app.tool
def order(item: Literal["tea", "cake"]) -> str:
    """Orders something that may be sold out."""
    if item == "cake":
        raise ToolError("cake is sold out: order tea")
    return "tea is on its way"


@app.tool
async def bake(minutes: int, context: Context) -> str:
    """Bakes a cake and tells how far it is."""
    for minute in range(minutes):
        await context.progress(minute + 1, minutes, f"minute {minute + 1}")
    await context.warning({"oven": "hot"}, logger="oven")
    return "baked"


@app.tool
async def brew(port: int) -> str:
    """Brews tea for ever, and tells whoever listens on the port when it starts and when it stops."""
    _, phone = await asyncio.open_connection("127.0.0.1", port)
    phone.write(b"started\n")
    try:
        await asyncio.Event().wait()
    finally:
        phone.write(b"stopped\n")
        phone.close()
    return "unreachable"


@app.tool
def crash() -> str:
    """Breaks by a bug of its own."""
    raise RuntimeError("the secret is 42")


@app.resource("shop://prices", name="prices", mime_type="text/csv")
def prices() -> str:
    """What everything costs."""
    return "tea,2\ncake,3\n"


@app.resource("shop://logo", name="logo", mime_type="image/png")
def logo() -> bytes:
    """The sign above the door."""
    return b"\x89PNG\r\n\x1a\n"


@app.resource("shop://orders/{number}", name="order", mime_type="text/plain")
def order_number(number: int) -> str:
    """One order by its number."""
    return f"order {number}"


@app.prompt
def haggle(item: str) -> list[Message]:
    """Asks for a better price.

    Args:
        item: What the price is for.
    """
    return [Message(f"Is {item} cheaper tomorrow?"), Message("I will ask.", "assistant")]


@app.completion(prompt="haggle", argument="item")
def items(value: str, arguments: dict[str, str]) -> list[str]:
    """The items on sale that start with what was typed."""
    return [item for item in ("cake", "tea", "teapot") if item.startswith(value)]
