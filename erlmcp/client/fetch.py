"""One HTTP exchange as the client sees it: a request out, a status, fields and a body of chunks in.

Whoever carries it (`network`, or an app in memory) is behind `Fetch`; nothing here knows MCP.
"""

from collections.abc import AsyncIterator
from typing import Protocol, TypeAlias

__all__ = ["Fetch", "Fields", "HttpReply"]

Fields: TypeAlias = tuple[tuple[bytes, bytes], ...]


class HttpReply(Protocol):
    """The answer to one request. It must be closed; closing it early tells the server that nobody listens."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> dict[bytes, bytes]:
        """By lower-case name; of a repeated one, the last."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The body, piece by piece. Raises ConnectionFailed where it breaks off."""

    async def aclose(self) -> None: ...


class Fetch(Protocol):
    """Carries HTTP requests to one endpoint."""

    @property
    def url(self) -> str:
        """Where the endpoint is, for texts."""

    async def send(self, method: str, fields: Fields, body: bytes) -> HttpReply:
        """Raises ConnectionFailed when there is no answer."""

    async def aclose(self) -> None:
        """Let all connections go."""
