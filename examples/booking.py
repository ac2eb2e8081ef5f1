"""Asks the person in front of the client before it books. `erlmcp serve booking:app`"""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from erlmcp import App, Context

app = App("booking", version="1.0", instructions="Book tables in restaurants.")


@dataclass
class Wishes:
    """What we ask."""

    seats: Annotated[int, Meta(ge=1, le=12, description="how many of you")]
    place: Annotated[Literal["inside", "outside"], Meta(description="where")] = "inside"


@app.tool
async def book(restaurant: str, ctx: Context) -> str:
    """Book a table; asks how many will come.

    Args:
        restaurant: which one
    """
    answer = await ctx.elicit(f"A table at {restaurant}: for how many?", Wishes)
    if answer.content is None:
        return "nothing was booked"
    return f"{answer.content.seats} seats {answer.content.place} at {restaurant}"
