"""Arguments that arrive as text, those of prompts and of URI templates, and the types their function wants.

A text fits its parameter if its words do: `5` an int, `true` a bool, an ISO 8601 date a date; lists and objects are
JSON in the text.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from erlmcp.mcp import schema as schemas
from erlmcp.mcp import signature as signatures
from erlmcp.mcp.arguments import ArgumentFault, sentence
from erlmcp.mcp.schema import JsonSchema
from erlmcp.mcp.signature import Signature


class TextArguments:
    """Decodes texts into a Struct of a function's parameters."""

    def __init__(self, signature: Signature, descriptions: Mapping[str, str]) -> None:
        """Raises TypeError, naming the parameter, for a type that JSON cannot fill."""
        self.schema = schemas.of_arguments(signature, descriptions)
        self._struct = signatures.struct_of(signature)
        properties = self.schema["properties"]
        self._in_json = frozenset(name for name, spot in properties.items() if _is_nested(spot, self.schema))

    def decode(self, texts: Mapping[str, str]) -> Any:
        """Raises ArgumentFault."""
        values = {name: self._value(name, text) for name, text in texts.items()}
        try:
            return msgspec.convert(values, self._struct, strict=False)
        except msgspec.ValidationError as fault:
            told = sentence(str(fault), self.schema)
            raise ArgumentFault(told.removesuffix(", got a string")) from fault  # they all are strings

    def _value(self, name: str, text: str) -> Any:
        if name not in self._in_json:
            return text
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError as fault:
            raise ArgumentFault(f"argument {name}: expected JSON in the text: {fault}") from fault


def _is_nested(spot: JsonSchema, root: JsonSchema) -> bool:
    """Whether a property is a list or an object, or one of several that may be."""
    if reference := spot.get("$ref"):
        return _is_nested(root["$defs"][reference.removeprefix("#/$defs/")], root)
    return spot.get("type") in {"array", "object"} or any(_is_nested(each, root) for each in spot.get("anyOf", ()))
