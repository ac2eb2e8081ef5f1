"""What changed, told to everybody who listens for it: in this process and, over the bus, in all others of the node.

One topic for all of it. What a change is about is its interest: a method, and what the method is about, so that who
listens for one resource is found without a look at the others. It does not know how a listener speaks to its client.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

import msgspec

from erlmcp.mcp.crossing import running_loop

if TYPE_CHECKING:
    from erlmcp.mcp.backplane import Bus

__all__ = ["PROMPTS", "RESOURCES", "TOOLS", "UPDATED", "Change", "Changes", "Interest", "Listener", "updated"]

TOPIC: Final = "mcp.changes"

TOOLS: Final = "notifications/tools/list_changed"
PROMPTS: Final = "notifications/prompts/list_changed"
RESOURCES: Final = "notifications/resources/list_changed"
UPDATED: Final = "notifications/resources/updated"

LAST: Final = ""
"""The method of the mark that a process sends behind its last change: when it is back, all that came before it is."""

SETTLED: Final = 0.5
"""Seconds that a leaving process waits for its mark; it takes a millisecond where the hub is there."""

Interest: TypeAlias = tuple[str, str]
"""A notification's method, and the URI or the id that it is about, empty for a list."""


class Change(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Something that clients may want to know."""

    method: str
    key: str = ""
    members: bytes = b""
    """The members of the notification's parameters as JSON, without braces and without `_meta`."""
    here: bool = False
    """Told to the listeners of this process only, and at once."""

    @property
    def params(self) -> bytes:
        """The notification's parameters where nothing is added to them: a JSON object, or empty for none."""
        return b"{%b}" % self.members if self.members else b""


class Listener(Protocol):
    """An open stream to a client, of either era. On the loop's thread; it must not raise."""

    def hear(self, change: Change) -> None:
        """Something changed that it is interested in. Never waits."""

    def end(self) -> None:
        """The process leaves: tell the client so, after all that was heard. Nothing is heard any more."""


Anew: TypeAlias = Callable[[str], Change | None]
"""What is told of a key when changes may have been missed; None: nothing now."""


def updated(uri: str, here: bool = False) -> Change:
    """The resource at `uri` says something else now."""
    return Change(UPDATED, uri, b'"uri":' + msgspec.json.encode(uri), here)


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Change).decode


class Changes:
    """The changes of one process, and its listeners."""

    def __init__(self) -> None:
        self._bus: Bus | None = None
        self._listeners: dict[Listener, dict[Interest, None]] = {}
        self._interested: dict[Interest, dict[Listener, None]] = {}
        self._count = 0
        self._heeds: dict[str, Callable[[], None]] = {}
        self._anew: dict[str, Anew] = {m: _list(m) for m in (TOOLS, PROMPTS, RESOURCES)} | {UPDATED: updated}
        self._untold: dict[Interest, Change] = {}
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._due: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.TimerHandle | None = None
        self._gone: asyncio.Future[None] | None = None
        self._ended = False

    def join(self, bus: "Bus") -> None:
        """From now on, tell and hear over this bus. Once."""
        self._bus = bus
        bus.subscribe(TOPIC, self._hear, self._resync)

    # Telling

    def tell(self, change: Change) -> None:
        """Tell everybody, from any thread. Changes of one interest within one turn of the loop are told once, as the
        last one says. One that is told `here` only goes its own way."""
        if change.here:
            self._tell_here(change)
            return
        with self._lock:
            self._untold.pop((change.method, change.key), None)
            self._untold[change.method, change.key] = change
            loop = running_loop() or self._loop
            if loop is None or loop is self._due:
                return  # `open` comes, or the end of this turn
            self._due = loop
        try:
            loop.call_soon_threadsafe(self._flush)
        except RuntimeError:  # the loop is closed: the process is leaving
            return

    def _tell_here(self, change: Change) -> None:
        loop, running = self._loop, running_loop()
        if loop is None or loop is running:  # None: nobody has ever listened
            self._pass_on(change)
            return
        with suppress(RuntimeError):  # the loop is closed: the process is leaving
            loop.call_soon_threadsafe(self._pass_on, change)

    def open(self) -> None:
        """The process serves, on the running loop: from here on, threads can tell."""
        self._loop = asyncio.get_running_loop()
        self._flush()

    def _flush(self) -> None:
        with self._lock:
            untold, self._untold, self._due = self._untold, {}, None
        if self._bus is not None:
            for change in untold.values():
                self._bus.publish(TOPIC, _encode(change))

    # Listening

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    @property
    def interests(self) -> int:
        """How much all of them listen for, each counted by itself."""
        return self._count

    def attach(self, listener: Listener, interests: Iterable[Interest] = ()) -> None:
        """Have it hear, from now on, what changes in these; once more, for more of them. One that comes while the
        process leaves is ended at once."""
        self._loop = asyncio.get_running_loop()
        of_it = self._listeners.setdefault(listener, {})
        for interest in interests:
            if interest not in of_it:
                of_it[interest] = None
                self._interested.setdefault(interest, {})[listener] = None
                self._count += 1
        if self._ended:
            self.detach(listener)
            listener.end()

    def detach(self, listener: Listener, interests: Iterable[Interest] | None = None) -> None:
        """Have it hear no more of these; without them it has gone, and is not ended either."""
        of_it = self._listeners.get(listener)
        if of_it is None:
            return
        for interest in tuple(of_it) if interests is None else interests:
            if interest in of_it:
                del of_it[interest]
                self._count -= 1
                interested = self._interested[interest]
                del interested[listener]
                if not interested:
                    del self._interested[interest]
        if interests is None:
            del self._listeners[listener]

    def heed(self, method: str, hook: Callable[[], None]) -> None:
        """Call `hook` whenever something changed that `method` tells of, or may have, before any listener hears it."""
        self._heeds[method] = hook

    def wanted(self, method: str, key: str) -> bool:
        """Whether somebody in this process listens for it."""
        return (method, key) in self._interested

    def here(self, change: Change) -> None:
        """Tell those who listen in this process, and nobody else."""
        self._pass_on(change)

    def when_missed(self, method: str, anew: Anew) -> None:
        """What is told to who is interested in a key of `method` when changes may have been missed."""
        self._anew[method] = anew

    def _hear(self, payload: bytes) -> None:
        change = _decode(payload)
        if change.method == LAST:
            if self._bus is not None and change.key == self._bus.address:
                self._end()
            return
        self._pass_on(change)

    def _pass_on(self, change: Change) -> None:
        if (heed := self._heeds.get(change.method)) is not None:
            heed()
        interested = self._interested.get((change.method, change.key))
        if interested:
            for listener in tuple(interested):
                listener.hear(change)

    def again(self, method: str, key: str) -> None:
        """Tell those who listen in this process how it is now."""
        anew = self._anew.get(method)
        change = anew(key) if anew is not None else None
        if change is not None:
            self._pass_on(change)

    def _resync(self) -> None:
        """Some may have been missed. Clients read again what they are told has changed, so tell of all."""
        for heed in self._heeds.values():
            heed()
        for method, key in tuple(self._interested):
            self.again(method, key)

    # Leaving

    def end(self) -> "asyncio.Future[None]":
        """The process leaves: end every listener once it has heard what was told before. On the loop's thread; done
        when all of them are ended."""
        if self._gone is None:
            loop = asyncio.get_running_loop()
            self._gone = loop.create_future()
            self._ending = loop.call_later(SETTLED, self._end)
            self._flush()
            if self._bus is not None:
                self._bus.publish(TOPIC, _encode(Change(LAST, self._bus.address)))
        return self._gone

    def _end(self) -> None:
        if self._ended or self._ending is None:
            return
        self._ending.cancel()
        self._ended = True
        for listener in tuple(self._listeners):
            self.detach(listener)
            listener.end()
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)


def _list(method: str) -> Anew:
    change = Change(method)
    return lambda _key: change
