"""For the tests of hubs and links: services that wait, what a link has heard, and a hub that says what a test wants."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from erlmcp.otp import ChildSpec
from tests.otp.company import started, stopped, until


class Gate:
    """A service that answers when it is let."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.asked: list[bytes] = []
        self.left = 0

    async def __call__(self, payload: bytes, _seconds: float) -> bytes:
        self.asked.append(payload)
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.left += 1
            raise
        return payload


@asynccontextmanager
async def run(child: ChildSpec) -> AsyncIterator[asyncio.Task[None]]:
    """A child on its own, so that a test can stop it when it likes."""
    task = await started(child.run)
    try:
        yield task
    finally:
        task.cancel()
        await stopped(task)


class Journal:
    """What a subscriber hears; `*` is a resync."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def deliver(self, payload: bytes) -> None:
        self.heard.append(payload)

    def resync(self) -> None:
        self.heard.append(b"*")

    async def hears(self, *expected: bytes) -> None:
        try:
            await until(lambda: len(self.heard) >= len(expected))
        finally:
            assert tuple(self.heard) == expected
        self.heard.clear()


class FakeHub:
    """Listens where a hub would; the test says what it answers."""

    def __init__(self, path: Path) -> None:
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.setblocking(False)
        self._sock.bind(str(path))
        self._sock.listen()

    async def accept(self) -> socket.socket:
        async with asyncio.timeout(5):
            peer, _ = await asyncio.get_running_loop().sock_accept(self._sock)
        return peer

    def close(self) -> None:
        self._sock.close()
