"""What an author tells clients between requests: the app's lists changed, a resource says something else.

It does not know who listens, nor in which process.
"""

from collections.abc import Callable
from typing import TypeAlias

from erlmcp.mcp.changes import PROMPTS, RESOURCES, TOOLS, Change, updated

__all__ = ["Signals", "Tell"]

Tell: TypeAlias = Callable[[Change], None]


class Signals:
    """A part of `App`. All of it may be called from handlers, from tasks and from threads; nothing waits or fails, and
    in a process that serves nobody, nothing happens."""

    def __init__(self) -> None:
        self._tell: tuple[Tell, ...] = ()

    def tools_changed(self) -> None:
        """Tell clients that listen for it, at any worker, to list the tools again."""
        self.tell(Change(TOOLS))

    def resources_changed(self) -> None:
        """Tell clients that listen for it, at any worker, to list resources and templates again."""
        self.tell(Change(RESOURCES))

    def prompts_changed(self) -> None:
        """Tell clients that listen for it, at any worker, to list the prompts again."""
        self.tell(Change(PROMPTS))

    def resource_updated(self, uri: str, *, here: bool = False) -> None:
        """Tell clients that subscribe to the resource at `uri`, at any worker, to read it again.

        `uri` is the one that they read it by, with a template's variables filled in. `here`: tell those of this process
        only, at once; for an app that hears of the change in each process anyway. Raises TypeError for what is no
        string.
        """
        if not isinstance(uri, str):
            raise TypeError(f"resource_updated takes the URI of a resource as a string, not {type(uri).__name__}")
        self.tell(updated(uri, here))

    # What follows is for those who serve the app.

    def tell(self, change: Change) -> None:
        """Pass a change on to all that relay it."""
        for tell in self._tell:
            tell(change)

    def relay(self, tell: Tell) -> None:
        """Have every change told to `tell` from now on: it may come from any thread."""
        self._tell = (*self._tell, tell)
