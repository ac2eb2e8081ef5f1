"""What a server may ask of its client (elicitation, sampling, roots), and the handlers that answer.

The same values in both eras: a question of a multi-round-trip result, or a request of the server.
"""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import msgspec

from erlmcp.client.errors import Garbled, InputNeeded
from erlmcp.client.results import Json, Value, decode

__all__ = ["Answer", "Elicitation", "Inputs", "Root", "Sampling"]


class Elicitation(Value, frozen=True):
    """A question to the user. `url`: a page to visit instead of a form; `requested_schema`: the form, a flat object."""

    message: str = ""
    mode: Literal["form", "url"] = "form"
    requested_schema: Json | None = None
    url: str | None = None
    elicitation_id: str | None = None


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the user said; `content` only with `accept`, and of a form."""

    action: Literal["accept", "decline", "cancel"]
    content: Json | None = None


class Sampling(Value, frozen=True):
    """A request for a model's answer."""

    messages: list[Json]
    max_tokens: int | float = 0
    system_prompt: str | None = None
    temperature: float | None = None
    stop_sequences: list[str] | None = None
    model_preferences: Json | None = None
    include_context: str | None = None
    metadata: Json | None = None
    tools: list[Json] | None = None
    tool_choice: Json | None = None


class Root(Value, frozen=True):
    """A place that the server may work in; a `file://` URI."""

    uri: str
    name: str | None = None


Elicit: TypeAlias = Callable[[Elicitation], Answer | Json | Awaitable[Answer | Json]]
"""A dict is the content of an accepted form."""
Sample: TypeAlias = Callable[[Sampling], str | Json | Awaitable[str | Json]]
"""A str is the text of the assistant's message; a dict the whole of a CreateMessageResult."""
Roots: TypeAlias = Sequence[Root | str | Path] | Callable[[], Any]


class Inputs(msgspec.Struct, frozen=True):
    """The handlers of a client; what has none is not declared, so that no server asks for it."""

    elicit: Elicit | None = None
    elicit_url: Elicit | None = None
    sample: Sample | None = None
    roots: Roots | None = None

    def capabilities(self) -> Json:
        """What `clientCapabilities` says of them."""
        modes: Json = {name: {} for name, handler in (("form", self.elicit), ("url", self.elicit_url)) if handler}
        declared: Json = {"elicitation": modes} if modes else {}
        if self.sample is not None:
            declared["sampling"] = {}
        if self.roots is not None:
            declared["roots"] = {}
        return declared

    async def answer(self, method: str, params: bytes) -> Json:
        """The result of one question. Raises InputNeeded where there is no handler, Garbled for a malformed one."""
        if method == "elicitation/create":
            return await self._elicited(decode(params, Elicitation, method))
        if method == "sampling/createMessage" and self.sample is not None:
            return _message(await _settled(self.sample(decode(params, Sampling, method))))
        if method == "roots/list" and self.roots is not None:
            roots = await _settled(self.roots()) if callable(self.roots) else self.roots
            return {"roots": [_root(each) for each in roots]}
        raise InputNeeded(f"the server asks for {method}, and this client has no handler for it{_hint(method)}")

    async def _elicited(self, question: Elicitation) -> Json:
        handler = self.elicit_url if question.mode == "url" else self.elicit
        if handler is None:
            name = "elicit_url" if question.mode == "url" else "elicit"
            raise InputNeeded(f"the server asks the user ({question.message[:200]!r}); give the client {name}=")
        if question.mode == "url" and not question.url:
            raise Garbled("the server asks to visit a page, and does not say which")
        given = await _settled(handler(question))
        answer = given if isinstance(given, Answer) else Answer("accept", given)
        if answer.action != "accept":
            return {"action": answer.action}
        if question.mode == "url":
            return {"action": "accept"}
        return {"action": "accept", "content": _defaults(question.requested_schema) | (answer.content or {})}


_HINTS: Final = {"sampling/createMessage": "sample=", "roots/list": "roots="}


def _hint(method: str) -> str:
    return f": give it {_HINTS[method]}" if method in _HINTS else ""


async def _settled(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


def _defaults(schema: Json | None) -> Json:
    """What a form says of fields that are left as they are (2025-11-25, Elicitation, SEP-1034)."""
    properties = (schema or {}).get("properties")
    if not isinstance(properties, dict):
        return {}
    return {name: spot["default"] for name, spot in properties.items() if isinstance(spot, dict) and "default" in spot}


def _message(given: str | Json) -> Json:
    if isinstance(given, dict):
        return given
    return {"role": "assistant", "content": {"type": "text", "text": given}, "model": "unknown"}


def _root(given: Root | str | Path) -> Root:
    if isinstance(given, Root):
        return given
    if isinstance(given, Path):
        return Root(uri=given.absolute().as_uri(), name=given.name)
    return Root(uri=given) if "://" in given else _root(Path(given))
