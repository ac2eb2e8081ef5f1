"""`erlmcp inspect module:app`: what an app offers, and what in it will trouble clients or models."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import click
import msgspec

from erlmcp.cli.grammar import CONTEXT
from erlmcp.node.exits import Exit

if TYPE_CHECKING:
    from erlmcp.mcp import App, Offer

__all__ = ["entries", "inspect", "signature"]

Entry: TypeAlias = tuple[str, str | None]
"""A name, and what it is."""


@click.command(context_settings=CONTEXT, short_help="Show what an app offers, and what to mend in it.")
@click.argument("app", metavar="MODULE:APP")
@click.option("--format", "form", type=click.Choice(["human", "json"]), default="human", show_default=True)
@click.option("--strict", is_flag=True, help="Exit with 1 when there is anything to mend, for CI.")
def inspect(app: str, form: str, strict: bool) -> int:
    """Load an app, without serving it, and show its tools, resources and prompts as clients will see them, and what
    will trouble clients or models.

    Its lifespan is not entered and nothing is called, but its providers are asked.

    \b
    Examples:
      erlmcp inspect mypackage.module:app
      erlmcp inspect server:app --strict --format json
    """
    from erlmcp.mcp import offer_of  # noqa: PLC0415 - the help needs no protocol
    from erlmcp.node.loading import load_app  # noqa: PLC0415

    loaded = load_app(app)
    asyncio.run(_prepare(loaded))
    offer = offer_of(loaded)
    if form == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(offer), indent=2).decode())
    else:
        click.echo(drawn(offer))
    loaded.close()
    return Exit.NEGATIVE if strict and offer.findings else Exit.OK


async def _prepare(app: "App") -> None:
    app.bind(app.options)
    await app.inquire()


def drawn(offer: "Offer") -> str:
    """The whole of it, for a person."""
    lines = [f"{offer.name} {offer.version}" + (f"  {offer.title}" if offer.title else "")]
    lines += _section("Tools", [(signature(tool), tool.get("description")) for tool in offer.tools])
    lines += _section("Resources", [(each["uri"], each.get("description")) for each in offer.resources])
    templates = [(each["uriTemplate"], each.get("description")) for each in offer.resource_templates]
    lines += _section("Templates", templates)
    lines += _section("Prompts", [(_prompt(each), each.get("description")) for each in offer.prompts])
    lines += ["", "Methods"]
    lines += [f"  {revision}  {' '.join(methods)}" for revision, methods in offer.methods.items()]
    if offer.findings:
        lines += ["", "To mend"]
        lines += [f"  {each.level:7}  {each.where} {each.message}  [{each.rule}]" for each in offer.findings]
    else:
        lines += ["", "Nothing to mend."]
    return "\n".join(lines)


def _section(title: str, found: Sequence[Entry]) -> list[str]:
    if not found:
        return []
    return ["", f"{title} ({len(found)})", *(f"  {line}" for line in entries(found))]


def entries(found: Sequence[Entry]) -> Iterator[str]:
    """The lines of a list: each name, and below it what it is."""
    for name, told in found:
        yield name
        if told:
            yield f"    {told}"


def signature(tool: dict[str, Any]) -> str:
    """`price(item: string, quantity: integer = 1) → number`."""
    schema = tool["inputSchema"]
    required = schema.get("required", ())
    parts = []
    for name, spot in schema.get("properties", {}).items():
        default = f" = {msgspec.json.encode(spot['default']).decode()}" if "default" in spot else ""
        optional = "" if name in required or default else "?"
        parts.append(f"{name}{optional}: {_type(spot, schema)}{default}")
    output = tool.get("outputSchema")
    wrapped = (
        (output or {}).get("properties", {}).get("result") if (output or {}).get("required") == ["result"] else None
    )
    returned = f" → {_type(wrapped or output, output)}" if output else ""
    return f"{tool['name']}({', '.join(parts)}){returned}"


def _prompt(prompt: dict[str, Any]) -> str:
    names = [each["name"] + ("" if each.get("required") else "?") for each in prompt.get("arguments", ())]
    return f"{prompt['name']}({', '.join(names)})"


def _type(spot: Any, root: Any) -> str:
    """A schema in a word or two."""
    if not isinstance(spot, dict):
        return "any"
    if "$ref" in spot:
        return str(spot["$ref"]).rpartition("/")[2]
    if "enum" in spot:
        return "|".join(msgspec.json.encode(each).decode() for each in spot["enum"])
    for key in ("anyOf", "oneOf"):
        if key in spot:
            return "|".join(_type(each, root) for each in spot[key])
    kind = spot.get("type", "any")
    if kind == "array":
        return f"[{_type(spot.get('items'), root)}]"
    return "|".join(kind) if isinstance(kind, list) else str(spot.get("title") or kind if kind == "object" else kind)
