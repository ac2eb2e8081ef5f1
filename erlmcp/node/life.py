"""The life of a process that the arbiter started: build it, run its tree, beat, drain when told to or when orphaned.

The same for a worker and for the line process; what they are made of is a `Body`.
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
from typing import Protocol

import msgspec

from erlmcp.node.boot import LAST_WORDS, READY, Boot
from erlmcp.node.exits import Exit, Refusal
from erlmcp.node.pulse import Pulse
from erlmcp.node.sections import Sections, sections_of
from erlmcp.node.slab import Slab
from erlmcp.otp import GaveUp, Node, StartFailed, Supervisor
from erlmcp.telemetry import Log, setup

__all__ = ["Body", "Build", "Outfit", "leave_after", "live", "loop_factory"]

OURS = os.path.dirname(__file__)


class Outfit(msgspec.Struct, frozen=True):
    """What a body is built with."""

    boot: Boot
    sections: Sections
    slab: Slab
    log: Log


class Body(Protocol):
    """What a process is made of: `tree` runs, the rest follows its life."""

    tree: Supervisor

    @property
    def grace(self) -> float:
        """Seconds that it may take to leave once its arbiter is gone."""

    def ready(self) -> None:
        """The tree stands."""

    def drain(self) -> None:
        """The tree is about to stop."""

    def orphaned(self, leave: Callable[[], None]) -> None:
        """The arbiter is gone: call `leave` when it is time to."""

    def report(self) -> None:
        """Tell others how it goes, once a heartbeat."""

    def children(self) -> list[Node]:
        """What runs in it."""

    def close(self) -> None:
        """Let go of what it holds."""


Build = Callable[[Outfit], Body]


class Testament:
    """Around a part of a process's life: what ends it is told to the arbiter, with its traceback, and not printed here.

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
    while first is not None and (
        "importlib" in (name := first.tb_frame.f_code.co_filename) or os.path.dirname(name) == OURS
    ):
        first = first.tb_next
    return first or tb


def tell(pair: socket.socket, line: bytes) -> None:
    """Say one line to the arbiter. If it does not listen it is dead or stopped, and other means take over."""
    try:
        pair.send(line + b"\n", socket.MSG_DONTWAIT)
    except OSError:
        return


def live(command: str, arguments: list[str], build: Build) -> int:
    """From the boot that the arbiter wrote to the exit code. `arguments` end with `--boot` and a descriptor."""
    boot = _read_boot(command, arguments)
    pair = socket.socket(fileno=boot.fds.arbiter)
    faulthandler.enable(boot.fds.stacks)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    birth, life = Testament(pair, boot.fds.stacks), Testament(pair, boot.fds.stacks)
    with birth:
        sections = sections_of(boot.sections)
        factory = loop_factory(sections.node.loop)
        log = setup(sections.log, worker=boot.number)
        body = build(Outfit(boot, sections, Slab(boot.fds.slab, boot.slots), log))
    if birth.cause is not None:
        return Exit.CANNOT_BOOT
    with life, asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_live(body, sections.node.heartbeat_interval, log, pair))
    body.close()
    log.close()
    if isinstance(life.cause, StartFailed):
        return Exit.CANNOT_BOOT
    return Exit.OK if life.cause is None else Exit.NEGATIVE


def _read_boot(command: str, arguments: list[str]) -> Boot:
    try:
        fd = int(arguments[arguments.index("--boot") + 1])
        boot = msgspec.json.decode(os.pread(fd, os.fstat(fd).st_size, 0), type=Boot)
    except (ValueError, IndexError, OSError, msgspec.MsgspecError):
        sys.stderr.write(f"error: erlmcp {command} is started by erlmcp serve, which hands it its sockets\n")
        raise SystemExit(Exit.USAGE) from None
    os.close(fd)
    return boot


def loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    """Makes the loop of this name (`node.loop`)."""
    if name == "asyncio":
        return asyncio.SelectorEventLoop
    import uvloop  # noqa: PLC0415 - not wanted on plain asyncio

    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _live(body: Body, interval: float, log: Log, pair: socket.socket) -> None:
    """Until drained. Raises what ended the tree, if it was not us."""
    loop = asyncio.get_running_loop()
    pulse = Pulse(body, interval, lambda line: tell(pair, line))
    root = asyncio.create_task(body.tree.run(lambda: _serve(body, pulse, pair)), name="root")

    def leave() -> None:
        body.drain()
        root.cancel()

    def told() -> None:
        if root.cancelling():
            os._exit(Exit.NEGATIVE)  # told twice: the arbiter wants us gone now
        leave()

    def orphaned() -> None:
        body.orphaned(lambda: None if root.cancelling() else leave())

    loop.add_signal_handler(signal.SIGTERM, told)
    loop.add_signal_handler(signal.SIGUSR1, log.reopen)
    watch = threading.Thread(target=_mourn, args=(pair, loop, orphaned, body.grace), daemon=True, name="arbiter-watch")
    watch.start()
    try:
        await root
    except asyncio.CancelledError:
        return
    finally:
        pulse.stop()


def _serve(body: Body, pulse: Pulse, pair: socket.socket) -> None:
    """The tree stands: nothing of what was built so far will go before the process does."""
    gc.collect()
    gc.freeze()
    body.ready()
    pulse.start()
    tell(pair, READY)


def _mourn(pair: socket.socket, loop: asyncio.AbstractEventLoop, orphaned: Callable[[], None], grace: float) -> None:
    """Wait for the arbiter's end of the pair to close. A thread, so that a loop that stands still leaves too."""
    while True:
        try:
            if pair.recv(4096):
                continue
        except OSError:
            pass
        break
    try:
        loop.call_soon_threadsafe(orphaned)
    except RuntimeError:
        return  # the loop has ended by itself
    leave_after(grace)


def leave_after(seconds: float, code: int = Exit.TIMEOUT) -> None:
    """End this process with `code` when so long has passed, whatever it is doing."""
    timer = threading.Timer(seconds, os._exit, args=(code,))
    timer.daemon = True
    timer.start()
