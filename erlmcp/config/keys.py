"""The keys that can be set, from the Options of each section, and how a value becomes what the Options want."""

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from erlmcp.config.kinds import in_words, plain_type, read_text

__all__ = ["Key", "keys_of", "schema"]

_SECRET_ENDINGS: Final = ("secret", "password", "token", "key")
_SHOWN: Final = 60  # characters of a wrong value in a message


class Key(msgspec.Struct, frozen=True):
    """One thing that can be set. `name` is `section.key`, `attribute` the Options' own name for it."""

    name: str
    attribute: str
    type: Any
    secret: bool
    required: bool

    def check(self, value: object) -> Any:
        """The value as the Options want it. ValueError says what was expected; a secret's value is not shown."""
        if isinstance(value, float) and not math.isfinite(value):
            raise self._refusal(value)
        try:
            return msgspec.convert(value, self.type)
        except msgspec.ValidationError:
            raise self._refusal(value) from None

    def read(self, text: str) -> Any:
        """As `check`, for what comes as text: from the environment, or from a file that a variable names."""
        try:
            value = read_text(text, plain_type(self.type)[0])
        except ValueError:
            raise self._refusal(text) from None
        return self.check(value)

    def expected(self) -> str:
        """What the value must be, in words."""
        return in_words(plain_type(self.type)[0])

    def _refusal(self, value: object) -> ValueError:
        shown = "what was given" if self.secret else _show(value)
        return ValueError(f"{self.name} must be {self.expected()}, not {shown}")


def keys_of(sections: Mapping[str, type[msgspec.Struct]]) -> dict[str, Key]:
    """All keys of all sections, by `section.key`, in their order."""
    keys = (
        Key(f"{section}.{field.encode_name}", field.name, field.type, _is_secret(field), field.required)
        for section, options in sections.items()
        for field in msgspec.structs.fields(options)
    )
    return {key.name: key for key in keys}


def schema(sections: Mapping[str, type[msgspec.Struct]]) -> dict[str, Any]:
    """JSON Schema 2020-12 of a whole configuration, for editors."""
    parts, components = msgspec.json.schema_components(sections.values(), ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": dict(zip(sections, parts, strict=True)),
        "additionalProperties": False,
        "$defs": components,
    }


def _is_secret(field: msgspec.structs.FieldInfo) -> bool:
    marked = plain_type(field.type)[1].get("secret") is True
    return marked or field.encode_name.endswith(_SECRET_ENDINGS)


def _show(value: object) -> str:
    finite = not isinstance(value, float) or math.isfinite(value)
    text = msgspec.json.encode(value, enc_hook=str).decode() if finite else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
