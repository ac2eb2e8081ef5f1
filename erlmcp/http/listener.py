"""A supervised child: one listening socket, its connections, its drain."""

import socket
from collections.abc import Callable

from erlmcp.http.limits import Options
from erlmcp.http.message import Exchange
from erlmcp.http.router import Router

__all__ = ["Listener"]


class Listener:
    """Serves connections of an already bound socket until cancelled; then drains."""

    def __init__(
        self,
        sock: socket.socket,
        router: Router,
        options: Options,
        on_exchange: Callable[[Exchange], None] | None = None,
    ) -> None:
        self._sock, self._router, self._options, self._on_exchange = sock, router, options, on_exchange

    async def run(self, ready: Callable[[], None]) -> None:
        raise NotImplementedError
