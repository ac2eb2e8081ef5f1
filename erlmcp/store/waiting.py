"""Waiting for a thread's job without leaving it: a cancelled task stays until the job is done, then learns of both.

A connection may be used by one thread at a time. Whoever let go of it while the thread still commits would hand a busy
connection to the next.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

__all__ = ["finish"]

T = TypeVar("T")


async def finish(threads: Executor, job: Callable[[], T]) -> tuple[asyncio.Future[T], asyncio.CancelledError | None]:
    """Run `job` in a thread and wait for its end, whatever happens; the done future, and a cancellation on the way."""
    cancelled = None
    future = asyncio.get_running_loop().run_in_executor(threads, job)
    while not future.done():
        try:
            await asyncio.wait((future,))
        except asyncio.CancelledError as error:
            cancelled = error
    return future, cancelled
