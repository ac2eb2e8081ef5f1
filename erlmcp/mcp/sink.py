"""The way back to a client while its request is being served. It does not know what is sent."""

from collections.abc import Awaitable, Generator
from typing import Final, Protocol, runtime_checkable

__all__ = ["SENT", "Resumable", "Sink"]


class Sink(Protocol):
    """The way back to the client while its request is being served."""

    def emit(self, method: str, params: bytes) -> Awaitable[None] | None:
        """Send one notification; `params` is a raw JSON object.

        Called on the loop's thread only. Returns None when there is nothing to wait for, else something to await until
        the reader has caught up (a future: the author may drop it).
        """

    def room(self) -> Awaitable[None] | None:
        """None when what is emitted now is surely not dropped, else something to await before that."""


@runtime_checkable
class Resumable(Protocol):
    """A sink whose reader may leave and come back for the rest."""

    def close_early(self) -> None: ...


class Sent:
    """An emission that needs no waiting: awaiting it does not leave the running step."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        return iter(())  # type: ignore[return-value]  # an exhausted iterator awaits nothing; a generator costs more


SENT: Final = Sent()
