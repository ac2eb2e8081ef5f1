"""A supervisor of many temporary children that come and go: OTP's simple_one_for_one with temporary children.

A temporary child never restarts, so there is nothing to plan: to start or end one costs the same whether ten run or a
hundred thousand. They stop all at once, under one budget. A pool is itself a child; put it right of what they need.
"""

import asyncio
from collections.abc import Callable

from erlmcp.otp.child import ChildSpec, Overloaded, Run
from erlmcp.otp.incarnation import Incarnation
from erlmcp.otp.spec import ChildError, Restart


class Pool:
    """At most `limit` temporary children. `shutdown`: seconds that they may take to stop, together; None = any time."""

    def __init__(self, limit: int, *, shutdown: float | None = 5.0, name: str = "pool") -> None:
        if limit < 1:
            raise ValueError(f"pool {name}: the limit must be 1 or more, not {limit}")
        self.name = name
        self.limit = limit
        self.shutdown = shutdown
        self._live: dict[str, Incarnation] = {}
        self._abandoned: set[asyncio.Task[None]] = set()
        self._open = False
        self._empty: asyncio.Future[None] | None = None

    def child(self, restart: Restart = Restart.PERMANENT) -> ChildSpec:
        """The spec of this pool as a child. It keeps its own budget."""
        return ChildSpec(self.name, self.run, restart, shutdown=None)

    def __len__(self) -> int:
        """How many children live."""
        return len(self._live)

    async def run(self, ready: Callable[[], None]) -> None:
        """Take children until cancelled, then stop them all. A second cancellation kills them."""
        if self._open or self._live:
            raise RuntimeError(f"pool {self.name} is running already")
        self._open = True
        ready()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._open = False
            await self._stop_all()

    def start(self, child_id: str, run: Run) -> None:
        """Start a child. Raises Overloaded when the pool is full, ChildError when it is closed or the id is taken."""
        if not self._open:
            raise ChildError(child_id, "supervisor_not_running")
        if child_id in self._live:
            raise ChildError(child_id, "already_started")
        if len(self._live) >= self.limit:
            raise Overloaded(f"pool {self.name}", self.limit)
        spec = ChildSpec(child_id, run, Restart.TEMPORARY, self.shutdown, start_timeout=None)
        child = self._live[child_id] = Incarnation(spec, self._gone)
        child.start(lambda _child: None, f"{self.name}/{child_id}")

    async def stop(self, child_id: str) -> None:
        """Stop one child and wait until it is gone. ChildError when there is none."""
        child = self._live.get(child_id)
        if child is None:
            raise ChildError(child_id, "not_found")
        child.stop(self.shutdown)
        await child.ended()

    async def _stop_all(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = None if self.shutdown is None else loop.call_later(self.shutdown, self._kill_all)
        for child in list(self._live.values()):
            child.stop(None)
        while self._live:
            self._empty = loop.create_future()
            try:
                await asyncio.wait([self._empty])
            except asyncio.CancelledError:
                self._kill_all()
        if deadline is not None:
            deadline.cancel()

    def _kill_all(self) -> None:
        for child in list(self._live.values()):
            child.kill()

    def _gone(self, child: Incarnation) -> None:
        del self._live[child.spec.id]
        child.log(self.name)
        if child.abandoned:
            self._abandoned.add(child.task)
            child.task.add_done_callback(self._abandoned.discard)
        if not self._live and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)
