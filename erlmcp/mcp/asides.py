"""Work that nobody waits for: kept from being collected until it ends, as the loop itself holds its tasks weakly."""

import asyncio
from collections.abc import Coroutine
from typing import Any

__all__ = ["Asides"]


class Asides:
    """What one object has under way. On the loop's thread."""

    __slots__ = ("_tasks",)

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many are not done."""
        return len(self._tasks)

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do it, in a task of its own."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
