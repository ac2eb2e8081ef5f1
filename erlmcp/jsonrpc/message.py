"""The messages a JSON-RPC server receives.

Ids and params stay the raw JSON text that came: ids go back verbatim, params are decoded once, by whoever knows
their type.
"""

import msgspec


class Request(msgspec.Struct, frozen=True, gc=False):
    """A call that wants an answer: raw text of its id (string or integer) and params (object, b"" if absent)."""

    id: bytes
    method: str
    params: bytes


class Notification(msgspec.Struct, frozen=True, gc=False):
    """A call that gets no answer; the raw text of its params (object, b"" if absent)."""

    method: str
    params: bytes
