"""What a server may ask of its client while a request is being served, as values; each era has its own way to ask."""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

__all__ = ["Answers", "InputRequest"]


class InputRequest(msgspec.Struct, frozen=True, gc=False):
    """One question: an elicitation, a sampling, or the list of roots."""

    method: str
    """`elicitation/create`, `sampling/createMessage` or `roots/list`."""
    params: bytes
    """Its parameters as a raw JSON object."""


Answers: TypeAlias = Mapping[str, bytes]
"""By the key of its question, each answer as a raw JSON object."""
