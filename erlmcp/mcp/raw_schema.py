"""JSON Schemas that an author wrote: compiled once by jsonschema-rs, kept verbatim in the listing.

Nothing is ever fetched: a reference that leaves the document is refused at registration.
"""

from typing import TYPE_CHECKING, Any, Final, NoReturn

import jsonschema_rs
import msgspec

from erlmcp.mcp.arguments import ArgumentFault
from erlmcp.mcp.errors import shorten
from erlmcp.mcp.schema import JsonSchema

if TYPE_CHECKING:  # a signature knows the Context, whose questions have schemas
    from erlmcp.mcp.signature import Signature

MAX_DEPTH: Final = 64
MAX_NODES: Final = 10_000
"""Objects and arrays in a schema, and how deep (MCP 2026-07-28 asks implementations to bound both). Far more than
anybody writes by hand, and compiled within a second."""

SHOWN_FAULTS: Final = 3
"""Faults that one answer names: enough to mend a call, short enough for a model to read."""


class RawArguments:
    """Checks arguments against an author's schema and hands them on as they came."""

    def __init__(self, schema: JsonSchema, signature: "Signature") -> None:
        """Raises ValueError for a bad schema, TypeError for a function that does not take what the schema lets in."""
        if schema.get("type") != "object":
            raise ValueError(f'{signature.name}: the root of input_schema must have "type": "object"')
        self._validator = compiled(schema, f"{signature.name}: input_schema")
        self._whole = _whole_parameter(signature, schema)
        self._known = None if signature.open or self._whole else frozenset(signature.hints)
        if self._whole is None:
            _check_fit(signature, schema)

    def decode(self, raw: bytes | None) -> dict[str, Any]:
        """The keyword arguments of the function. Raises ArgumentFault."""
        values = _read(raw)
        faults = []
        for _, fault in zip(range(SHOWN_FAULTS), self._validator.iter_errors(values), strict=False):
            faults.append(_sentence(fault.instance_path, fault.message))
        if faults:
            raise ArgumentFault("; ".join(faults))
        if self._whole is not None:
            return {self._whole: values}
        if self._known is not None and (unknown := next((name for name in values if name not in self._known), None)):
            raise ArgumentFault(
                f"unknown argument {shorten(unknown)}; known are: {', '.join(sorted(self._known)) or 'none'}"
            )
        return values


class RawResult:
    """Checks a tool's result against the output schema its author wrote."""

    def __init__(self, schema: JsonSchema, name: str) -> None:
        """Raises ValueError for a bad schema."""
        self.is_object = schema.get("type") == "object"
        self._validator = compiled(schema, f"{name}: output_schema")
        self._name = name

    def check(self, encoded: bytes) -> None:
        """Raises TypeError: a result that breaks its own schema is a bug of the tool."""
        fault = next(self._validator.iter_errors(msgspec.json.decode(encoded)), None)
        if fault is not None:
            place = _place(fault.instance_path) or "the value"
            raise TypeError(
                f"tool {self._name} returned what its output_schema forbids: {place}: {shorten(fault.message)}"
            )


def compiled(schema: JsonSchema, subject: str) -> jsonschema_rs.Validator:
    """A validator of the dialect that `$schema` names, 2020-12 when it names none. Raises ValueError, starting with
    `subject`, for a schema that is malformed, too large or leads outside."""
    _bound(schema, subject)
    try:
        return jsonschema_rs.validator_for(schema, retriever=_refuse)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise ValueError(f"{subject} is not a usable JSON Schema: {shorten(str(error))}") from error


def _refuse(uri: str) -> NoReturn:
    raise ValueError(f"the reference {uri} leads outside the document, and nothing is fetched; put it under $defs")


def _bound(schema: JsonSchema, subject: str) -> None:
    nodes, level = 0, [schema]
    for _ in range(MAX_DEPTH):
        nodes += len(level)
        level = [child for each in level for child in _children(each)]
        if nodes > MAX_NODES:
            raise ValueError(f"{subject} has more than {MAX_NODES} objects and arrays")
        if not level:
            return
    raise ValueError(f"{subject} is nested deeper than {MAX_DEPTH} levels")


def _children(node: Any) -> list[Any]:
    values = node.values() if isinstance(node, dict) else node
    return [each for each in values if isinstance(each, dict | list)]


def _whole_parameter(signature: "Signature", schema: JsonSchema) -> str | None:
    """The single parameter that takes all arguments as one dict: annotated `dict`, and no property of the schema."""
    if signature.open or len(signature.hints) != 1:
        return None
    ((name, hint),) = signature.hints.items()
    takes_dict = hint is dict or getattr(hint, "__origin__", None) is dict
    return name if takes_dict and name not in schema.get("properties", {}) else None


def _check_fit(signature: "Signature", schema: JsonSchema) -> None:
    """A call that the schema lets in must be one that the function can take."""
    properties, required = schema.get("properties", {}), schema.get("required", [])
    for name in signature.hints:
        if name not in signature.defaults and name not in required:
            raise TypeError(f"{signature.name}: parameter {name} has no default, and input_schema does not require it")
    if not signature.open and (lost := [name for name in properties if name not in signature.hints]):
        raise TypeError(f"{signature.name}: input_schema has {lost[0]!r}, which is no parameter; add it, or **kwargs")


def _read(raw: bytes | None) -> dict[str, Any]:
    try:
        return msgspec.json.decode(raw or b"{}", type=dict[str, Any])
    except msgspec.DecodeError as fault:
        raise ArgumentFault(f"the arguments cannot be read: {fault}") from fault


def _sentence(path: list[str | int], message: str) -> str:
    place = _place(path)
    return f"argument {place}: {shorten(message)}" if place else shorten(message)


def _place(path: list[str | int]) -> str:
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
    return "".join(steps).removeprefix(".")
