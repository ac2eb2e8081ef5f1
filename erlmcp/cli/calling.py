"""`erlmcp tools`, `call`, `resources`, `read`, `prompts` and `prompt`: any MCP server from the command line."""

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
import msgspec

from erlmcp.cli.answering import end_progress, handlers, show_log, show_progress
from erlmcp.cli.connecting import Connected, Server, connects
from erlmcp.cli.grammar import CONTEXT
from erlmcp.cli.showing import SHAPES, Page, put, show, tell
from erlmcp.cli.typed import arguments_of, nearest
from erlmcp.node.exits import Exit, Refusal

if TYPE_CHECKING:
    from erlmcp.client import Client, PromptResult, ResourceResult, Tool, ToolResult

__all__ = ["call", "prompt", "prompts", "read", "resources", "tools"]

FORMAT = click.option("--format", "shape", type=click.Choice(SHAPES), default="table", help="How to show it.")
HUMAN = click.option("--format", "shape", type=click.Choice(("text", "json")), default="text", help="How to show it.")


@click.command(cls=Connected, context_settings=CONTEXT, short_help="List the tools of an MCP server.")
@FORMAT
@connects
def tools(server: Server, shape: str) -> None:
    """List the tools of a server, with what they take.

    \b
    Examples:
      erlmcp tools
      erlmcp tools --url https://example.com/mcp --format json | jq .tools
      erlmcp tools --stdio -- python server.py
    """
    from erlmcp.cli.inspecting import entries, signature  # noqa: PLC0415 - the help needs none of it

    found = [_plain(tool) for tool in server.ask(lambda client: client.list_tools())]
    rows = [(signature(tool), _first(tool)) for tool in found]
    if shape == "table" and rows:  # what a tool takes may be wider than a screen: no column for that
        tell(["tool", *entries(rows)])
    else:
        show(shape, Page("tools", found, ("tool", "description"), rows))


@click.command(cls=Connected, context_settings=CONTEXT, short_help="List the resources of an MCP server.")
@FORMAT
@connects
def resources(server: Server, shape: str) -> None:
    """List the resources and resource templates of a server.

    \b
    Examples:
      erlmcp resources
      erlmcp resources --format jsonl
    """

    async def both(client: "Client") -> list[dict[str, Any]]:
        return [_plain(each) for each in [*await client.list_resources(), *await client.list_resource_templates()]]

    found = server.ask(both)
    rows = [(each.get("uri") or each.get("uriTemplate"), each.get("mimeType"), _first(each)) for each in found]
    show(shape, Page("resources", found, ("uri", "type", "description"), rows))


@click.command(cls=Connected, context_settings=CONTEXT, short_help="List the prompts of an MCP server.")
@FORMAT
@connects
def prompts(server: Server, shape: str) -> None:
    """List the prompts of a server, with their arguments.

    \b
    Examples:
      erlmcp prompts
      erlmcp prompts --format json | jq .prompts
    """
    found = [_plain(each) for each in server.ask(lambda client: client.list_prompts())]
    rows = [(each["name"], _arguments(each), _first(each)) for each in found]
    show(shape, Page("prompts", found, ("prompt", "arguments", "description"), rows))


@click.command(cls=Connected, context_settings=CONTEXT, short_help="Call a tool of an MCP server.")
@click.argument("tool")
@click.argument("pairs", nargs=-1, metavar="[NAME=VALUE]... | -")
@click.option("--json", "text", metavar="JSON", help="All arguments, as an object.")
@HUMAN
@connects
def call(server: Server, tool: str, pairs: Sequence[str], text: str | None, shape: str) -> int:
    """Call TOOL. Arguments are NAME=VALUE, typed by the tool's schema; a list is NAME=A NAME=B. With --json they are an
    object, and with - that object is read from standard input.

    How far it is goes to standard error, on a terminal; there questions of the server can be answered, too.

    \b
    Examples:
      erlmcp call add a=2 b=40
      erlmcp call add --json '{"a": 2, "b": 40}'
      echo '{"a": 2, "b": 40}' | erlmcp call add -
    """
    given = _given(pairs, text)

    async def work(client: "Client") -> "ToolResult":
        arguments = given
        if arguments is None:
            arguments = _typed(tool, pairs, await client.list_tools())
        try:
            return await client.call_tool(
                tool, arguments, check=False, on_progress=show_progress if sys.stderr.isatty() else None
            )
        finally:
            end_progress()

    result = _or_nearest(server, tool, work)
    if shape == "json":
        document = {"content": _plain(result.content), "isError": result.is_error}
        if result.structured_content is not None:
            document["structuredContent"] = result.structured_content
        put(document)
        return Exit.NEGATIVE if result.is_error else Exit.OK
    if result.is_error:
        raise Refusal(Exit.NEGATIVE, result.text or f"tool {tool} says no, and does not say why")
    click.echo(_drawn(result))
    return Exit.OK


@click.command(cls=Connected, context_settings=CONTEXT, short_help="Read a resource of an MCP server.")
@click.argument("uri")
@HUMAN
@connects
def read(server: Server, uri: str, shape: str) -> None:
    """Write what the resource URI holds to standard output.

    \b
    Examples:
      erlmcp read shop://prices
      erlmcp read shop://logo > logo.png
      erlmcp read shop://prices --format json
    """
    from erlmcp.client import RpcError  # noqa: PLC0415 - the help needs none of it

    async def work(client: "Client") -> "ResourceResult":
        try:
            return await client.read_resource(uri)
        except RpcError as error:
            if error.code not in {-32002, -32602}:
                raise
            raise Refusal(Exit.NOT_FOUND, f"{error.message}\nnext: `erlmcp resources` lists what there is") from error

    result = server.ask(work)
    if shape == "json":
        put({"contents": _plain(result.contents)})
        return
    for each in result.contents:
        if each.blob is not None and sys.stdout.isatty():
            size = f"{len(each.data)} bytes of {each.mime_type or 'something'}"
            raise Refusal(Exit.USAGE, f"{each.uri} is {size}; send them somewhere: > FILE")
        if each.blob is not None:
            sys.stdout.buffer.write(each.data)
        else:
            click.echo(_shown(each.text or ""), nl=sys.stdout.isatty())


@click.command(cls=Connected, context_settings=CONTEXT, short_help="Fill in a prompt of an MCP server.")
@click.argument("name")
@click.argument("pairs", nargs=-1, metavar="[NAME=VALUE]...")
@HUMAN
@connects
def prompt(server: Server, name: str, pairs: Sequence[str], shape: str) -> None:
    """Show the messages of the prompt NAME, filled in.

    \b
    Examples:
      erlmcp prompt haggle item=tea
      erlmcp prompt haggle item=tea --format json | jq .messages
    """
    from erlmcp.client import RpcError  # noqa: PLC0415 - the help needs none of it

    strings = {"additionalProperties": {"type": "string"}}
    arguments = {key: str(value) for key, value in _pairs(pairs, strings).items()}

    async def work(client: "Client") -> "PromptResult":
        try:
            return await client.get_prompt(name, arguments)
        except RpcError as error:
            names = [each.name for each in await client.list_prompts()] if error.code == -32602 else [name]
            if name in names:
                raise
            hint = nearest(name, names, otherwise=f"there are {', '.join(names) or 'none'}")
            raise Refusal(Exit.NOT_FOUND, f"there is no prompt {name}; {hint}") from error

    result = server.ask(work)
    if shape == "json":
        put({"messages": _plain(result.messages), "description": result.description})
        return
    for message in result.messages:
        click.echo(_shown(f"{message.role}: {_block(_plain(message.content))}"))


def _given(pairs: Sequence[str], text: str | None) -> dict[str, Any] | None:
    """The arguments as an object; None: they are pairs, whose types the schema has."""
    if text is None and list(pairs) != ["-"]:
        return {} if not pairs else None
    if text is not None and pairs:
        raise click.UsageError("arguments are NAME=VALUE, or --json, or -; not two of them")
    try:
        given = json.loads(sys.stdin.read() if text is None else text)
    except (ValueError, RecursionError) as fault:
        raise Refusal(Exit.USAGE, f"the arguments are no JSON: {fault}") from fault
    if not isinstance(given, dict):
        raise Refusal(Exit.USAGE, "the arguments are no JSON object; write one like '{\"a\": 2}'")
    return given


def _typed(tool: str, pairs: Sequence[str], found: "list[Tool]") -> dict[str, Any]:
    schemas = {each.name: each.input_schema for each in found}
    if tool not in schemas:
        raise _no_tool(tool, list(schemas))
    return _pairs(pairs, schemas[tool])


def _pairs(pairs: Sequence[str], schema: dict[str, Any]) -> dict[str, Any]:
    try:
        return arguments_of(pairs, schema)
    except ValueError as fault:
        raise Refusal(Exit.USAGE, str(fault)) from fault


def _or_nearest(server: Server, tool: str, work: Any) -> "ToolResult":
    """Call, and tell an unknown tool from other faults."""
    from erlmcp.client import RpcError  # noqa: PLC0415 - the help needs none of it

    async def tried(client: "Client") -> "ToolResult":
        try:
            result: ToolResult = await work(client)
        except RpcError as error:
            names = [each.name for each in await client.list_tools()] if error.code == -32602 else [tool]
            if tool in names:
                raise
            raise _no_tool(tool, names) from error
        return result

    return server.ask(tried, on_log=show_log, log_level="warning", **handlers())


def _no_tool(tool: str, names: list[str]) -> Refusal:
    hint = nearest(tool, names, otherwise="`erlmcp tools` lists what there is" if names else "it has none")
    return Refusal(Exit.NOT_FOUND, f"there is no tool {tool}; {hint}")


def _drawn(result: "ToolResult") -> str:
    if not result.content and result.structured_content is not None:
        return _shown(json.dumps(result.structured_content, indent=2, ensure_ascii=False))
    return _shown("\n".join(_block(block) for block in _plain(result.content)))


def _block(block: dict[str, Any]) -> str:
    """One block of content, for a person: text as it is, of others what they are."""
    kind = block.get("type")
    if kind == "text":
        return str(block["text"])
    if kind == "resource":
        resource = block["resource"]
        return str(resource.get("text") or f"[{resource['uri']}, {resource.get('mimeType', 'binary')}]")
    if kind == "resource_link":
        return f"[{block['uri']}]"
    if "data" in block and "mimeType" in block:
        return f"[{kind}, {block['mimeType']}, {len(block['data']) * 3 // 4} bytes]"
    return json.dumps(block.get("value", block), ensure_ascii=False)


def _shown(text: str) -> str:
    """As it is into a pipe; on a terminal what could move the cursor is made visible."""
    from erlmcp.cli.tcps.picture import as_text  # noqa: PLC0415 - as above

    return as_text([text], None, colour=False) if sys.stdout.isatty() else text


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)


def _first(each: dict[str, Any]) -> str:
    """The first line of what it says of itself."""
    told = str(each.get("description") or each.get("title") or "").strip()
    return told.split("\n", 1)[0]


def _arguments(each: dict[str, Any]) -> str:
    names = [item["name"] + ("" if item.get("required") else "?") for item in each.get("arguments") or ()]
    return ", ".join(names)
