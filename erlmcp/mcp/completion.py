"""Completion: an author's function that suggests values for an argument of a prompt or a variable of a template."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple, Required

import msgspec

from erlmcp.mcp import signature as signatures
from erlmcp.mcp.callee import Callee, CalleeOptions, Members, Room, prepared
from erlmcp.mcp.context import Context
from erlmcp.mcp.features import Features
from erlmcp.mcp.middleware import Invocation
from erlmcp.mcp.prompt import Prompt
from erlmcp.mcp.resource import Template, under
from erlmcp.mcp.signature import Signature
from erlmcp.mcp.types import Argument, PromptReference, Reference

MAX_VALUES: Final = 100
"""MCP 2026-07-28, server/utilities/completion: at most 100 values in an answer."""

NOTHING: Final = b'"completion":{"values":[],"total":0,"hasMore":false}'
"""The answer for an argument that nobody completes."""


class Completion(msgspec.Struct, frozen=True):
    """Suggestions whose author knows more than they show: how many there are in all, and whether more follow."""

    values: Sequence[str]
    total: int | None = None
    has_more: bool | None = None


class Typed(msgspec.Struct, frozen=True):
    """What is typed so far, and the arguments that are settled already."""

    value: str
    arguments: dict[str, str]


class CompletionOptions(CalleeOptions, total=False):
    """What is completed: the `argument` of either a `prompt` or a `resource` template."""

    argument: Required[str]
    prompt: str | None
    resource: str | None


class Target(NamedTuple):
    """An argument that may be completed."""

    kind: Literal["prompt", "resource"]
    key: str
    """The prompt's name, or the template as it is written."""
    argument: str

    def __str__(self) -> str:
        return f"argument {self.argument!r} of {self.kind} {self.key!r}"


class Completer(Callee):
    """An author's completion function, `(value)` or `(value, arguments)`, with a Context anywhere."""

    method = "completion/complete"

    def __init__(self, target: Target, function: Callable[..., Any], options: CompletionOptions, room: Room) -> None:
        """Raises TypeError for a function that takes anything else."""
        self._target = target
        signature = signatures.read(function)
        inline = options.get("inline", False)
        invoke, mode = prepared(function, signature, room, inline=inline, spread=_spread(signature))
        super().__init__(invoke, mode, options, room)
        self.key = target.key
        self.call = self._bare = self.start

    def describe(self, asked: Typed) -> tuple[str, bytes]:
        said = {"argument": self._target.argument, "value": asked.value, "arguments": asked.arguments}
        return self.key, msgspec.json.encode(said)

    def restore(self, asked: Typed, invocation: Invocation) -> Typed:  # noqa: ARG002 - the seam of Callee
        said = invocation.arguments
        return Typed(said["value"], said["arguments"])

    def rename(self, prefix: str) -> None:
        key = f"{prefix}_{self.key}" if self._target.kind == "prompt" else under(prefix, self.key)
        self._target = self._target._replace(key=key)
        self.key = key

    @property
    def target(self) -> Target:
        return self._target

    def answer(self, value: Any, asked: Any, context: Context) -> Members:  # noqa: ARG002 - the seam of Callee
        found = value if isinstance(value, Completion) else Completion(value or ())
        values = found.values[:MAX_VALUES]
        if isinstance(found.values, str) or not all(isinstance(each, str) for each in values):
            raise TypeError(f"the completion of {self._target} must return a list of str, or a Completion")
        total = len(found.values) if found.total is None and found is not value else found.total
        has_more = len(values) < max(len(found.values), total or 0) if found.has_more is None else found.has_more
        members = {"values": values, "hasMore": has_more} | ({} if total is None else {"total": total})
        return b'"completion":%b' % msgspec.json.encode(members)


class Completers:
    """The completions of an app, by what they complete."""

    def __init__(self) -> None:
        self._by_target: dict[Target, Completer] = {}

    def __len__(self) -> int:
        return len(self._by_target)

    def __iter__(self) -> Iterator[Completer]:
        return iter(self._by_target.values())

    def mount(self, others: "Completers", prefix: str, room: Room) -> None:
        """Take those of another app, under a prefix. Raises ValueError, and takes none, for one that is taken."""
        moved = {each.target: each for each in (other.moved(prefix, room) for other in others)}
        if taken := next((target for target in moved if target in self._by_target), None):
            raise ValueError(f"{taken} is completed twice")
        self._by_target |= moved

    def add(self, function: Callable[..., Any], options: CompletionOptions, room: Room) -> None:
        """Raises ValueError for an argument that is completed already, TypeError for a function that is no
        completion."""
        target = _target(options)
        if target in self._by_target:
            raise ValueError(f"{target} is completed twice")
        self._by_target[target] = Completer(target, function, options, room)

    def check(self, prompts: Features[Prompt], templates: Features[Template]) -> None:
        """Raises ValueError for a completion of an argument that is not there."""
        for target in self._by_target:
            feature = prompts.get(target.key) if target.kind == "prompt" else templates.get(target.key)
            if feature is None or target.argument not in feature.arguments:
                raise ValueError(f"a completion is registered for {target}, which does not exist")

    def start(
        self, ref: Reference, argument: Argument, arguments: dict[str, str], context: Context
    ) -> Members | Awaitable[Members]:
        """The suggestions, none for an argument that nobody completes."""
        completer = self._by_target.get(_target_of(ref, argument.name))
        return NOTHING if completer is None else completer.call(Typed(argument.value, arguments), context)


def _target(options: CompletionOptions) -> Target:
    prompt, resource, argument = options.get("prompt"), options.get("resource"), options.get("argument")
    if (prompt is None) == (resource is None) or argument is None:
        raise TypeError('@app.completion wants prompt="name" or resource="template", and argument="name"')
    return Target("prompt", prompt, argument) if prompt is not None else Target("resource", resource or "", argument)


def _target_of(ref: Reference, argument: str) -> Target:
    if isinstance(ref, PromptReference):
        return Target("prompt", ref.name, argument)
    return Target("resource", ref.uri, argument)


def _spread(signature: Signature) -> Callable[[Typed], dict[str, Any]]:
    names = list(signature.hints)[:2]
    if not names or any(name not in signature.defaults for name in list(signature.hints)[2:]):
        raise TypeError(f"{signature.name}: a completion takes (value) or (value, arguments)")
    return lambda typed: dict(zip(names, (typed.value, typed.arguments), strict=False))
