"""Resources at a fixed URI, and templates of URIs whose variables are the function's arguments."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from erlmcp.jsonrpc import INVALID_PARAMS, RpcError
from erlmcp.mcp import docstring
from erlmcp.mcp import signature as signatures
from erlmcp.mcp.arguments import ArgumentFault
from erlmcp.mcp.caching import CacheScope, cache_hints, checked_hints
from erlmcp.mcp.callee import Callee, Members, Room, prepared
from erlmcp.mcp.content import Annotations, Contents, Embedded
from erlmcp.mcp.context import Context
from erlmcp.mcp.middleware import Invocation
from erlmcp.mcp.registration import FeatureOptions, definition, description_of, renamed
from erlmcp.mcp.result import Hinted
from erlmcp.mcp.signature import Signature
from erlmcp.mcp.text_arguments import TextArguments
from erlmcp.mcp.uri_template import UriTemplate

TEXT: Final = "text/plain"
BLOB: Final = "application/octet-stream"
JSON: Final = "application/json"
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")  # RFC 3986 §3.1


class ResourceOptions(FeatureOptions, total=False):
    """What an author may say about a resource or a template."""

    mime_type: str | None
    """`text/plain` for str, `application/octet-stream` for bytes, `application/json` for the rest when left out."""
    size: int | None
    """Bytes, when known beforehand."""
    annotations: Annotations | None
    cache_ttl_ms: int | None
    """Milliseconds that what is read may be kept; the app's when left out."""
    cache_scope: CacheScope | None
    """Who may keep it; the app's when left out."""


class Reading(msgspec.Struct, frozen=True):
    """What a read needs to know: the URI that was asked for, and the values of its variables, first as text."""

    uri: str
    values: Any


class Readable(Callee):
    """What resources and templates have in common: a function whose value becomes contents."""

    method = "resources/read"

    def __init__(
        self, uri: str, function: Callable[..., Any], options: ResourceOptions, room: Room, variables: list[str] | None
    ) -> None:
        """Raises TypeError when the function's parameters are not the variables of the URI."""
        self.key = _checked_uri(uri)
        signature = signatures.read(function)
        _check_variables(uri, signature, variables or [])
        self._arguments = TextArguments(signature, {})
        invoke, mode = prepared(function, signature, room, inline=options.get("inline", False))
        super().__init__(lambda reading, context: invoke(reading.values, context), mode, options, room)
        self.call = self._bare = self._read
        self.mime_type = options.get("mime_type")
        self._hints = _hints(options, room)
        self._meta = dict(meta) if (meta := options.get("meta")) is not None else None
        self._spelled = "uri" if variables is None else "uriTemplate"
        members = {
            self._spelled: uri,
            "name": options.get("name") or signature.name,
            "description": description_of(docstring.read(function.__doc__), options),
            "mimeType": self.mime_type,
            "size": options.get("size"),
            "annotations": options.get("annotations"),
        }
        self._definition = definition(members, options)

    def definition(self, modern: bool) -> bytes:  # noqa: ARG002 - both eras have the same
        return self._definition

    def read(self, uri: str, variables: Mapping[str, str], context: Context) -> Members | Awaitable[Members]:
        """The members of the result. Raises RpcError (-32602) when a variable does not fit its parameter."""
        made: Members | Awaitable[Members] = self.call(Reading(uri, variables), context)
        return made

    def describe(self, asked: Reading) -> tuple[str, bytes]:
        return asked.uri, msgspec.json.encode(asked.values)

    def restore(self, asked: Reading, invocation: Invocation) -> Reading:
        return Reading(asked.uri, invocation.arguments)

    def rename(self, prefix: str) -> None:
        self.key = under(prefix, self.key)
        self._definition = renamed(self._definition, {self._spelled: self.key})

    def _read(self, reading: Reading, context: Context) -> Members | Awaitable[Members]:
        try:
            values = self._arguments.decode(reading.values)
        except ArgumentFault as fault:
            data = msgspec.json.encode({"uri": reading.uri})
            raise RpcError(INVALID_PARAMS, f"{self.key}: {fault.message}", data) from fault
        return self.start(Reading(reading.uri, values), context)

    def answer(self, value: Any, asked: Any, context: Context) -> Members:  # noqa: ARG002 - the seam of Callee
        parts = value if isinstance(value, list | tuple) and _all_embedded(value) else [value]
        members = b'"contents":%b' % msgspec.json.encode([self._contents(asked.uri, each) for each in parts])
        if self._hints is None:
            return members
        hinted = Hinted(members)
        hinted.hints = self._hints
        return hinted

    def _contents(self, uri: str, value: Any) -> Contents:
        if isinstance(value, Embedded):
            return value.contents()
        if isinstance(value, str):
            return Contents(uri, self.mime_type or TEXT, text=value, meta=self._meta)
        if isinstance(value, bytes | bytearray | memoryview):
            return Contents(uri, self.mime_type or BLOB, blob=bytes(value), meta=self._meta)
        if value is None:
            raise TypeError(f"resource {self.key} returned None; return its contents, or raise ResourceNotFound(uri)")
        text = msgspec.json.encode(value).decode()
        return Contents(uri, self.mime_type or JSON, text=text, meta=self._meta)


class Resource(Readable):
    """A resource at a fixed URI."""

    def __init__(self, uri: str, function: Callable[..., Any], options: ResourceOptions, room: Room) -> None:
        super().__init__(uri, function, options, room, None)


class Template(Readable):
    """Resources at all URIs of a template."""

    def __init__(self, uri: str, function: Callable[..., Any], options: ResourceOptions, room: Room) -> None:
        """Raises ValueError for a template of a form we do not have."""
        self._template = UriTemplate(uri)
        self.arguments = frozenset(self._template.names)
        super().__init__(uri, function, options, room, self._template.names)

    def rename(self, prefix: str) -> None:
        super().rename(prefix)
        self._template = UriTemplate(self.key)

    def match(self, uri: str) -> dict[str, str] | None:
        return self._template.match(uri)


def _checked_uri(uri: str) -> str:
    if not _SCHEME.match(uri):
        raise ValueError(f"{uri!r} is no URI of a resource: it starts with a scheme, as in config://app")
    return uri


def under(prefix: str, uri: str) -> str:
    """The URI of a resource whose app is mounted: `notes://all` → `notes://prefix/all`."""
    scheme, _, rest = uri.partition(":")
    return f"{scheme}://{prefix}/{rest[2:]}" if rest.startswith("//") else f"{scheme}:{prefix}/{rest}"


def is_template(uri: str) -> bool:
    return "{" in uri or "}" in uri


def _hints(options: ResourceOptions, room: Room) -> bytes | None:
    ttl_ms, scope = options.get("cache_ttl_ms"), options.get("cache_scope")
    if ttl_ms is None and scope is None:
        return None
    ttl_ms = room.cache_ttl_ms if ttl_ms is None else ttl_ms
    scope = room.cache_scope if scope is None else scope
    checked_hints(ttl_ms, scope)
    return cache_hints(ttl_ms, scope)


def _all_embedded(values: Sequence[Any]) -> bool:
    return bool(values) and all(isinstance(each, Embedded) for each in values)


def _check_variables(uri: str, signature: Signature, variables: list[str]) -> None:
    for name in signature.hints:
        if name not in variables and name not in signature.defaults:
            raise TypeError(f"{signature.name}: parameter {name} is no variable of {uri}")
    for name in variables:
        if name not in signature.hints:
            raise TypeError(f"{signature.name}: {uri} has the variable {name}, which is no parameter")
