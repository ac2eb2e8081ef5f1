"""One till, as a local actor and behind a hub: what a caller sees of the two must be the same."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from erlmcp.otp import Actor, ChildSpec, Declined, Hub, Link, RemoteOptions, Strategy, Supervisor
from erlmcp.otp.remote_wire import PROTOCOL, Cutter, Hello, link_decoder, put
from tests.otp.company import running

FRAME = RemoteOptions().frame


class NotEnough(Exception):
    """The answer is no."""


class Till(Actor):
    """Money in a till. `gate` holds it up, so that a test can fill the mailbox."""

    refusals = (NotEnough,)

    def __init__(self, *, capacity: int = 1000) -> None:
        super().__init__(capacity=capacity)
        self.gate = asyncio.Event()
        self.gate.set()
        self.busy = asyncio.Event()
        self.lives = 0

    async def init(self) -> None:
        self.lives += 1
        self.money = 0

    async def put(self, amount: int, timeout: float = 5.0) -> int:
        return await self.call(self._put, amount, timeout=timeout)

    async def _put(self, amount: int) -> int:
        self.busy.set()
        await self.gate.wait()
        self.money += amount
        return self.money

    def drop(self, amount: int) -> None:
        self.cast(self._put, amount)

    async def take(self, amount: int, timeout: float = 5.0) -> int:
        return await self.call(self._take, amount, timeout=timeout)

    async def _take(self, amount: int) -> int:
        if amount > self.money:
            raise NotEnough(f"only {self.money} left")
        self.money -= amount
        return self.money

    async def smash(self, timeout: float = 5.0) -> int:
        return await self.call(self._smash, timeout=timeout)

    async def _smash(self) -> int:
        self.busy.set()
        await self.gate.wait()
        raise RuntimeError("smashed")


class Order(msgspec.Struct, frozen=True):
    verb: str
    amount: int = 0


def serve(till: Till) -> Callable[[bytes, float], "asyncio.Future[bytes]"]:
    """The till as a service."""

    async def service(payload: bytes, seconds: float) -> bytes:
        order = msgspec.msgpack.decode(payload, type=Order)
        try:
            match order.verb:
                case "put":
                    answer = await till.put(order.amount, seconds)
                case "take":
                    answer = await till.take(order.amount, seconds)
                case _:
                    answer = await till.smash(seconds)
        except NotEnough as no:
            raise Declined(str(no).encode()) from no
        return msgspec.msgpack.encode(answer)

    return service


async def echo(payload: bytes, _seconds: float) -> bytes:
    return payload


class RemoteTill:
    """The typed reference."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def put(self, amount: int, timeout: float = 5.0) -> int:
        return await self._ask(Order("put", amount), timeout)

    def drop(self, amount: int) -> None:
        self._link.cast("till", msgspec.msgpack.encode(Order("put", amount)))

    async def take(self, amount: int, timeout: float = 5.0) -> int:
        return await self._ask(Order("take", amount), timeout)

    async def smash(self, timeout: float = 5.0) -> int:
        return await self._ask(Order("smash"), timeout)

    async def _ask(self, order: Order, timeout: float) -> int:
        try:
            return msgspec.msgpack.decode(await self._link.call("till", msgspec.msgpack.encode(order), timeout))
        except Declined as no:
            raise NotEnough(no.payload.decode()) from no


class Reference(Protocol):
    async def put(self, amount: int, timeout: float = 5.0) -> int: ...
    def drop(self, amount: int) -> None: ...
    async def take(self, amount: int, timeout: float = 5.0) -> int: ...
    async def smash(self, timeout: float = 5.0) -> int: ...


class Shop(msgspec.Struct):
    """A running till and the reference that its callers have. `heard`: everything sent so far has arrived there."""

    till: Till
    reference: Reference
    heard: Callable[[], "asyncio.Future[object]"]


async def nothing() -> None:
    """A local call has arrived when it was made."""


@asynccontextmanager
async def open_shop(where: str, folder: Path, **options) -> AsyncIterator[Shop]:
    """`where`: local or remote."""
    till = Till(**options)
    if where == "local":
        async with running(Supervisor(Strategy.ONE_FOR_ONE, 3, 60.0, [till.child()])):
            yield Shop(till, till, nothing)
        return
    hub = Hub(folder / "hub.sock", {"till": serve(till), "echo": echo})
    link = Link(folder / "hub.sock")
    children = [till.child(), hub.child(), link.child()]
    async with running(Supervisor(Strategy.ONE_FOR_ONE, 3, 60.0, children)):
        yield Shop(till, RemoteTill(link), lambda: link.call("echo", b""))


@asynccontextmanager
async def alive(*children: Hub | Link | ChildSpec) -> AsyncIterator[None]:
    """Children that run, and are stopped from the right to the left."""
    specs = [child if isinstance(child, ChildSpec) else child.child() for child in children]
    async with running(Supervisor(Strategy.ONE_FOR_ONE, 3, 60.0, specs)):
        yield


class Raw:
    """A peer that says what a link would never say. Blocks no loop."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self._cutter = Cutter(link_decoder, FRAME)
        self._frames: list[object] = []

    @classmethod
    async def at(cls, path: Path) -> "Raw":
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        sock.connect(str(path))
        return cls(sock)

    async def say(self, *frames: object) -> None:
        buffer = bytearray()
        for frame in frames:
            put(frame, buffer, FRAME)
        await self.write(bytes(buffer))

    async def write(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    async def hello(self, *topics: str, protocol: int = PROTOCOL) -> object:
        await self.say(Hello(protocol, "raw", 0, 0, topics))
        return await self.frame()

    async def frame(self) -> object:
        """The next frame; None at the end."""
        async with asyncio.timeout(5):
            while not self._frames:
                try:
                    data = await asyncio.get_running_loop().sock_recv(self.sock, 65536)
                except ConnectionResetError:
                    return None
                if not data:
                    return None
                self._frames += self._cutter.cut(data)
        return self._frames.pop(0)

    def close(self) -> None:
        self.sock.close()
