"""The messages that a JSON-RPC peer receives.

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


class Reply(msgspec.Struct, frozen=True, gc=False):
    """The answer to a request of our own: raw text of its id (b"" if it has none or null), and of its result or its
    error; the other is b""."""

    id: bytes
    result: bytes
    error: bytes
