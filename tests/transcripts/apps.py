"""The apps that conversations are held with, beside the sample of tests.mcp.posts."""

import msgspec

from erlmcp import App, Context
from erlmcp.mcp import Roots, Sample
from tests.serving import ROOT


class Delivery(msgspec.Struct):
    """A form that asks for an address."""

    street: str


class Gift(msgspec.Struct):
    """A form that asks for a wrapping."""

    wrapped: bool = False


def skilled() -> App:
    """Two skills, from the folder of the conformance fixture."""
    app = App("skilled", version="1")
    app.skills(ROOT / "tests" / "conformance" / "skills")
    return app


def asking() -> App:
    """A shop that asks its customers, their model and their editor."""
    app = App("asking", version="1")

    @app.tool
    async def deliver(item: str, ctx: Context) -> str:
        """Send an item to the user's home."""
        home = (await ctx.elicit(f"Where shall the {item} go?", Delivery, key="home")).granted()
        gift = (await ctx.elicit("Is it a gift?", Gift, key="gift")).granted()
        return f"{item} goes to {home.street}{', wrapped' if gift.wrapped else ''}"

    @app.tool
    async def describe(ctx: Context) -> str:
        """Have the client's model describe the client's roots."""
        answers = await ctx.ask({"words": Sample("Describe a folder.", max_tokens=50), "roots": Roots()})
        return f"{answers['roots'][0].uri}: {answers['words'].text}"

    return app
