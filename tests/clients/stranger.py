"""A server of the official Python SDK, for our client: `python stranger.py stdio`, or `http PORT`."""

import sys

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import InputRequiredResult
from pydantic import BaseModel

server = MCPServer("stranger", version="1.2", instructions="Be kind.")


class Person(BaseModel):
    name: str
    age: int = 30


@server.tool()
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@server.tool()
def refuse() -> str:
    """Says no."""
    raise ToolError("not today")


@server.tool()
async def count(to: int, ctx: Context) -> str:
    """Counts and tells how far it is."""
    for number in range(1, to + 1):
        await ctx.report_progress(number, to)
    return "counted"


@server.tool()
async def greet(ctx: Context) -> str:
    """Asks who is there, as the older era does."""
    answer = await ctx.elicit("Who is there?", Person)
    return f"{answer.action} {answer.data.name} {answer.data.age}" if answer.action == "accept" else answer.action


@server.tool()
async def greet_again(ctx: Context) -> str | InputRequiredResult:
    """Asks who is there, as 2026-07-28 does."""
    if ctx.input_responses:
        return f"hello {ctx.input_responses['who'].content['name']} ({ctx.request_state})"
    form = {"type": "object", "properties": {"name": {"type": "string"}}}
    who = {"method": "elicitation/create", "params": {"message": "Who?", "requestedSchema": form}}
    return InputRequiredResult.model_validate({"inputRequests": {"who": who}, "requestState": "round 1"})


@server.resource("note://{name}")
def note(name: str) -> str:
    """A note by its name."""
    return f"note {name}"


@server.resource("note://all")
def notes() -> str:
    """All notes."""
    return "all"


@server.prompt()
def haggle(item: str) -> str:
    """Asks for a better price."""
    return f"Is {item} cheaper tomorrow?"


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        server.run("stdio")
    else:
        uvicorn.run(server.streamable_http_app(), port=int(sys.argv[2]), log_level="error")
