"""The apps that conversations are held with, beside the sample of tests.mcp.posts."""

import asyncio

import msgspec

from erlmcp import App, Context, ToolError
from erlmcp.mcp import Elicit, Given, Invocation, Proceed, Reply, Roots, Sample
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


def working() -> App:
    """A kitchen whose dishes take their time."""
    app = App("working", version="1")

    @app.tool(task="optional")
    async def cook(dish: str, ctx: Context) -> str:
        """Cook a dish, as the guest wants it."""
        await ctx.progress(1, 2, "the water boils")
        answers = await ctx.ask({"street": Elicit("Where to?", Delivery), "wrapped": Elicit("As a gift?", Gift)})
        return f"{dish} goes to {answers['street'].granted().street}"

    @app.tool(task="required")
    async def burn() -> str:
        """Fail, as cooks do."""
        raise ToolError("it is burnt")

    return app


def market() -> App:
    """A shop mounted in a market, with middleware, a provider and a limit."""
    shop, app = App("shop"), App("market", version="1")

    @shop.tool(inline=True)
    def price(item: str) -> int:
        """What an item costs."""
        return len(item)

    @shop.resource("shop://search{?q,limit}", cache_ttl_ms=60_000, cache_scope="public", inline=True)
    def search(q: str, limit: int = 10) -> list[str]:
        """Items by a part of their name."""
        return [name for name in ("apple", "melon", "bread") if q in name][:limit]

    @shop.middleware
    async def no_gold(invocation: Invocation, proceed: Proceed) -> Reply:
        if invocation.arguments.get("item") == "gold":
            raise ToolError("we do not sell gold")
        return await proceed(invocation)

    @app.tool(inline=True, rate_limit="1/h")
    def ring_the_bell() -> str:
        """Open or close the market."""
        return "ding"

    @app.provider
    async def stalls(given: Given) -> None:
        given.tool(lambda: "fresh bread", name="visit_baker", description="Visit the baker.", inline=True)

    app.mount(shop, "shop")
    return app


def desk() -> App:
    """A desk that asks, thinks with its connection closed, and sleeps."""
    app = App("desk", version="1")
    lamp = asyncio.Event()
    app.lamp = lamp  # type: ignore[attr-defined]

    @app.tool
    async def tidy(ctx: Context) -> str:
        """Ask who tidies up, and say so."""
        await ctx.info("asking who is there")
        name = (await ctx.elicit("Who tidies up?", Name)).granted().name
        return f"{name} tidies up"

    @app.tool
    async def think(ctx: Context) -> str:
        """Close the connection, and think until the lamp is on."""
        ctx.close_stream()
        await lamp.wait()
        return "thought"

    @app.tool
    async def sleep() -> str:
        """For ever."""
        await asyncio.Event().wait()
        return "slept"

    @app.resource("desk://{thing}", inline=True)
    def thing(thing: str) -> str:
        """Something on it."""
        return thing

    return app


class Name(msgspec.Struct):
    """A form that asks for a name."""

    name: str
