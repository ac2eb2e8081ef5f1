"""An app's lifespan: what its author opens once per process before serving, and closes after the last call.

It does not know what is opened, nor who serves: whoever does holds `App.running()` open around it.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from erlmcp.mcp.app import App

__all__ = ["CLOSED", "Closed", "Lifespan", "Opened"]

Lifespan: TypeAlias = Callable[["App"], AbstractAsyncContextManager[Any]]
"""An async context manager made for an app; what it yields is `ctx.lifespan` in every handler."""


class Closed:
    """Stands for the value of a lifespan that has not been entered, or has been left."""


CLOSED: Final = Closed()


class Opened:
    """The value of one app's lifespan: None when it has none, `CLOSED` while its own is not entered."""

    __slots__ = ("_app", "_lifespan", "value")

    def __init__(self, app: "App", lifespan: Lifespan | None) -> None:
        """Raises TypeError for what cannot be entered, so that it is said where the app is written."""
        if lifespan is not None and not callable(lifespan):
            raise TypeError("lifespan must be a function of the app that gives an async context manager")
        self._app = app
        self._lifespan = lifespan
        self.value: Any = None if lifespan is None else CLOSED

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[None]:
        """Within, the value is there. What the lifespan raises goes through."""
        if self._lifespan is None:
            yield
            return
        manager = self._lifespan(self._app)
        if not hasattr(manager, "__aenter__"):
            raise TypeError(
                f"the lifespan of {self._app.name} gave {type(manager).__name__}, which is no async context manager:"
                " decorate it with contextlib.asynccontextmanager"
            )
        async with manager as value:
            self.value = value
            try:
                yield
            finally:
                self.value = CLOSED
