"""The fixture app of the official conformance suite: its tools, resources and prompts, for the parts that erlmcp has.

Their names, arguments and answers are the suite's; `baseline.yml` names the scenarios whose fixtures come with later
parts. The order is part of the contract: the suite calls the first tool with `{}` and reads the first resource.
"""

import asyncio
import base64
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from erlmcp import App, Context, ToolError
from erlmcp.mcp import Audio, Elicit, Elicited, Embedded, Image, Message, Roots, Sample, Text

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WAV = base64.b64decode("UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQIAAAAAAA==")
STEP = 0.05  # seconds between notifications, so that a client sees them arrive one by one
ADDRESS_SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
OPTIONS = ("option1", "option2", "option3")
TITLED = [{"const": f"value{n}", "title": f"{word} Option"} for n, word in enumerate(("First", "Second", "Third"), 1)]
CHOICES = {
    "type": "object",
    "properties": {
        "untitledSingle": {"type": "string", "enum": list(OPTIONS)},
        "titledSingle": {"type": "string", "oneOf": TITLED},
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": list(OPTIONS)}},
        "titledMulti": {"type": "array", "items": {"anyOf": TITLED}},
    },
    "required": [],
}

app = App("erlmcp-everything", version="1.0.0", instructions="The fixture of the official conformance suite.")


Region = Annotated[str, msgspec.Meta(extra_json_schema={"x-mcp-header": "Region"})]


class Named(msgspec.Struct):
    """A form that asks for a name."""

    name: str


class Confirmed(msgspec.Struct):
    """A form that asks for a yes."""

    ok: bool


class Colored(msgspec.Struct):
    """A form that asks for a color."""

    color: str


class Situated(msgspec.Struct):
    """A form that asks what a prompt is about."""

    context: str


class Deletion(msgspec.Struct):
    """A form that asks whether to delete."""

    confirm: bool


class Templated(msgspec.Struct):
    """What the templated resource answers; the names are the suite's."""

    id: str
    templateTest: bool  # noqa: N815
    data: str


class Login(msgspec.Struct):
    """Who somebody is."""

    username: Annotated[str, msgspec.Meta(description="User's response")]
    email: Annotated[str, msgspec.Meta(description="User's email address")]


class Profile(msgspec.Struct):
    """A form whose fields all have defaults; they are the suite's."""

    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: Literal["active", "inactive", "pending"] = "active"
    verified: bool = True


def told(answer: Elicited[Any]) -> str:
    """What a form came to, as JSON."""
    return msgspec.json.encode(answer.content).decode()


@app.tool
def test_simple_text() -> str:
    """Answers with a text."""
    return "This is a simple text response for testing."


@app.tool
def test_image_content() -> Image:
    """Answers with a PNG image."""
    return Image(PNG, "image/png")


@app.tool
def test_audio_content() -> Audio:
    """Answers with a WAV sound."""
    return Audio(WAV, "audio/wav")


@app.tool
def test_embedded_resource() -> Embedded:
    """Answers with a resource inside the result."""
    return Embedded("test://embedded-resource", "This is an embedded resource content.", "text/plain")


@app.tool
def test_multiple_content_types() -> list[Text | Image | Embedded]:
    """Answers with a text, an image and a resource."""
    return [
        Text("Multiple content types test:"),
        Image(PNG, "image/png"),
        Embedded("test://mixed-content-resource", '{"test":"data","value":123}', "application/json"),
    ]


@app.tool
async def test_tool_with_logging(context: Context) -> str:
    """Logs three messages while it runs."""
    await context.info("Tool execution started")
    await asyncio.sleep(STEP)
    await context.info("Tool processing data")
    await asyncio.sleep(STEP)
    await context.info("Tool execution completed")
    return "Three messages were logged."


@app.tool
async def test_tool_with_progress(context: Context) -> str:
    """Reports its progress at 0, 50 and 100 of 100."""
    await context.progress(0, 100)
    await asyncio.sleep(STEP)
    await context.progress(50, 100)
    await asyncio.sleep(STEP)
    await context.progress(100, 100)
    return "Progress was reported three times."


@app.tool
def test_error_handling() -> str:
    """Fails on purpose."""
    raise ToolError("This tool intentionally returns an error for testing")


@app.tool
async def test_sampling(prompt: str, context: Context) -> str:
    """Asks the client's model."""
    answer = await context.sample(prompt, max_tokens=100)
    return f"LLM response: {answer.text}"


@app.tool
async def test_elicitation(message: str, context: Context) -> str:
    """Asks the user who they are."""
    answer = await context.elicit(message, Login)
    return f"User response: action={answer.action}, content={told(answer)}"


@app.tool
async def test_elicitation_sep1034_defaults(context: Context) -> str:
    """Asks with a default in every kind of field."""
    answer = await context.elicit("Please review and update the form fields with defaults", Profile)
    return f"Elicitation completed: action={answer.action}, content={told(answer)}"


@app.tool
async def test_elicitation_sep1330_enums(context: Context) -> str:
    """Asks with every kind of choice."""
    answer = await context.elicit("Please select options from the enum fields", CHOICES)
    return f"Elicitation completed: action={answer.action}, content={told(answer)}"


@app.tool
async def test_missing_capability(context: Context) -> str:
    """Needs a model, so a client without sampling is refused."""
    return (await context.sample("Say anything.", max_tokens=10)).text


@app.tool
async def test_streaming_elicitation(context: Context) -> str:
    """Reports progress and asks, which both belong on the stream of the request."""
    await context.progress(0, 1)
    answer = await context.elicit("What is your name?", Named)
    return f"The user chose to {answer.action}."


@app.tool
async def test_logging_tool(context: Context) -> str:
    """Logs one message, which only a request with a log level may see."""
    await context.info("This is a log message of test_logging_tool")
    return "A message was logged."


@app.tool(input_schema=ADDRESS_SCHEMA)
def json_schema_2020_12_tool(**arguments: object) -> str:
    """Has a schema with keywords of JSON Schema 2020-12 that no Python signature says."""
    return f"{len(arguments)} arguments were valid."


@app.tool
async def test_reconnection(context: Context) -> str:
    """Ends the connection while it works; the client comes back for the answer."""
    context.close_stream()
    await asyncio.sleep(4 * STEP)
    return "The connection was closed and the answer came all the same."


@app.tool
def test_x_mcp_header(region: Region = "") -> str:  # noqa: PT028 - a tool, and no test
    """Says the region, which clients repeat in the Mcp-Param-Region header."""
    return f"region={region}"


@app.tool
async def test_input_required_result_elicitation(context: Context) -> str:
    """Asks for a name and greets."""
    answer = await context.elicit("What is your name?", Named, key="user_name")
    return f"Hello, {answer.granted().name}!"


@app.tool
async def test_input_required_result_sampling(context: Context) -> str:
    """Asks the client's model."""
    answer = await context.sample("What is the capital of France?", max_tokens=100, key="capital_question")
    return answer.text


@app.tool
async def test_input_required_result_list_roots(context: Context) -> str:
    """Asks for the client's roots."""
    return ", ".join(root.uri for root in await context.roots(key="client_roots"))


@app.tool
async def test_input_required_result_request_state(context: Context) -> str:
    """Keeps a word while it asks."""
    context.state.setdefault("word", "state-ok")
    await context.elicit("Please confirm", Confirmed, key="confirm")
    return str(context.state["word"])


@app.tool
async def test_input_required_result_multiple_inputs(context: Context) -> str:
    """Asks three things at once."""
    answers = await context.ask(
        {
            "user_name": Elicit("What is your name?", Named),
            "greeting": Sample("Generate a greeting", max_tokens=50),
            "client_roots": Roots(),
        }
    )
    name, greeting, roots = answers["user_name"].granted().name, answers["greeting"].text, answers["client_roots"]
    return f"{greeting} {name} works in {len(roots)} roots."


@app.tool
async def test_input_required_result_multi_round(context: Context) -> str:
    """Asks twice, one question after the other."""
    name = await context.elicit("Step 1: What is your name?", Named, key="step1")
    color = await context.elicit("Step 2: What is your favorite color?", Colored, key="step2")
    return f"{name.granted().name} likes {color.granted().color}."


@app.tool
async def test_input_required_result_tampered_state(context: Context) -> str:
    """Asks, and trusts no state that is not its own."""
    answer = await context.elicit("Please confirm", Confirmed, key="confirm")
    return f"The user chose to {answer.action}."


@app.tool
async def test_input_required_result_capabilities(context: Context) -> str:
    """Asks only what the client can answer."""
    questions = {"user_name": Elicit("What is your name?", Named), "greeting": Sample("Greet me", max_tokens=50)}
    possible = {key: each for key, each in questions.items() if all(context.can(need) for need in each.needs)}
    return f"{len(await context.ask(possible))} questions were answered."


@app.tool
def test_trigger_tool_change() -> str:
    """Tell that the list of tools has changed."""
    app.tools_changed()
    return "told"


@app.tool
def test_trigger_prompt_change() -> str:
    """Tell that the list of prompts has changed."""
    app.prompts_changed()
    return "told"


@app.tool
def greet(name: str) -> str:
    """Greets, and is never a task."""
    return f"Hello, {name}!"


@app.tool(task="optional")
async def slow_compute(seconds: float, label: str) -> str:
    """Takes its time."""
    await asyncio.sleep(seconds)
    return f"{label} took {seconds:g} s."


@app.tool(task="required")
async def failing_job() -> str:
    """Fails after a second, as a tool does."""
    await asyncio.sleep(1)
    raise ToolError("This job always fails.")


@app.tool(task="optional")
async def protocol_error_job() -> str:
    """Breaks, which is an error of the protocol."""
    raise RuntimeError("This job always breaks.")


@app.tool(task="optional")
async def confirm_delete(filename: str, context: Context) -> str:
    """Asks before it deletes."""
    answer = await context.elicit(f"Delete {filename}?", Deletion)
    return f"{filename} was deleted." if answer.accepted and answer.granted().confirm else f"{filename} was kept."


@app.tool(task="optional")
async def multi_input(context: Context) -> str:
    """Asks two things at once."""
    questions = {"who": Elicit("What is your name?", Named), "sure": Elicit("Are you sure?", Deletion)}
    return f"{len(await context.ask(questions))} questions were answered."


@app.tool(task="required", task_later=True)
async def test_tool_with_task(context: Context) -> str:
    """Asks for a name, and greets as a task."""
    answer = await context.elicit("What is your name?", Named, key="user_name")
    await context.become_task()
    return f"Hello, {answer.granted().name}!"


@app.resource("test://static-text", name="static-text", mime_type="text/plain")
def static_text() -> str:
    """A text that never changes."""
    return "This is the content of the static text resource."


@app.resource("test://static-binary", name="static-binary", mime_type="image/png")
def static_binary() -> bytes:
    """An image that never changes."""
    return PNG


app.skills(Path(__file__).with_name("skills"))


@app.resource("test://watched-resource", name="watched-resource", mime_type="text/plain")
def watched_resource() -> str:
    """A text to subscribe to."""
    return "This is the content of the watched resource."


@app.resource("test://template/{id}/data", name="template", mime_type="application/json")
def templated(id: str) -> Templated:  # noqa: A002 - the template's own word
    """Data for the id in the address."""
    return Templated(id=id, templateTest=True, data=f"Data for ID: {id}")


@app.prompt
def test_simple_prompt() -> str:
    """A prompt without arguments."""
    return "This is a simple prompt for testing."


@app.prompt
def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
    """A prompt that repeats its arguments.

    Args:
        arg1: The first argument.
        arg2: The second argument.
    """
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


@app.prompt
async def test_input_required_result_prompt(context: Context) -> str:
    """Asks what it is to be about."""
    answer = await context.elicit("What context should the prompt use?", Situated, key="user_context")
    return f"Work in this context: {answer.granted().context}"


@app.prompt
def test_prompt_with_embedded_resource(resourceUri: str) -> list[Message]:  # noqa: N803 - the suite's own word
    """A prompt with a resource inside.

    Args:
        resourceUri: The address that the resource is to have.
    """
    resource = Embedded(resourceUri, "Embedded resource content for testing.", "text/plain")
    return [Message(resource), Message("Please process the embedded resource above.")]


@app.prompt
def test_prompt_with_image() -> list[Message]:
    """A prompt with an image inside."""
    return [Message(Image(PNG, "image/png")), Message("Please analyze the image above.")]


@app.completion(prompt="test_prompt_with_arguments", argument="arg1")
def complete_arg1(value: str, arguments: dict[str, str]) -> list[str]:
    """Cities that start with what was typed."""
    return [city for city in ("paris", "park", "party") if city.startswith(value)]
