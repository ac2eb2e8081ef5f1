"""A bounded pool of threads behind a bounded queue, for functions that block.

A job's answer is dropped when nobody waits for it any more, but its thread stays taken until the function returns:
Python cannot stop a thread. It does not know what the jobs compute.
"""

import asyncio
import contextvars
import functools
import logging
import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from erlmcp.mcp.context import Context
from erlmcp.mcp.deadline import Deadline

_log: Final = logging.getLogger("erlmcp.mcp")

RETRY_AFTER: Final = 1.0
"""Seconds after which a refused caller may try again: most tools take less, and asking a stuck one more often only
adds load."""


class Overloaded(Exception):
    """There is no room for this call; it was not started. `retry_after` is in seconds."""

    def __init__(self, message: str, retry_after: float = RETRY_AFTER) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


class Pool:
    """At most `size` functions run at once and at most `queue` more wait; one more raises Overloaded."""

    def __init__(self, size: int, queue: int) -> None:
        self._size = size
        self._capacity = size + queue
        self._taken = 0
        self._threads: list[threading.Thread] = []
        self._jobs: deque[_Job] = deque()
        self._ready = threading.Condition()
        self._closed = False
        self._loop_side: _LoopSide | None = None

    @property
    def taken(self) -> int:
        """Jobs waiting or running, those included whose answer nobody wants any more."""
        return self._taken

    def submit(
        self, work: Callable[[], bytes], context: Context, timeout: float | None, late: Callable[[], bytes]
    ) -> "asyncio.Future[bytes]":
        """Run `work` in a thread, in a copy of the current contextvars, and answer within `timeout` seconds (None: it
        is the caller who watches the time).

        When the time is over the answer is what `late` returns or raises. Cancelling the future, or the timeout,
        cancels `context`. Called on the loop's thread. Raises Overloaded, without starting anything, when the queue is
        full.
        """
        loop = asyncio.get_running_loop()
        if self._loop_side is None or self._loop_side.loop is not loop:
            self._loop_side = _LoopSide(loop)
        job = _Job(self, self._loop_side, work, context)
        context.attach(loop)  # before a thread can see it
        with self._ready:
            if self._closed:
                raise Overloaded("the server is shutting down")
            if self._taken >= self._capacity:
                raise Overloaded(f"all {self._size} threads are busy and {self._capacity - self._size} calls wait")
            self._taken += 1
            self._jobs.append(job)
            self._ready.notify()
        if self._taken > len(self._threads) < self._size:
            self._start_thread()
        job.watch(timeout, late)
        return job.future

    def withdraw(self, job: "_Job") -> None:
        """Give a waiting job's place back. One that runs keeps its own until it returns."""
        with self._ready:
            if job in self._jobs:
                self._jobs.remove(job)
                self._taken -= 1

    def close(self) -> None:
        """Take no more jobs; idle threads end, busy ones after their function. Does not wait for them."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    def _start_thread(self) -> None:
        # Daemons: a function that never returns must not keep the process from leaving.
        thread = threading.Thread(target=self._serve, name=f"erlmcp-tool-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve(self) -> None:
        while (job := self._next()) is not None:
            job.run()
            with self._ready:
                self._taken -= 1
            job.loop_side.deliver(job)
            del job  # an idle thread must not keep the last call's arguments alive

    def _next(self) -> "_Job | None":
        with self._ready:
            while not self._jobs:
                if self._closed:
                    return None
                self._ready.wait()
            return self._jobs.popleft()


class _Job:
    """One call: run in a thread, awaited on the loop."""

    __slots__ = ("_context", "_deadline", "_outcome", "_pool", "_scope", "_work", "future", "loop_side")

    def __init__(self, pool: Pool, loop_side: "_LoopSide", work: Callable[[], bytes], context: Context) -> None:
        self._pool = pool
        self._work = work
        self._context = context
        self._scope = contextvars.copy_context()
        self._outcome = _Outcome()
        self._deadline: Deadline | None = None
        self.loop_side = loop_side
        self.future: asyncio.Future[bytes] = loop_side.loop.create_future()

    def run(self) -> None:
        with self._outcome:
            self._outcome.value = self._scope.run(self._work)

    def watch(self, timeout: float | None, late: Callable[[], bytes]) -> None:
        if timeout is not None:
            self._deadline = Deadline(self.loop_side.loop, timeout, functools.partial(self._expire, late))
            self._context.limit(self._deadline)
        self.future.add_done_callback(self._settled)

    def finish(self) -> None:
        """The outcome has come back to the loop; it is dropped when the answer was given without it."""
        if not self.future.done():
            self._outcome.settle(self.future)
        elif self._outcome.error is not None:
            _log.warning("a call that nobody waited for any more failed", exc_info=self._outcome.error)

    def _expire(self, late: Callable[[], bytes]) -> None:
        if self.future.done():
            return
        self._context.cancel()
        self._pool.withdraw(self)
        outcome = _Outcome()
        with outcome:
            outcome.value = late()
        outcome.settle(self.future)

    def _settled(self, future: "asyncio.Future[bytes]") -> None:
        if self._deadline is not None:
            self._deadline.lift()
        if future.cancelled():
            self._context.cancel()
            self._pool.withdraw(self)


class _Outcome:
    """Carries what a block of code came to, value or exception, to whoever awaits it; it judges neither."""

    __slots__ = ("error", "value")

    def __init__(self) -> None:
        self.value = b""
        self.error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.error = error
        return True

    def settle(self, future: "asyncio.Future[bytes]") -> None:
        error = self.error
        if error is None:
            future.set_result(self.value)
            return
        if isinstance(error, StopIteration):  # a future cannot carry one
            carried = RuntimeError("the function raised StopIteration")
            carried.__cause__ = error
            error = carried
        future.set_exception(error)


class _LoopSide:
    """Finished jobs on their way back to one loop: however many finish at once, the loop is woken once."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._finished: deque[_Job] = deque()
        self._woken = False

    def deliver(self, job: _Job) -> None:
        """Called in a thread."""
        self._finished.append(job)
        if self._woken:
            return
        self._woken = True
        try:
            self.loop.call_soon_threadsafe(self._collect)
        except RuntimeError:  # the loop is closed: the process is leaving, and nobody awaits the answer
            self._finished.clear()

    def _collect(self) -> None:
        self._woken = False  # before the first look: whoever finishes from now on wakes the loop again
        while self._finished:
            self._finished.popleft().finish()
