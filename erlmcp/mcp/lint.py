"""What an app offers, as one document, and what in it will trouble clients or models. Pure: an app in, values out.

It reads the definitions as clients get them, however they were written. What registration refuses, as references that
lead nowhere, is not here. It does not call anything.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal

import msgspec

from erlmcp.mcp.app import App
from erlmcp.mcp.backplane import Backplane
from erlmcp.mcp.call import Surface
from erlmcp.mcp.context import Context
from erlmcp.mcp.facts import Facts
from erlmcp.mcp.methods import surfaces
from erlmcp.mcp.stream import NO_SINK

__all__ = ["Finding", "Offer", "lint", "offer_of"]

USUAL_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What the model interfaces behind most clients take for a tool's name; MCP allows more, and they cut or refuse it."""

MANY: Final = 40
"""Tools beyond which models choose badly: clients warn or cut from about there on."""

DEEP: Final = 6
"""Nesting of a schema beyond which models fill it badly."""

LONG: Final = 1024
"""Characters of a tool's description that some clients cut after."""

_HINTS: Final = ("readOnlyHint", "destructiveHint")
_DESTRUCTIVE: Final = re.compile(
    r"(?:^|[_./-])(?:delete|remove|drop|destroy|purge|wipe|erase|kill|cancel)", re.IGNORECASE
)
_SECRET: Final = re.compile(r"(?:^|_)(?:password|passwd|secret|token|api_?key)$", re.IGNORECASE)
_BRANCHES: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAPS: Final = ("properties", "$defs", "definitions", "patternProperties")
_SINGLE: Final = ("items", "additionalProperties", "not", "if", "then", "else", "contains")

Definition = dict[str, Any]


class Finding(msgspec.Struct, frozen=True):
    """Something to mend."""

    rule: str
    """What kind it is, as one word."""
    level: Literal["error", "warning"]
    where: str
    """`tool price`, `prompt advertise`, `resource shop://hours`, `app shop`."""
    message: str
    """What is wrong, and what to do."""


class Offer(msgspec.Struct, frozen=True, rename="camel"):
    """All that an app offers, in the words of the wire."""

    name: str
    version: str
    title: str | None
    instructions: str | None
    capabilities: Mapping[str, Mapping[str, Any]]
    """By revision, what is declared, extensions included."""
    methods: Mapping[str, list[str]]
    """By revision, what is served."""
    tools: list[Definition]
    resources: list[Definition]
    resource_templates: list[Definition]
    prompts: list[Definition]
    findings: list[Finding]


def offer_of(app: App) -> Offer:
    """What `app` offers now. It is to be bound; what providers give is there once it runs."""
    listed = {features: _listed(features) for features in ("tools", "resources", "templates", "prompts")}
    spoken = surfaces(app, app.options, Backplane())
    tools, resources, templates, prompts = (listed[each](app) for each in listed)
    return Offer(
        app.name,
        app.version,
        app.title,
        app.instructions,
        {version: _declared(served) for version, served in spoken.items()},
        {version: sorted(served) for version, served in spoken.items()},
        tools,
        resources,
        templates,
        prompts,
        list(lint(app)),
    )


def lint(app: App) -> Iterator[Finding]:
    """Everything to mend, in the order of the lists."""
    tools = _listed("tools")(app)
    yield from _app(app, tools)
    for tool in tools:
        yield from _tool(tool)
    yield from _twins("tool", tools)
    for member, noun, key in (("resources", "resource", "uri"), ("templates", "template", "uriTemplate")):
        for each in _listed(member)(app):
            yield from _described(f"{noun} {each[key]}", each)
            if "mimeType" not in each:
                yield _warn("media-type", f"{noun} {each[key]}", "says no media type: give mime_type=")
    for prompt in _listed("prompts")(app):
        yield from _described(f"prompt {prompt['name']}", prompt)
        for argument in prompt.get("arguments", ()):
            if not argument.get("description"):
                yield _undescribed(f"prompt {prompt['name']}", argument["name"])


def _listed(attribute: str) -> Callable[[App], list[Definition]]:
    def read(app: App) -> list[Definition]:
        return [msgspec.json.decode(each.definition(True)) for each in getattr(app, attribute)]

    return read


def _declared(served: Surface) -> dict[str, Any]:
    """The capabilities, as the method says that a client opens with."""
    opening = served.get("server/discover") or served["initialize"]
    context = Context(Facts(b"0", "", "server/discover" in served), NO_SINK)
    members = opening.perform(opening.decode(b"{}"), context)
    said = msgspec.json.decode(b"{%b}" % members if isinstance(members, bytes) else b"{}")
    declared: dict[str, Any] = said["capabilities"]
    return declared


def _app(app: App, tools: list[Definition]) -> Iterator[Finding]:
    where = f"app {app.name}"
    if app.version == "0.0.0":
        yield _warn("version", where, "has no version: App(…, version=…) tells releases apart")
    if len(tools) > MANY:
        yield _warn("many-tools", where, f"has {len(tools)} tools; models choose badly among more than {MANY}")
    if len(tools) > 1 and not app.instructions:
        yield _warn("instructions", where, "tells no instructions: App(…, instructions=…) says how tools go together")


def _tool(tool: Definition) -> Iterator[Finding]:
    name, where = tool["name"], f"tool {tool['name']}"
    yield from _described(where, tool)
    if not USUAL_NAME.fullmatch(name):
        yield _warn("name", where, "is cut or refused by many clients: 1 to 64 of a-z A-Z 0-9 _ - go everywhere")
    if len(tool.get("description", "")) > LONG:
        yield _warn("long-description", where, f"is described in more than {LONG} characters; some clients cut there")
    hints = tool.get("annotations") or {}
    if _DESTRUCTIVE.search(name) and not any(hint in hints for hint in _HINTS):
        yield _warn("destructive", where, 'sounds destructive and does not say: annotations={"destructiveHint": …}')
    if hints.get("readOnlyHint") and hints.get("destructiveHint"):
        yield _error("contradiction", where, "is said to be read-only and destructive")
    yield from _schema(where, tool["inputSchema"])


def _schema(where: str, schema: Definition) -> Iterator[Finding]:
    for name, spot in schema.get("properties", {}).items():
        if isinstance(spot, dict):
            yield from _parameter(where, name, _resolved(spot, schema))
    if (depth := _depth(schema, schema)) > DEEP:
        yield _warn("deep", where, f"takes arguments nested {depth} deep; models fill more than {DEEP} badly")


def _parameter(where: str, name: str, spot: Definition) -> Iterator[Finding]:
    if not spot.get("description"):
        yield _undescribed(where, name)
    if not spot.keys() - {"title", "description", "default", "x-mcp-header"}:
        yield _warn("any", where, f"takes anything as {name}: annotate it, or models will guess")
    kinds = [each.get("type") for each in spot.get("anyOf", ()) if isinstance(each, dict)]
    if "null" in kinds and "default" not in spot:
        yield _warn(
            "nullable", where, f"wants {name}, and takes null for it: give a default, so that it may be left out"
        )
    if _SECRET.search(name):
        yield _warn("secret", where, f"takes {name}, which passes through the model: use elicit_url, or configure it")


def _described(where: str, definition: Definition) -> Iterator[Finding]:
    if not definition.get("description"):
        yield _error("description", where, "has no description, and models choose by it: write a docstring")


def _twins(noun: str, definitions: list[Definition]) -> Iterator[Finding]:
    for member in ("title", "description"):
        seen: dict[str, str] = {}
        for each in definitions:
            text = each.get(member)
            if text and text in seen:
                yield _warn(
                    f"same-{member}", f"{noun} {each['name']}", f"has the {member} of {seen[text]}: tell them apart"
                )
            elif text:
                seen[text] = each["name"]


def _resolved(spot: Definition, root: Definition) -> Definition:
    reference = spot.get("$ref")
    found = _pointed(reference, root) if isinstance(reference, str) and reference.startswith("#/") else None
    return {**found, **spot} if isinstance(found, dict) else spot


def _pointed(reference: str, root: Any) -> Any:
    for step in reference.removeprefix("#/").split("/"):
        key = step.replace("~1", "/").replace("~0", "~")
        root = root.get(key) if isinstance(root, dict) else None
    return root


def _depth(spot: Any, root: Definition, seen: frozenset[str] = frozenset()) -> int:
    """How many objects and lists stand in one another; a schema that contains itself is counted once."""
    if not isinstance(spot, dict):
        return 0
    reference = spot.get("$ref")
    if isinstance(reference, str):
        return 0 if reference in seen else _depth(_pointed(reference, root), root, seen | {reference})
    own = 1 if spot.get("type") in {"object", "array"} else 0
    below = [each for key in _BRANCHES for each in spot.get(key, ())] + [spot.get(key) for key in _SINGLE]
    below += [each for key in _MAPS if key == "properties" for each in spot.get(key, {}).values()]
    return own + max((_depth(each, root, seen) for each in below), default=0)


def _undescribed(where: str, argument: str) -> Finding:
    return _warn("argument", where, f"does not say what {argument} is: a line under Args: in the docstring")


def _warn(rule: str, where: str, message: str) -> Finding:
    return Finding(rule, "warning", where, message)


def _error(rule: str, where: str, message: str) -> Finding:
    return Finding(rule, "error", where, message)
