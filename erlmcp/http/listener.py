"""A supervised child: one listening socket, the connections it accepted, their deadlines, their drain.

The socket is already bound and may be shared with other processes, so it is neither closed nor shut down here: whoever
opened it keeps it, and connections in its queue wait for another process.
"""

import asyncio
import errno
import logging
import resource
import socket
import sys
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Final

from erlmcp.http.limits import Options
from erlmcp.http.message import Exchange
from erlmcp.http.protocol import Protocol
from erlmcp.http.router import Router
from erlmcp.http.shared import Shared

__all__ = ["RESERVED", "Listener"]

LOG: Final = logging.getLogger("erlmcp.http")
ACCEPTS: Final = 16  # connections taken in one turn of the loop: processes that share the socket share the load
SPARE: Final = 64  # connections above the limit that are told 503 at a time; beyond them, new ones wait in the kernel
RESERVED: Final = 64 + SPARE  # file descriptors that connections leave for everything else, and for those that are told
BREATH: Final = 0.1  # seconds without accepting when file descriptors or memory have run out
EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
PASSING: Final = frozenset({errno.EAGAIN, errno.EINTR, errno.ECONNABORTED, errno.EPROTO})  # accept(2): only this one
TICK: Final = 0.5  # seconds between two sweeps at most: deadlines and the Date line are as coarse as that
FAREWELL: Final = 1.0  # seconds that the loop has to tell aborted connections' handlers


class Listener:
    """Serves the connections of a bound socket until cancelled; then drains for `options.drain` seconds at most."""

    def __init__(
        self,
        sock: socket.socket,
        router: Router,
        options: Options,
        on_exchange: Callable[[Exchange], None] | None = None,
    ) -> None:
        self._sock = sock
        self._options = options
        self._shared = Shared(router, options, on_exchange)
        times = (options.head_timeout, options.body_timeout, options.keep_alive, options.write_timeout, options.linger)
        self._tick = min(TICK, min(times) / 4)
        self._loop: asyncio.AbstractEventLoop
        self._ended: asyncio.Future[None]  # never has a result: the accepting failed, or it is cancelled
        self._empty: asyncio.Future[None]  # while draining: the last connection has gone
        self._timer: asyncio.TimerHandle
        self._adopting: set[asyncio.Task[None]] = set()
        self._accepting = False
        self._exhausted = False

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return len(self._shared.open)

    @property
    def draining(self) -> bool:
        """Whether it has stopped accepting and finishes what it has."""
        return self._shared.draining

    async def run(self, ready: Callable[[], None]) -> None:
        """The child: serve until cancelled, then drain. OSError when the socket can not be listened on."""
        self._loop = asyncio.get_running_loop()
        self._ended, self._empty = self._loop.create_future(), self._loop.create_future()
        self._shared.draining, self._shared.left = False, self._left
        self._shared.most = min(self._options.max_connections, _room())
        self._sock.setblocking(False)
        self._sock.listen(self._options.backlog)
        self._sweep()
        self._resume()
        ready()
        try:
            await self._ended
        finally:
            self._pause()
            try:
                await self._drain()
            finally:
                await self._abort()
                self._timer.cancel()

    # ── accepting ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _resume(self) -> None:
        if not self._accepting and not self._shared.draining and not self._ended.done():
            self._accepting = True
            self._loop.add_reader(self._sock, self._accept)

    def _pause(self) -> None:
        if self._accepting:
            self._accepting = False
            self._loop.remove_reader(self._sock)

    def _full(self) -> bool:
        return len(self._shared.open) + len(self._adopting) >= self._shared.most + SPARE

    def _accept(self) -> None:
        for _ in range(ACCEPTS):
            if self._full():
                self._pause()
                return
            try:
                sock, _address = self._sock.accept()
            except OSError as fault:
                self._failed(fault)
                return
            self._exhausted = False
            sock.setblocking(False)
            task = self._loop.create_task(self._adopt(sock))
            self._adopting.add(task)
            task.add_done_callback(self._adopting.discard)

    def _failed(self, fault: OSError) -> None:
        """Accepting failed: for this connection, for the moment, or for good."""
        if fault.errno in PASSING:
            return
        self._pause()
        if fault.errno in EXHAUSTED:
            if not self._exhausted:
                LOG.warning("accepting no connection until there is room again: %s", fault.strerror)
            self._exhausted = True
            self._loop.call_later(BREATH, self._resume)
        elif not self._ended.done():
            self._ended.set_exception(fault)

    async def _adopt(self, sock: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: Protocol(self._shared, self._loop), sock)
        except OSError:  # it has gone already
            sock.close()

    def _left(self) -> None:
        """A connection has gone."""
        if self._shared.draining:
            if not self._shared.open and not self._empty.done():
                self._empty.set_result(None)
        elif not self._accepting and not self._full():
            self._resume()

    # ── time ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _sweep(self) -> None:
        """The one timer of the listener and all its connections."""
        self._timer = self._loop.call_later(self._tick, self._sweep)
        self._shared.date = f"Date: {formatdate(time.time(), usegmt=True)}\r\n".encode()
        now = time.monotonic()
        for connection in tuple(self._shared.open):
            connection.sweep(now)
        self._shared.unsent.relieve(now)

    # ── leaving ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _drain(self) -> None:
        """Finish what is in flight; the others close as soon as they are surely unused."""
        self._shared.draining = True
        if self._adopting:
            await asyncio.wait(self._adopting)
        now = time.monotonic()
        for connection in tuple(self._shared.open):
            connection.drain(now)
            connection.sweep(now)
        self._left()
        await asyncio.wait((self._empty,), timeout=self._options.drain)

    async def _abort(self) -> None:
        """Drop what is left; its handlers are cancelled, its streams are closed."""
        for connection in tuple(self._shared.open):
            connection.abort()
        if self._shared.open:
            await asyncio.wait((self._empty,), timeout=FAREWELL)
            await asyncio.sleep(0)  # the cancelled streams end, which has their sources closed
        if self._shared.closing:
            await asyncio.wait(self._shared.closing, timeout=FAREWELL)


def _room() -> int:
    """Connections for which this process has file descriptors."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else max(1, soft - RESERVED)
