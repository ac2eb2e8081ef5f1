"""What comes in: the parameters of every method that we serve, one Struct each, decoded once at the door.

Values that an app decodes itself (arguments) stay raw JSON here. What goes out is made by the app's features as bytes
(docs/adr/0004), so there are no result types. Source: schema.ts of 2026-07-28 and of its predecessors, which differ
only in members that both know to be optional.
"""

from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

__all__ = [
    "Argument",
    "CallToolParams",
    "Capabilities",
    "ClientInfo",
    "CompleteContext",
    "CompleteParams",
    "DirectoryParams",
    "Envelope",
    "GetPromptParams",
    "InitializeParams",
    "ListenParams",
    "LogLevel",
    "Meta",
    "PageParams",
    "PromptReference",
    "ReadResourceParams",
    "Reference",
    "ResourceReference",
    "SubscriptionFilter",
    "TaskParams",
    "UpdateTaskParams",
]

PREFIX = "io.modelcontextprotocol/"

LogLevel = Literal["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]
"""RFC 5424's severities, mildest first."""


class Capabilities(msgspec.Struct, frozen=True, gc=False):
    """What a client can do. Nothing built here asks the client for anything, so only the shape matters: an object."""


class ClientInfo(msgspec.Struct, frozen=True, gc=False):
    """Who a client says it is: for display, so only the shape matters. A handler has it from its `Context`."""


class Meta(msgspec.Struct, frozen=True, gc=False):
    """`params._meta`: who asks, in which version. Which members must be there is a matter of the era (`admit`)."""

    protocol_version: str | UnsetType = msgspec.field(default=UNSET, name=PREFIX + "protocolVersion")
    client_capabilities: Capabilities | UnsetType = msgspec.field(default=UNSET, name=PREFIX + "clientCapabilities")
    client_info: ClientInfo | UnsetType = msgspec.field(default=UNSET, name=PREFIX + "clientInfo")
    log_level: LogLevel | UnsetType = msgspec.field(default=UNSET, name=PREFIX + "logLevel")
    progress_token: Raw | UnsetType = msgspec.field(default=UNSET, name="progressToken")


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """Parameters of which only `_meta` matters. Null says no more than its absence."""

    meta: Meta | None = msgspec.field(default=None, name="_meta")


class PageParams(Envelope, frozen=True, gc=False):
    """One page of a list. The empty string is a cursor like any other."""

    cursor: str | None = None


class CallToolParams(Envelope, frozen=True, kw_only=True, gc=False):
    name: str
    arguments: Raw | UnsetType = UNSET


class GetPromptParams(Envelope, frozen=True, kw_only=True, gc=False):
    name: str
    arguments: Raw | UnsetType = UNSET


class ReadResourceParams(Envelope, frozen=True, kw_only=True, gc=False):
    uri: str


class DirectoryParams(PageParams, frozen=True, kw_only=True, gc=False):
    """One page of a folder's children (SEP-2640)."""

    uri: str


class TaskParams(Envelope, frozen=True, kw_only=True, gc=False):
    """A task by its id (SEP-2663)."""

    task_id: str = msgspec.field(name="taskId")


class UpdateTaskParams(TaskParams, frozen=True, kw_only=True, gc=False):
    """Answers to questions of a task, each an object of its question's kind."""

    input_responses: dict[str, Raw] = msgspec.field(name="inputResponses")


class PromptReference(msgspec.Struct, frozen=True, tag_field="type", tag="ref/prompt", gc=False):
    name: str


class ResourceReference(msgspec.Struct, frozen=True, tag_field="type", tag="ref/resource", gc=False):
    uri: str


Reference = PromptReference | ResourceReference


class Argument(msgspec.Struct, frozen=True, gc=False):
    """The argument being typed, and what is there of it."""

    name: str
    value: str


class CompleteContext(msgspec.Struct, frozen=True, gc=False):
    """The arguments that are settled already (since 2025-06-18)."""

    arguments: dict[str, str] = {}


class CompleteParams(Envelope, frozen=True, kw_only=True, gc=False):
    ref: Reference
    argument: Argument
    context: CompleteContext = CompleteContext()


class InitializeParams(Envelope, frozen=True, gc=False):
    """The handshake's opening. A lenient server answers one without a version, too (the runbook's smoke test)."""

    protocol_version: str | UnsetType = msgspec.field(default=UNSET, name="protocolVersion")
    capabilities: Raw | UnsetType = UNSET
    client_info: Raw | UnsetType = msgspec.field(default=UNSET, name="clientInfo")


class SubscriptionFilter(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What a client wants to hear of. Null says no more than its absence."""

    tools_list_changed: bool | None = None
    prompts_list_changed: bool | None = None
    resources_list_changed: bool | None = None
    resource_subscriptions: list[str] | None = None
    task_ids: list[str] | None = None

    def has(self, member: str) -> bool:
        """Whether the flag of this name on the wire is true."""
        return getattr(self, _FIELD_OF[member]) is True

    def keys(self, member: str) -> list[str]:
        """The list of this name on the wire, each entry once."""
        return list(dict.fromkeys(getattr(self, _FIELD_OF[member]) or ()))


_FIELD_OF = {field.encode_name: field.name for field in msgspec.structs.fields(SubscriptionFilter)}


class ListenParams(Envelope, frozen=True, kw_only=True, gc=False):
    notifications: SubscriptionFilter
