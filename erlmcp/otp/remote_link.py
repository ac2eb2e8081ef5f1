"""The calling end: a child that stays connected to a hub, and the reference by which everybody else calls it.

A call made while the hub is away waits, inside its deadline, for its return. What was written when a connection broke
is not sent again: its caller hears Down, and retries only what bears to be done twice (an idempotency key).
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from erlmcp.otp.actor import Down
from erlmcp.otp.child import ChildSpec, Overloaded
from erlmcp.otp.remote import Declined, RemoteOptions, Wire, refuse_large
from erlmcp.otp.remote_socket import connect
from erlmcp.otp.remote_wire import (
    PROTOCOL,
    BrokenWire,
    Call,
    Cast,
    Cutter,
    Drop,
    Fault,
    FromHub,
    Goodbye,
    Hello,
    Kind,
    Message,
    Publish,
    Refusal,
    Reply,
    Subscribe,
    Subscribed,
    TooLarge,
    Welcome,
    link_decoder,
)
from erlmcp.otp.spec import Restart

FIRST_RETRY = 0.005  # seconds

logger = logging.getLogger("erlmcp.otp")


class Pending(Struct, eq=False):
    """A call that waits for its answer, or (`connection` is None) for a connection."""

    id: int
    service: str
    payload: bytes
    reply: asyncio.Future[bytes]
    until: float
    connection: "Connection | None" = None


class Subscription(Struct, frozen=True):
    """`deliver` gets each message; `resync` is called where the sequence begins anew, before what follows."""

    deliver: Callable[[bytes], None]
    resync: Callable[[], None]


class Link:
    """A hub at `path`, wherever it is in its life. `name` is how the hub's log calls us."""

    def __init__(
        self,
        path: Path,
        *,
        name: str = "link",
        options: RemoteOptions = RemoteOptions(),  # noqa: B008 - frozen
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.path, self.name, self.options = path, name, options
        self.reason = "it has not connected yet"  # why it is not connected; "" when it is
        self.since = time.monotonic()  # when it became connected, or ceased to be
        self.incarnation, self.seen = 0, 0
        self.calls: dict[int, Pending] = {}
        self.connections: set[Connection] = set()  # the one we are on, and those that a leaving hub still answers
        self._jitter = jitter
        self._connection: Connection | None = None
        self._subscriptions: dict[str, list[Subscription]] = {}
        self._when_connected: list[Callable[[], None]] = []
        self._running = False
        self._held = 0
        self._last_id = 0

    @property
    def connected(self) -> bool:
        """Whether a call would be sent now."""
        return self._connection is not None

    @property
    def topics(self) -> tuple[str, ...]:
        """What it subscribes to."""
        return tuple(self._subscriptions)

    def child(self, restart: Restart = Restart.PERMANENT) -> ChildSpec:
        """The spec of this link as a child."""
        return ChildSpec(self.name, self.run, restart, shutdown=1.0)

    async def call(self, service: str, payload: bytes, timeout: float = 5.0) -> bytes:
        """The service's answer, within `timeout` seconds, in which a hub that is away may return.

        Raises Declined, Overloaded (not sent), TooLarge (not sent, or the answer), Down (the outcome is unknown, except
        where the link itself does not run), TimeoutError (the hub is told; what has not begun by then is dropped).
        """
        pending = self._hold(service, payload, timeout)
        deadline = asyncio.get_running_loop().call_at(pending.until, self._expire, pending, timeout)
        try:
            self._send(pending)
            return await pending.reply
        finally:
            deadline.cancel()
            self._release(pending)

    def cast(self, service: str, payload: bytes) -> None:
        """Send it; nobody hears of the outcome. Raises Down when there is no connection, Overloaded, TooLarge."""
        self._open(service).send(Cast(service, payload))

    def publish(self, topic: str, payload: bytes) -> None:
        """Tell all that subscribe at the hub, ourselves too. Raises as `cast`."""
        self._open(topic).send(Publish(topic, payload))

    def subscribe(self, topic: str, deliver: Callable[[bytes], None], resync: Callable[[], None] | None = None) -> None:
        """Have each message of a topic delivered, in order, on the loop's thread.

        `resync` is called when messages may have been missed: at the first connection, and after one that was lost for
        longer than the hub remembers. Whoever needs all of them reads the rest elsewhere then.
        """
        subscription = Subscription(deliver, resync or (lambda: None))
        known = topic in self._subscriptions
        self._subscriptions.setdefault(topic, []).append(subscription)
        if self._connection is not None:
            if known:
                subscription.resync()
            else:
                self._connection.send(Subscribe(topic))

    def when_connected(self, hook: Callable[[], None]) -> None:
        """Call `hook` on the loop's thread each time that it is connected, after the resyncs: it may publish."""
        self._when_connected.append(hook)

    async def run(self, ready: Callable[[], None]) -> None:
        """Be the link: a child for a supervisor. It is ready after the first attempt, whatever came of it."""
        if self._running:
            raise RuntimeError(f"link {self.name} is running already")
        self._running = True
        delay = FIRST_RETRY
        try:
            connection = await self._connect()
            ready()
            while True:
                if connection is not None:
                    delay = FIRST_RETRY
                    await connection.over
                else:
                    await asyncio.sleep(delay * (0.5 + self._jitter() / 2))
                    delay = min(2 * delay, self.options.retry)
                connection = await self._connect()
        finally:
            self._running = False
            self._stop()

    async def _connect(self) -> "Connection | None":
        """One attempt: a connection that the hub has welcomed, or None and a `reason`."""
        connection: Connection | None = None
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_unix_connection(lambda: Connection(self), sock=connect(self.path))
            async with asyncio.timeout(self.options.hello):
                await connection.welcomed
        except TimeoutError:
            self._say(f"the hub has not answered within {self.options.hello:g} s")
        except OSError as fault:
            self._say(f"no hub answers at {self.path}: {fault.strerror or fault}")
        except BrokenWire as fault:
            self._say(str(fault))
        else:
            return connection
        if connection is not None:
            connection.abort()
        return None

    def _say(self, reason: str) -> None:
        if reason != self.reason:
            logger.info("link %s is not connected: %s", self.name, reason)
        self.reason = reason

    def _stop(self) -> None:
        self._connection, self.reason = None, "it was stopped"
        for connection in self.connections:
            connection.abort()
        for pending in self.calls.values():
            if not pending.reply.done():
                pending.reply.set_exception(Down(pending.service, "did not answer before its link was stopped"))

    # Calls

    def _hold(self, service: str, payload: bytes, timeout: float) -> Pending:
        if not self._running:
            raise Down(service, f"is out of reach: link {self.name} is not running")
        refuse_large(service, payload, self.options.frame)
        if len(self.calls) >= self.options.calls or self._held + len(payload) > self.options.unsent:
            raise Overloaded(f"link {self.name}", self.options.calls)
        loop = asyncio.get_running_loop()
        self._last_id += 1
        pending = Pending(self._last_id, service, payload, loop.create_future(), loop.time() + timeout)
        self.calls[pending.id] = pending
        self._held += len(payload)
        return pending

    def _release(self, pending: Pending) -> None:
        del self.calls[pending.id]
        self._held -= len(pending.payload)
        if pending.connection is not None:  # it was sent and is not answered: its caller leaves
            pending.connection.drop(pending)

    def _send(self, pending: Pending) -> None:
        if self._connection is not None:
            self._connection.call(pending)

    def _expire(self, pending: Pending, seconds: float) -> None:
        if not pending.reply.done():
            away = f" ({self.reason})" if self.reason else ""
            text = f"actor {pending.service} did not answer within {seconds:g} s{away}"
            pending.reply.set_exception(TimeoutError(text))

    def _open(self, name: str) -> "Connection":
        if self._connection is None:
            raise Down(name, f"is out of reach: {self.reason}")
        if self._connection.unsent > self.options.unsent:
            raise Overloaded(f"link {self.name}", self.options.unsent)
        return self._connection

    # What a connection tells

    def on_welcome(self, connection: "Connection", welcome: Welcome) -> None:
        """We are connected: what waited goes out."""
        self._connection, self.reason, self.since = connection, "", time.monotonic()
        if not welcome.resumed:
            self.incarnation, self.seen = welcome.incarnation, welcome.sequence
            for topic in self.topics:
                self.resync(topic)
        for pending in list(self.calls.values()):
            if pending.connection is None and not pending.reply.done():
                connection.call(pending)
        for hook in self._when_connected:
            hook()

    def resync(self, topic: str) -> None:
        """A topic begins anew."""
        for subscription in self._subscriptions.get(topic, ()):
            subscription.resync()

    def on_message(self, message: Message) -> None:
        """Deliver."""
        self.seen = max(self.seen, message.sequence)
        for subscription in self._subscriptions.get(message.topic, ()):
            subscription.deliver(message.payload)

    def on_not_taken(self, pending: Pending) -> None:
        """The hub was leaving and has not begun it: it waits for the next, or goes to it now."""
        pending.connection = None
        if not pending.reply.done():
            self._send(pending)

    def on_leaving(self, connection: "Connection", why: str) -> None:
        """The connection takes no more calls."""
        if self._connection is connection:
            self._connection, self.since = None, time.monotonic()
            self._say(why)


class Connection(Wire):
    """One connection to a hub. `welcomed` and `over` (it takes no more calls) are its two turns."""

    def __init__(self, link: Link) -> None:
        super().__init__(link.options)
        self._link = link
        self._cutter: Cutter[FromHub] = Cutter(link_decoder, link.options.frame)
        self._unwritten: list[Pending] = []
        self.welcomed: asyncio.Future[None] = self._loop.create_future()
        self.over: asyncio.Future[None] = self._loop.create_future()

    def call(self, pending: Pending) -> None:
        """Send a call."""
        millis = int((pending.until - self._loop.time()) * 1000)
        self.send(Call(pending.id, pending.service, max(millis, 0), pending.payload))
        pending.connection = self
        self._unwritten.append(pending)

    def drop(self, pending: Pending) -> None:
        """Its caller has left."""
        if not self.over.done():
            self.send(Drop(pending.id))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's."""
        super().connection_made(transport)
        link = self._link
        link.connections.add(self)
        self.send(Hello(PROTOCOL, link.name, link.incarnation, link.seen, link.topics))

    def data_received(self, data: bytes) -> None:
        """asyncio's."""
        try:
            for frame in self._cutter.cut(data):
                if type(frame) is Reply:
                    self._settle(frame.id, frame.payload)
                else:
                    self._take(frame)
        except BrokenWire as fault:
            self._end(str(fault))
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's. What was never written is not lost."""
        self._link.connections.discard(self)
        self._end(f"the hub hung up{f': {exc}' if exc else ''}")
        for pending in self._unwritten:
            pending.connection = None
        for pending in list(self._link.calls.values()):
            if pending.connection is self:
                pending.connection = None
                if not pending.reply.done():
                    why = "did not answer before its connection broke: the outcome is unknown"
                    pending.reply.set_exception(Down(pending.service, why))

    def _take(self, frame: FromHub) -> None:
        match frame:
            case Message():
                self._link.on_message(frame)
            case Fault():
                self._fail(frame)
            case Welcome():
                self._welcome(frame)
            case Subscribed(topic):
                self._link.resync(topic)
            case Goodbye():
                self._end("the hub is leaving")
                self.flush()
                if self.transport is not None:
                    self.transport.write_eof()
            case Refusal(reason):
                raise BrokenWire(reason)

    def _welcome(self, welcome: Welcome) -> None:
        if welcome.protocol != PROTOCOL:
            raise BrokenWire(f"the hub speaks version {welcome.protocol}, we speak version {PROTOCOL}")
        if not self.welcomed.done():
            self.welcomed.set_result(None)
            self._link.on_welcome(self, welcome)

    def _settle(self, number: int, payload: bytes) -> None:
        pending = self._link.calls.get(number)
        if pending is not None:
            pending.connection = None
            if not pending.reply.done():
                pending.reply.set_result(payload)

    def _fail(self, fault: Fault) -> None:
        pending = self._link.calls.get(fault.id)
        if pending is None:
            return
        if fault.kind is Kind.NOT_TAKEN:
            self._link.on_not_taken(pending)
            return
        pending.connection = None
        if not pending.reply.done():
            pending.reply.set_exception(error_of(fault))

    def _end(self, why: str) -> None:
        self._link.on_leaving(self, why)
        if not self.over.done():
            self.over.set_result(None)
        if not self.welcomed.done():
            self.welcomed.set_exception(BrokenWire(why))

    def _flush(self) -> None:
        super()._flush()
        if self.transport is not None and not self.transport.is_closing():
            self._unwritten.clear()


def error_of(fault: Fault) -> Exception:
    """What a caller of the actor itself would have caught."""
    match fault.kind:
        case Kind.DECLINED:
            return Declined(fault.payload)
        case Kind.OVERLOADED:
            return Overloaded(fault.name, fault.capacity)
        case Kind.LATE:
            return TimeoutError(fault.text)
        case Kind.TOO_LARGE:
            return TooLarge(int(fault.text), fault.capacity)
        case _:
            return Down(fault.name, fault.text)
