"""What the connections of one listener share: its routes and limits, its clock, and who is there."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from erlmcp.http.limits import Options
from erlmcp.http.message import Exchange
from erlmcp.http.router import Router
from erlmcp.http.unsent import Unsent

if TYPE_CHECKING:
    from erlmcp.http.protocol import Protocol

__all__ = ["Shared"]


class Shared:
    """Made by the listener, changed by it and by each connection as it comes and goes."""

    __slots__ = ("closing", "date", "draining", "left", "most", "on_exchange", "open", "options", "router", "unsent")

    def __init__(self, router: Router, options: Options, on_exchange: Callable[[Exchange], None] | None) -> None:
        self.router = router
        self.options = options
        self.on_exchange = on_exchange
        self.open: set[Protocol] = set()
        self.most = options.max_connections
        self.unsent = Unsent(options.max_unsent)
        self.closing: set[asyncio.Task[None]] = set()
        """Streams that were left before their end."""
        self.draining = False
        self.date = b""
        """The ready Date line; the listener renews it."""
        self.left: Callable[[], None] = lambda: None
        """Called when a connection has gone."""
