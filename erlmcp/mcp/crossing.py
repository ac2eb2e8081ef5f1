"""Between the loop and the threads that functions run in: who is where, and who waits for whom."""

import asyncio
import concurrent.futures
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["at_once", "release", "running_loop"]

T = TypeVar("T")


def release(
    waiting: "asyncio.Future[None] | concurrent.futures.Future[None]", emission: "asyncio.Future[None] | None" = None
) -> None:
    """Let go who waits, whatever became of the emission."""
    if emission is not None and not emission.cancelled():
        emission.exception()  # a reader who is gone is told by the cancellation of the call, not by each message
    if not waiting.done():
        waiting.set_result(None)


def at_once(question: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that has nothing to wait for."""
    try:
        question.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    question.close()
    raise RuntimeError("waiting for the client here would block the loop: make the function async and await it")


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop of this thread; None where none runs."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
