"""The official Python client of the older era in a session over four workers: asked, told, let go, and back again."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp import Client
from mcp_types import CreateMessageResult, ElicitResult, ListRootsResult, Root, TextContent

from tests.serving import serving

PATIENCE = 10.0  # seconds
ROUNDS = 8
"""With four workers and new connections for answers, each meets several."""

pytestmark = pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of four workers that serve an app that changes."""
    folder = tmp_path_factory.mktemp("notes")
    (folder / "notes.py").write_text(NOTES)
    with serving("notes:app", 4, folder) as url:
        yield url


NOTES = """
import asyncio
from erlmcp import App, Context

app = App("notes", version="1")

@app.tool(inline=True)
def update(uri: str) -> str:
    app.resource_updated(uri)
    return "told"

@app.tool(inline=True)
def change() -> str:
    app.tools_changed()
    return "told"

@app.tool
async def think(context: Context) -> str:
    context.close_stream()
    await asyncio.sleep(0.3)
    return "thought"

@app.resource("note://{name}", inline=True)
def note(name: str) -> str:
    return name
"""


async def fill(_context: Any, params: Any) -> ElicitResult:
    """A user who fills in a name, or whatever stands there already."""
    answers = {"username": "ada", "email": "ada@example.com", "name": "Ada"}
    fields = params.requested_schema["properties"]
    content = {key: field.get("default", answers.get(key)) for key, field in fields.items()}
    return ElicitResult(action="accept", content={key: value for key, value in content.items() if value is not None})


async def speak(_context: Any, params: Any) -> CreateMessageResult:
    return CreateMessageResult(role="assistant", content=TextContent(text=f"up to {params.max_tokens}"), model="m")


async def roots(_context: Any) -> ListRootsResult:
    return ListRootsResult(roots=[Root(uri="file:///work", name="Work")])


ASKED: dict[str, Any] = {"elicitation_callback": fill, "sampling_callback": speak, "list_roots_callback": roots}


@asynccontextmanager
async def session(url: str, **more: Any) -> AsyncIterator[Client]:
    async with Client(url, mode="legacy", read_timeout_seconds=PATIENCE, **more) as client:
        assert client.protocol_version == "2025-11-25"
        yield client


@pytest.mark.parametrize(
    ("tool", "arguments", "text"),
    [
        ("test_elicitation", {"message": "Who?"}, "ada@example.com"),
        ("test_sampling", {"prompt": "Speak."}, "LLM response: up to 100"),
        ("test_elicitation_sep1034_defaults", {}, "John Doe"),
        ("test_input_required_result_list_roots", {}, "file:///work"),
        ("test_input_required_result_multiple_inputs", {}, "works in 1 roots."),
    ],
)
async def test_it_answers_what_it_is_asked(everything: str, tool: str, arguments: dict[str, str], text: str) -> None:
    async with session(everything, **ASKED) as client:
        for _ in range(ROUNDS):
            answer = await client.call_tool(tool, arguments)
            assert text in answer.content[0].model_dump()["text"]


async def test_it_says_that_it_can_not_be_asked(everything: str) -> None:
    async with session(everything) as client:
        with pytest.raises(Exception, match="has not declared elicitation"):
            await client.call_tool("test_elicitation", {"message": "Who?"})


async def test_it_hears_log_messages_from_the_level_that_it_set(everything: str) -> None:
    heard: list[Any] = []

    async def hear(params: Any) -> None:
        heard.append(params.data)

    async with session(everything, logging_callback=hear) as client:
        await client.call_tool("test_tool_with_logging", {})
        assert heard == []
        await client.set_logging_level("info")
        for _ in range(ROUNDS):
            heard.clear()
            await client.call_tool("test_tool_with_logging", {})
            assert heard == ["Tool execution started", "Tool processing data", "Tool execution completed"]
        await client.set_logging_level("warning")
        heard.clear()
        await client.call_tool("test_tool_with_logging", {})
        assert heard == []


async def test_it_hears_of_changes_on_the_stream_of_its_session(notes: str) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def hear(message: Any) -> None:
        heard.put_nowait(getattr(message, "method", str(message)))

    async with session(notes, message_handler=hear) as client:
        assert client.server_capabilities.resources is not None
        assert client.server_capabilities.resources.subscribe is True
        await client.subscribe_resource("note://a")
        async with asyncio.timeout(PATIENCE):
            while heard.empty():  # its stream opens beside its calls
                await client.call_tool("update", {"uri": "note://a"})
            assert await heard.get() == "notifications/resources/updated"
            while not heard.empty():
                heard.get_nowait()
            await client.call_tool("update", {"uri": "note://b"})
            await client.unsubscribe_resource("note://a")
            await client.call_tool("change", {})
            while (told := await heard.get()) != "notifications/tools/list_changed":
                assert told == "notifications/resources/updated"


async def test_it_comes_back_for_an_answer_whose_connection_was_closed(notes: str) -> None:
    async with session(notes) as client:
        answers = await asyncio.gather(*(client.call_tool("think", {}) for _ in range(ROUNDS)))
    assert [each.content[0].model_dump()["text"] for each in answers] == ["thought"] * ROUNDS


async def test_it_reports_its_progress_and_its_roots_and_is_there_when_pinged(everything: str) -> None:
    async with session(everything, **ASKED) as client:
        await client.send_ping()
        await client.send_roots_list_changed()
        await client.send_progress_notification("nothing", 1.0)
        steps: list[float] = []

        async def progress(done: float, total: float | None, message: str | None) -> None:
            steps.append(done)

        await client.call_tool("test_tool_with_progress", {}, progress_callback=progress)
        assert steps == [0, 50, 100]
