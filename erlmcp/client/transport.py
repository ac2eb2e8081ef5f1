"""What carries a client's messages: HTTP (`streamable`), a child's streams (`stdio`), or anything that keeps this."""

import contextlib
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, Protocol, TypeAlias

from erlmcp.client.errors import Garbled
from erlmcp.client.message import Ask, Failed, Incoming, Notice, Reply, Sendable

__all__ = ["Aside", "Receive", "Transport", "answer_to"]

Receive: TypeAlias = Callable[[Notice | Ask], object]
"""Called with what belongs to no exchange, in its order; it must not wait."""

Aside: TypeAlias = Callable[[Incoming], Coroutine[Any, Any, None]]
"""Takes what comes before an answer."""


class Transport(Protocol):
    """One client's way to one server. Once its era is known it is told: `settle`."""

    @property
    def url(self) -> str:
        """Where the server is, for texts."""

    @property
    def repeats(self) -> bool:
        """Whether HTTP fields repeat what the body says (2026-07-28, streamable-http, Request Metadata)."""

    async def start(self, receive: Receive) -> None:
        """Raises ConnectionFailed when there can be no server."""

    def settle(self, version: str, *, modern: bool) -> None:
        """The revision that is spoken from now on."""

    def exchange(self, message: Sendable) -> AsyncGenerator[Incoming, None]:
        """Send a request; gives everything that comes on its behalf, the answer last.

        Raises ConnectionFailed, HttpError or Garbled. Closing it early abandons the request as far as the transport
        can tell the server.
        """

    async def tell(self, body: bytes) -> None:
        """Send what gets no answer: a notification, or the answer to a request of the server."""

    @property
    def closing_cancels(self) -> bool:
        """Whether to abandon an exchange tells the server to stop; else it must be sent `notifications/cancelled`."""

    async def listen(self) -> None:
        """Before 2026-07-28: from now on `receive` gets what the server sends on its own. Again for a new session.

        Returns when that is so, or when the server has no way to send anything on its own.
        """

    async def aclose(self) -> None:
        """End the session, if there is one, and everything that was started."""


async def answer_to(transport: Transport, message: Sendable, aside: Aside) -> Reply | Failed:
    """One exchange: its answer, all else being handed to `aside`. Raises ClientError."""
    async with contextlib.aclosing(transport.exchange(message)) as messages:
        async for each in messages:
            if isinstance(each, Reply | Failed) and each.id in {message.raw_id, b""}:
                return each
            await aside(each)
    raise Garbled(f"{transport.url} answers {message.method} with nothing that is an answer to it")
