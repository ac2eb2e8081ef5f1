"""The serving end: a child that listens at a unix socket, runs services for its peers and publishes to them.

It keeps nothing durable: the last messages are in memory, and a peer that missed some is told so. A peer that does not
read what it is sent is dropped; it connects again and resumes, or resyncs.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from msgspec import Struct

from erlmcp.otp.actor import Down
from erlmcp.otp.child import ChildSpec, Overloaded
from erlmcp.otp.remote import Declined, RemoteOptions, Service, Wire, refuse_large
from erlmcp.otp.remote_ring import Ring
from erlmcp.otp.remote_socket import listen, remove
from erlmcp.otp.remote_wire import (
    PROTOCOL,
    BrokenWire,
    Call,
    Cast,
    Cutter,
    Drop,
    Fault,
    FromLink,
    Goodbye,
    Hello,
    Kind,
    Publish,
    Refusal,
    Reply,
    Subscribe,
    Subscribed,
    TooLarge,
    Welcome,
    hub_decoder,
    put,
)
from erlmcp.otp.spec import Restart

SWEEP = 0.25  # seconds between looks at deadlines; the callers have their own, exact ones
CAST = 60.0  # seconds that a cast may take: nobody waits for it

logger = logging.getLogger("erlmcp.otp")


class Hub:
    """Serves `services` by name at `path`, until cancelled; then it finishes what it has, for `options.drain` s.

    `incarnation` tells its memory of messages from that of the hub before it.
    """

    def __init__(
        self,
        path: Path,
        services: Mapping[str, Service],
        *,
        name: str = "hub",
        options: RemoteOptions = RemoteOptions(),  # noqa: B008 - frozen
        incarnation: int | None = None,
    ) -> None:
        self.path, self.services, self.name, self.options = path, services, name, options
        self.incarnation = secrets.randbits(63) if incarnation is None else incarnation
        self.ring = Ring(options.ring, options.ring_bytes)
        self.leaving = False
        self._running = False
        self._peers: set[Peer] = set()
        self._topics: dict[str, set[Peer]] = {}
        self._empty: asyncio.Future[None] | None = None

    @property
    def peers(self) -> int:
        """How many links are connected."""
        return len(self._peers)

    def child(self, restart: Restart = Restart.PERMANENT) -> ChildSpec:
        """The spec of this hub as a child."""
        return ChildSpec(self.name, self.run, restart, shutdown=self.options.drain + 1.0)

    def publish(self, topic: str, payload: bytes, *, keep: bool = False) -> None:
        """Tell all that subscribe, in the order of these calls. On the loop's thread. Raises TooLarge.

        `keep`: whoever begins to subscribe later gets the last such message of the topic first.
        """
        refuse_large(topic, payload, self.options.frame)
        message = self.ring.add(topic, payload, keep=keep)
        peers = self._topics.get(topic)
        if not peers:
            return
        framed = bytearray()
        put(message, framed, self.options.frame)
        for peer in peers:
            peer.send_whole(framed)

    async def run(self, ready: Callable[[], None]) -> None:
        """Be the hub: a child for a supervisor. OSError when a living process has the socket."""
        if self._running:
            raise RuntimeError(f"hub {self.name} is running already")
        sock = listen(self.path, self.options.backlog)
        inode = self.path.lstat().st_ino
        loop = asyncio.get_running_loop()
        self._running, self.leaving = True, False
        server = await loop.create_unix_server(lambda: Peer(self), sock=sock, backlog=self.options.backlog)
        try:
            ready()
            while True:
                await asyncio.sleep(SWEEP)
                for peer in list(self._peers):
                    peer.sweep(loop.time())
        finally:
            self.leaving = True
            server.close()
            remove(self.path, inode)
            try:
                await self._drain()
            finally:
                self._running = False

    async def _drain(self) -> None:
        self._empty = asyncio.get_running_loop().create_future()
        for peer in list(self._peers):
            peer.leave()
        try:
            if self._peers:
                await asyncio.wait([self._empty], timeout=self.options.drain)
        finally:
            for peer in list(self._peers):
                peer.abort()
                self.part(peer)

    def join(self, peer: "Peer") -> bool:
        """Count a peer in; False when there are as many as may be."""
        if len(self._peers) >= self.options.peers or self.leaving:
            return False
        self._peers.add(peer)
        return True

    def part(self, peer: "Peer") -> None:
        """Forget a peer."""
        self._peers.discard(peer)
        for topic in [topic for topic, peers in self._topics.items() if peer in peers]:
            self._topics[topic].discard(peer)
            if not self._topics[topic]:
                del self._topics[topic]
        if not self._peers and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)

    def add_subscriber(self, topic: str, peer: "Peer") -> None:
        """From here on, the peer gets what is published on the topic."""
        self._topics.setdefault(topic, set()).add(peer)


class UnderWay(Struct, eq=False):
    """A call of a peer that its service answers; `until`: when nobody waits any more."""

    service: str
    task: asyncio.Task[bytes]
    until: float


class Peer(Wire):
    """One connected link, as its hub sees it."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub.options)
        self._hub = hub
        self._cutter: Cutter[FromLink] = Cutter(hub_decoder, hub.options.frame)
        self._under_way: dict[int, UnderWay] = {}
        self._casts = 0
        self._known = False
        self._ended = False
        self._born = self._loop.time()
        self.who = "a link that has not said hello"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's."""
        super().connection_made(transport)
        if not self._hub.join(self):
            self._refuse(f"hub {self._hub.name} takes no more links ({self._hub.peers} are there)")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """asyncio's."""
        self._hub.part(self)
        under_way, self._under_way = self._under_way, {}
        for call in under_way.values():
            call.task.cancel()

    def eof_received(self) -> bool:
        """asyncio's. A link ends its side after Goodbye, and still gets its answers."""
        self._ended = True
        if not self._hub.leaving:
            return False
        self._end_if_done()
        return True

    def data_received(self, data: bytes) -> None:
        """asyncio's."""
        try:
            for frame in self._cutter.cut(data):
                if type(frame) is Call:
                    self._call(frame)
                else:
                    self._take(frame)
        except BrokenWire as fault:
            logger.warning("hub %s drops %s: %s", self._hub.name, self.who, fault)
            self.abort()

    def sweep(self, now: float) -> None:
        """Look at deadlines."""
        if not self._known and now - self._born > self.options.hello:
            logger.warning("hub %s drops %s: it has had %g s", self._hub.name, self.who, self.options.hello)
            self.abort()
        for number in [number for number, call in self._under_way.items() if call.until < now]:
            self._drop(number)

    def leave(self) -> None:
        """Say goodbye; `connection_lost` follows when the link has ended its side and has its answers."""
        if not self._known:
            self.abort()
            return
        self.send(Goodbye())
        self.flush()

    def _take(self, frame: FromLink) -> None:
        if isinstance(frame, Hello):
            self._greet(frame)
            return
        if not self._known:
            raise BrokenWire(f"{type(frame).__name__} before Hello")
        match frame:
            case Cast(service, payload):
                self._casts += 1
                self._begin(-self._casts, service, payload, CAST)
            case Drop(number):
                self._drop(number)
            case Subscribe(topic):
                self._subscribe(topic)
            case Publish(topic, payload):
                self._hub.publish(topic, payload)

    def _greet(self, hello: Hello) -> None:
        if self._known:
            raise BrokenWire("a second Hello")
        hub = self._hub
        if hello.protocol != PROTOCOL:
            self._refuse(f"hub {hub.name} speaks version {PROTOCOL}, {hello.who} speaks version {hello.protocol}")
            return
        self._known, self.who = True, hello.who
        missed = hub.ring.since(hello.seen) if hello.incarnation == hub.incarnation else None
        self.send(Welcome(PROTOCOL, hub.incarnation, hub.ring.sequence, missed is not None))
        for topic in hello.topics:
            hub.add_subscriber(topic, self)
        for message in missed or ():
            if message.topic in hello.topics:
                self.send(message)
        if missed is None:
            for topic in hello.topics:
                self._send_kept(topic)

    def _subscribe(self, topic: str) -> None:
        self._hub.add_subscriber(topic, self)
        self.send(Subscribed(topic))
        self._send_kept(topic)

    def _send_kept(self, topic: str) -> None:
        kept = self._hub.ring.kept(topic)
        if kept is not None:
            self.send(kept)

    def _refuse(self, reason: str) -> None:
        logger.warning("%s", reason)
        self.send(Refusal(reason))
        self.flush()
        if self.transport is not None:
            self.transport.close()

    def _call(self, call: Call) -> None:
        if not self._known or call.id < 0 or call.id in self._under_way:
            raise BrokenWire(f"call {call.id} out of turn")
        if self._hub.leaving:
            self.send(Fault(call.id, Kind.NOT_TAKEN))
        else:
            self._begin(call.id, call.service, call.payload, call.millis / 1000)

    def _begin(self, number: int, name: str, payload: bytes, seconds: float) -> None:
        service = self._hub.services.get(name)
        if service is None:
            self._fail(number, name, Down(name, "is not served here"))
        elif len(self._under_way) >= self.options.calls:
            self._fail(number, name, Overloaded(f"hub {self._hub.name}", self.options.calls))
        else:
            task = self._loop.create_task(service(payload, seconds))
            self._under_way[number] = UnderWay(name, task, self._loop.time() + seconds)
            task.add_done_callback(partial(self._answered, number))

    def _drop(self, number: int) -> None:
        call = self._under_way.pop(number, None)
        if call is not None:
            call.task.cancel()

    def _answered(self, number: int, task: asyncio.Task[bytes]) -> None:
        call = self._under_way.get(number)
        error = None if task.cancelled() else task.exception()
        if call is None or call.task is not task:
            return  # its caller has left
        del self._under_way[number]
        if task.cancelled():
            self._fail(number, call.service, Down(call.service, "gave the call up"))
        elif error is not None:
            self._fail(number, call.service, error)
        elif number >= 0:
            self._reply(number, task.result())
        self._end_if_done()

    def _reply(self, number: int, payload: bytes) -> None:
        try:
            self.send(Reply(number, payload))
        except TooLarge as fault:
            self.send(Fault(number, Kind.TOO_LARGE, capacity=fault.limit, text=str(fault.size)))

    def _fail(self, number: int, service: str, error: BaseException) -> None:
        fault = fault_of(number, service, error)
        if number >= 0:
            self.send(fault)
        elif fault.kind is not Kind.DOWN:
            logger.info("service %s refused a cast of %s: %s", service, self.who, error)

    def _end_if_done(self) -> None:
        if self._hub.leaving and self._ended and not self._under_way and self.transport is not None:
            self.flush()
            self.transport.close()

    def _flush(self) -> None:
        super()._flush()
        if self.unsent > self.options.unsent:
            logger.warning("hub %s drops %s: it does not read (%d bytes wait)", self._hub.name, self.who, self.unsent)
            self.abort()


def fault_of(number: int, service: str, error: BaseException) -> Fault:
    """What the caller is told. An exception that is no word of ours is a crash: logged here, once."""
    match error:
        case Declined():
            return Fault(number, Kind.DECLINED, payload=error.payload)
        case Overloaded():
            return Fault(number, Kind.OVERLOADED, error.name, capacity=error.capacity)
        case Down():
            return Fault(number, Kind.DOWN, error.name, error.why)
        case TimeoutError():
            return Fault(number, Kind.LATE, service, str(error))
        case TooLarge():
            return Fault(number, Kind.TOO_LARGE, capacity=error.limit, text=str(error.size))
    logger.error("service %s failed", service, exc_info=error)
    return Fault(number, Kind.DOWN, service, "failed while it answered: the log of its process says how")
