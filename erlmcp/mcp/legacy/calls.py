"""The calls of sessions that are under way in this worker: found by their request to be cancelled, by their stream to
be told from dead ones.

A cancellation may arrive at any worker: what is not here is told to the others.
"""

import asyncio
from functools import partial
from typing import Final, Protocol

import msgspec

from erlmcp.mcp.backplane import Bus
from erlmcp.mcp.cancellation import canonical
from erlmcp.mcp.legacy.sessions import Session
from erlmcp.mcp.legacy.stream import CallStream

__all__ = ["Calls"]

CANCELLED: Final = "mcp.cancelled"


class Cancelled(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A client has cancelled its request."""

    session: str
    request: bytes


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Cancelled).decode


class Running(Protocol):
    """A call under way: the stream of its own, or its part of a batch."""

    @property
    def request(self) -> bytes:
        """The raw id of the request."""

    def cancel(self) -> None:
        """Stop, and answer nothing."""


class Calls:
    """A worker's. All of it on the loop's thread."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._running: dict[tuple[str, bytes], Running] = {}
        bus.subscribe(CANCELLED, self._hear)

    def begin(self, session: Session, call: Running, work: asyncio.Future[bytes]) -> None:
        """A call whose answer is not there yet. It is cancelled with its session."""
        key = (session.key, canonical(call.request))
        self._running[key] = call
        session.when_ended(call.cancel)
        work.add_done_callback(partial(self._done, key, session, call))

    def cancel(self, session: Session, request: bytes) -> None:
        """The client wants no answer to this request, wherever it is being served. Unknown ones are nobody's."""
        call = self._running.get((session.key, canonical(request)))
        if call is not None:
            call.cancel()
        else:
            self._bus.publish(CANCELLED, _encode(Cancelled(session.key, request)))

    def named(self, session: str, name: str) -> CallStream | None:
        """The stream of this name, if its call is under way here."""
        streams = (each for (key, _), each in self._running.items() if key == session and isinstance(each, CallStream))
        return next((each for each in streams if each.name == name), None)

    def _hear(self, payload: bytes) -> None:
        told = _decode(payload)
        call = self._running.get((told.session, canonical(told.request)))
        if call is not None:
            call.cancel()

    def _done(self, key: tuple[str, bytes], session: Session, call: Running, _work: asyncio.Future[bytes]) -> None:
        session.forget(call.cancel)
        if self._running.get(key) is call:
            del self._running[key]
