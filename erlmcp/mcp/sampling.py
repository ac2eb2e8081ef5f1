"""Sampling: what a server asks of its client's model, and what the model answers.

It does not know how the question travels (`inputs`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, Required, TypeAlias, TypedDict

import msgspec

from erlmcp.mcp.content import Audio, Block, Image, Message, Role, Text, encode_block
from erlmcp.mcp.inputs import InputRequest, Question, decoded

__all__ = ["ModelPreferences", "Sample", "SampleOptions", "Sampled", "Spoken", "ToolResult", "ToolUse"]


class ToolUse(Block, frozen=True, tag="tool_use"):
    """The model wants one of the tools it was offered called; give a `ToolResult` back with the next question."""

    id: str
    name: str
    input: dict[str, Any]
    meta: dict[str, Any] | None = None


class ToolResult(Block, frozen=True, tag="tool_result"):
    """What came of a `ToolUse`."""

    tool_use_id: str
    content: Sequence[str | Block] = ()
    structured_content: Any = None
    is_error: bool = False
    meta: dict[str, Any] | None = None

    def encode(self) -> bytes:
        members = [
            b'{"type":"tool_result","toolUseId":',
            msgspec.json.encode(self.tool_use_id),
            b',"content":[%b]' % b",".join([encode_block(each) for each in self.content]),
        ]
        if self.structured_content is not None:
            members.append(b',"structuredContent":' + msgspec.json.encode(self.structured_content))
        if self.is_error:
            members.append(b',"isError":true')
        if self.meta is not None:
            members.append(b',"_meta":' + msgspec.json.encode(self.meta))
        return b"".join((*members, b"}"))


Said: TypeAlias = Text | Image | Audio | ToolUse
"""What a model may say."""


class Sampled(msgspec.Struct, frozen=True):
    """The model's answer. It may stand among the messages of the next question as it is."""

    content: tuple[Said, ...]
    model: str
    """The model's name, as the client has it."""
    stop_reason: str | None = None
    """`endTurn`, `stopSequence`, `maxTokens`, `toolUse`, or what the client's model says."""
    role: Role = "assistant"

    @property
    def text(self) -> str:
        """All its text."""
        return "".join(each.text for each in self.content if isinstance(each, Text))

    @property
    def tool_uses(self) -> tuple[ToolUse, ...]:
        return tuple(each for each in self.content if isinstance(each, ToolUse))


Spoken: TypeAlias = str | Block | Message | Sampled | Sequence[str | Block]
"""One message: a user's text or block, several of them, one with its role, or what the model said before."""


class ModelPreferences(msgspec.Struct, frozen=True, kw_only=True):
    """Which model the server would like: names or parts of names, the best first, and what matters, 0 to 1."""

    hints: Sequence[str] = ()
    cost: float | None = None
    speed: float | None = None
    intelligence: float | None = None

    def members(self) -> dict[str, Any]:
        priorities = {
            "costPriority": self.cost,
            "speedPriority": self.speed,
            "intelligencePriority": self.intelligence,
        }
        hints = [{"name": each} for each in self.hints]
        return {"hints": hints} | {key: value for key, value in priorities.items() if value is not None}


class SampleOptions(TypedDict, total=False):
    """What may be said about a sampling (client/sampling, Creating Messages)."""

    max_tokens: Required[int]
    system_prompt: str | None
    model_preferences: ModelPreferences | None
    include_context: Literal["none", "thisServer", "allServers"] | None
    temperature: float | None
    stop_sequences: Sequence[str] | None
    metadata: Mapping[str, Any] | None
    tools: Sequence[Mapping[str, Any]] | None
    """What the model may call: definitions as `tools/list` has them, at least `name` and `inputSchema`."""
    tool_choice: Literal["auto", "required", "none"] | None


class _Spoken(Question[Sampled], frozen=True):
    messages: Spoken | Sequence[Spoken]


class Sample(_Spoken, frozen=True, kw_only=True):
    """Ask the client's model; the user may see, change or refuse both the question and the answer. Its fields beside
    the messages are those of `SampleOptions`."""

    max_tokens: int
    system_prompt: str | None = None
    model_preferences: ModelPreferences | None = None
    include_context: Literal["none", "thisServer", "allServers"] | None = None
    temperature: float | None = None
    stop_sequences: Sequence[str] | None = None
    metadata: Mapping[str, Any] | None = None
    tools: Sequence[Mapping[str, Any]] | None = None
    tool_choice: Literal["auto", "required", "none"] | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        tools = () if self.tools is None and self.tool_choice is None else ("sampling.tools",)
        context = () if self.include_context in {None, "none"} else ("sampling.context",)
        return ("sampling", *tools, *context)

    def request(self, version: str) -> InputRequest:  # noqa: ARG002 - what a revision lacks, its clients do not declare
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens must be 1 or more, not {self.max_tokens}")
        preferences, choice = self.model_preferences, self.tool_choice
        members: dict[str, Any] = {
            "messages": msgspec.Raw(b"[%b]" % b",".join([_message(each) for each in _spoken(self.messages)])),
            "maxTokens": self.max_tokens,
            "systemPrompt": self.system_prompt,
            "modelPreferences": None if preferences is None else preferences.members(),
            "includeContext": self.include_context,
            "temperature": self.temperature,
            "stopSequences": self.stop_sequences,
            "metadata": self.metadata,
            "tools": self.tools,
            "toolChoice": None if choice is None else {"mode": choice},
        }
        params = msgspec.json.encode({name: value for name, value in members.items() if value is not None})
        return InputRequest("sampling/createMessage", params, _read)


def _spoken(messages: Spoken | Sequence[Spoken]) -> Sequence[Spoken]:
    return [messages] if isinstance(messages, str | Block | Message | Sampled) else messages


def _message(spoken: Spoken) -> bytes:
    if isinstance(spoken, Message):
        return spoken.encode()
    if isinstance(spoken, str | Block):
        return Message(spoken).encode()
    role, content = (spoken.role, spoken.content) if isinstance(spoken, Sampled) else ("user", spoken)
    blocks = b",".join([encode_block(each) for each in content])
    return b'{"role":"%b","content":[%b]}' % (role.encode(), blocks)


class _Answer(msgspec.Struct, rename="camel"):
    role: Role
    content: Said | tuple[Said, ...]
    model: str
    stop_reason: str | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def _read(raw: bytes) -> Sampled:
    answer = decoded(raw, _ANSWER)
    content = answer.content if isinstance(answer.content, tuple) else (answer.content,)
    return Sampled(content, answer.model, answer.stop_reason, answer.role)
