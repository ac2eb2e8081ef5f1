"""The client that the official suite tests: `python -m tests.conformance.client URL`, one scenario by its name.

It does what a host would: lists what there is and uses it. Where the suite says what to call, that is called.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from erlmcp import Client
from erlmcp.client import ClientError

Scenario = Callable[[Client], Awaitable[object]]


async def use_everything(client: Client) -> None:
    """List all there is, and use each once."""
    for tool in await client.list_tools():
        await client.call_tool(tool.name, arguments_for(tool.input_schema), check=False)
    for resource in await listed(client.list_resources()):
        await client.read_resource(resource.uri)
    for prompt in await listed(client.list_prompts()):
        await client.get_prompt(prompt.name, {argument.name: "x" for argument in prompt.arguments or ()})


async def listed(lists: Awaitable[list[Any]]) -> list[Any]:
    try:
        return await lists
    except ClientError:  # a server without the capability
        return []


def arguments_for(schema: dict[str, Any]) -> dict[str, Any]:
    """Something of each type that is required."""
    samples = {"number": 2, "integer": 2, "string": "x", "boolean": True, "array": [], "object": {}}
    properties = schema.get("properties", {})
    return {name: samples.get(properties.get(name, {}).get("type", ""), "x") for name in schema.get("required", ())}


async def add(client: Client) -> None:
    await client.list_tools()
    await client.call_tool("add_numbers", {"a": 5, "b": 3})


async def call_what_is_said(client: Client) -> None:
    """The calls that the suite hands over."""
    await client.list_tools()
    for call in json.loads(os.environ["MCP_CONFORMANCE_CONTEXT"])["toolCalls"]:
        await client.call_tool(call["name"], call["arguments"])


async def in_rounds(client: Client) -> None:
    """All tools at once: what one is asked must not leak into another."""
    tools = await client.list_tools()
    await asyncio.gather(*(client.call_tool(tool.name) for tool in tools))


async def give_the_schema_back(client: Client) -> None:
    """What was listed as a schema goes back as an argument, as it came."""
    tools = await client.list_tools()
    focal = next(tool for tool in tools if tool.name == "json_schema_2020_12_tool")
    echo = next(tool for tool in tools if tool is not focal)
    await client.call_tool(echo.name, {"schema": focal.input_schema})


async def list_tools(client: Client) -> None:
    await client.list_tools()


SCENARIOS: dict[str, Scenario] = {
    "initialize": list_tools,
    "tools_call": add,
    "http-custom-headers": call_what_is_said,
    "sep-2322-client-request-state": in_rounds,
    "json-schema-ref-no-deref": list_tools,
    "json-schema-2020-12-preservation": give_the_schema_back,
}
MODES = {"2026-07-28": "auto"}


def answer(question: Any) -> dict[str, Any]:
    """What is required, and nothing that has a default."""
    schema = question.requested_schema or {}
    return arguments_for({**schema, "required": [n for n in schema.get("required", ()) if n in schema["properties"]]})


async def main(scenario: str, url: str) -> None:
    mode = MODES.get(os.environ.get("MCP_CONFORMANCE_PROTOCOL_VERSION", "2025-11-25"), "legacy")
    async with Client(url, mode=mode, elicit=answer, sample=lambda _: "x", roots=["file:///tmp"]) as client:
        await SCENARIOS.get(scenario, use_everything)(client)


if __name__ == "__main__":
    asyncio.run(main(os.environ.get("MCP_CONFORMANCE_SCENARIO", ""), sys.argv[-1]))
