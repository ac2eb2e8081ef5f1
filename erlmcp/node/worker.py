"""One worker process: load the app, build the tree, say that it lives, drain when told to or when the arbiter is gone.

It is started by the arbiter with inherited sockets (`erlmcp worker --boot FD`) and binds nothing itself.
"""

import asyncio
import faulthandler
import gc
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

import msgspec

from erlmcp.node.boot import LAST_WORDS, READY, Boot
from erlmcp.node.exits import Exit, Refusal
from erlmcp.node.loading import load_app
from erlmcp.node.pulse import Pulse
from erlmcp.node.sections import Sections, sections_of
from erlmcp.node.slab import Slab
from erlmcp.node.station import Station
from erlmcp.otp import GaveUp, StartFailed
from erlmcp.telemetry import Log, setup

__all__ = ["main"]

OURS = {__file__, load_app.__code__.co_filename}
ORPHAN_GRACE = 5.0  # seconds beyond its drain that a worker without an arbiter may take


class Testament:
    """Around a part of a worker's life: what ends it is told to the arbiter, with its traceback, and not printed here.

    Four workers that fail alike would print it four times; the arbiter shows it once.
    """

    def __init__(self, pair: socket.socket, stacks: int) -> None:
        self._pair, self._stacks = pair, stacks
        self.cause: BaseException | None = None

    def __enter__(self) -> "Testament":
        return self

    def __exit__(self, kind: type[BaseException] | None, cause: BaseException | None, tb: TracebackType | None) -> bool:
        self.cause = cause
        if cause is None:
            return True
        if not isinstance(cause, Refusal | StartFailed | GaveUp):  # the supervisor has told what those hold
            lines = traceback.format_exception(kind, cause, _below_us(tb))
            os.write(self._stacks, "".join(lines).encode(errors="replace"))
        words = cause.message if isinstance(cause, Refusal) else f"{type(cause).__name__}: {cause}"
        tell(self._pair, LAST_WORDS + " ".join(words.split()).encode(errors="replace"))
        return True


def _below_us(tb: TracebackType | None) -> TracebackType | None:
    """The traceback from the app's first frame on; the whole of it when it has none."""
    first = tb
    while first is not None and ("importlib" in (name := first.tb_frame.f_code.co_filename) or name in OURS):
        first = first.tb_next
    return first or tb


def tell(pair: socket.socket, line: bytes) -> None:
    """Say one line to the arbiter. If it does not listen it is dead or stopped, and other means take over."""
    try:
        pair.send(line + b"\n", socket.MSG_DONTWAIT)
    except OSError:
        return


def main(arguments: list[str]) -> int:
    """The life of a worker; returns its exit code."""
    boot = _read_boot(arguments)
    pair = socket.socket(fileno=boot.fds.arbiter)
    faulthandler.enable(boot.fds.stacks)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    birth, life = Testament(pair, boot.fds.stacks), Testament(pair, boot.fds.stacks)
    with birth:
        sections = sections_of(boot.sections)
        loop_factory = _loop_factory(sections.node.loop)
        log = setup(sections.log, worker=boot.number)
        app = load_app(sections.node.app)
        station = Station(app, sections, boot, Slab(boot.fds.slab, boot.slots), log)
    if birth.cause is not None:
        return Exit.CANNOT_BOOT
    with life, asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(_live(station, sections, log, pair))
    station.close()
    log.close()
    if isinstance(life.cause, StartFailed):
        return Exit.CANNOT_BOOT
    return Exit.OK if life.cause is None else Exit.NEGATIVE


def _read_boot(arguments: list[str]) -> Boot:
    """What the arbiter wrote for us; `arguments` are a name for the process list, `--boot` and a descriptor."""
    if "--boot" not in arguments[:-1]:
        sys.stderr.write("error: erlmcp worker is started by erlmcp serve, which hands it its sockets\n")
        raise SystemExit(Exit.USAGE)
    fd = int(arguments[arguments.index("--boot") + 1])
    size = os.fstat(fd).st_size
    boot = msgspec.json.decode(os.pread(fd, size, 0), type=Boot)
    os.close(fd)
    return boot


def _loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if name == "asyncio":
        return asyncio.SelectorEventLoop
    import uvloop  # noqa: PLC0415 - not wanted on plain asyncio

    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _live(station: Station, sections: Sections, log: Log, pair: socket.socket) -> None:
    """Until drained. Raises what ended the tree, if it was not us."""
    loop = asyncio.get_running_loop()
    pulse = Pulse(station, sections.node.heartbeat_interval, lambda line: tell(pair, line))
    root = asyncio.create_task(station.tree.run(lambda: _serve(station, pulse, pair)), name="root")

    def drain() -> None:
        if root.cancelling():
            os._exit(Exit.NEGATIVE)  # told twice: the arbiter wants us gone now
        station.drain()
        root.cancel()

    loop.add_signal_handler(signal.SIGTERM, drain)
    loop.add_signal_handler(signal.SIGUSR1, log.reopen)
    budget = sections.http.drain + ORPHAN_GRACE
    threading.Thread(target=_mourn, args=(pair, loop, drain, budget), daemon=True, name="arbiter-watch").start()
    try:
        await root
    except asyncio.CancelledError:
        return
    finally:
        pulse.stop()


def _serve(station: Station, pulse: Pulse, pair: socket.socket) -> None:
    """The tree stands: nothing of what was built so far will go before the process does."""
    gc.collect()
    gc.freeze()
    station.ready()
    pulse.start()
    tell(pair, READY)


def _mourn(pair: socket.socket, loop: asyncio.AbstractEventLoop, drain: Callable[[], None], budget: float) -> None:
    """Wait for the arbiter's end of the pair to close. A thread, so that a loop that stands still leaves too."""
    while True:
        try:
            if pair.recv(4096):
                continue
        except OSError:
            pass
        break
    try:
        loop.call_soon_threadsafe(drain)
    except RuntimeError:
        return  # the loop has ended by itself
    _leave_after(budget)


def _leave_after(seconds: float) -> Any:
    timer = threading.Timer(seconds, os._exit, args=(Exit.TIMEOUT,))
    timer.daemon = True
    timer.start()
