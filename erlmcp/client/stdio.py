"""A server as a child process: newline-delimited JSON over its standard streams (stdio, all revisions).

It starts the child, carries lines, and sees to it that no child is left behind: the child leads a process group of its
own, and all of it ends with the client.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from erlmcp.client.errors import ConnectionFailed, Garbled
from erlmcp.client.message import Ask, Failed, Incoming, Notice, Reply, Sendable, read
from erlmcp.client.transport import Receive

__all__ = ["Stdio", "StdioTransport"]

_log: Final = logging.getLogger("erlmcp.client")

MAX_LINE: Final = 16 * 1024 * 1024  # bytes, as an answer over HTTP
MAX_WAITING: Final = 1000  # messages of one exchange that nobody took yet; later notifications are dropped
MAX_NOISE: Final = 1000  # lines that are no messages; a print that was forgotten is no reason to leave
LAST_WORDS: Final = 20  # lines of stderr kept to explain a death
INHERITED: Final = ("HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER", "LANG", "LC_ALL", "TMPDIR", "TZ")
"""What a server gets of our environment unless told otherwise: it is a stranger's program, our secrets are not its."""


class Stdio(msgspec.Struct, frozen=True):
    """A server to start.

    `env`: set on top of a small, harmless part of our environment (`inherit`: the whole of it). `stderr`: called with
    each line that the server writes there; by default they go to our own. `grace`: seconds that it has to leave, once
    when its input is closed and once after SIGTERM.
    """

    command: Sequence[str]
    env: Mapping[str, str] | None = None
    cwd: str | Path | None = None
    inherit: bool = False
    stderr: Callable[[str], object] | None = None
    grace: float = 2.0

    def environment(self) -> dict[str, str]:
        names = os.environ if self.inherit else INHERITED
        return {name: os.environ[name] for name in names if name in os.environ} | dict(self.env or {})


class _Meta(msgspec.Struct):
    subscription: Raw | UnsetType = msgspec.field(default=UNSET, name="io.modelcontextprotocol/subscriptionId")


class _Params(msgspec.Struct, rename="camel"):
    meta: _Meta | None = msgspec.field(default=None, name="_meta")
    progress_token: Raw | UnsetType = UNSET


_PARAMS: Final = msgspec.json.Decoder(_Params)


class StdioTransport:
    """A transport over a child."""

    repeats: Final = False
    closing_cancels: Final = False

    def __init__(self, server: Stdio, *, max_line: int = MAX_LINE) -> None:
        if isinstance(server.command, str) or not server.command:
            raise ValueError("a command is a list of words, like ['python', 'server.py']")
        self.url: Final = f"`{' '.join(server.command)}`"
        self._server: Final = server
        self._max: Final = max_line
        self._child: asyncio.subprocess.Process | None = None
        self._waiting: dict[bytes, asyncio.Queue[Incoming | Exception]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._last_words: deque[str] = deque(maxlen=LAST_WORDS)
        self._noise = 0
        self._gone: ConnectionFailed | Garbled | None = None
        self._receive: Receive = lambda _message: None

    @property
    def pid(self) -> int | None:
        """Of the child while there is one."""
        return self._child.pid if self._child is not None else None

    async def start(self, receive: Receive) -> None:
        self._receive = receive
        server = self._server
        try:
            self._child = await asyncio.create_subprocess_exec(
                *server.command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=server.environment(),
                cwd=server.cwd,
                limit=self._max,
                start_new_session=True,
            )
        except (OSError, ValueError) as fault:
            why = getattr(fault, "strerror", None) or fault
            raise ConnectionFailed(f"{self.url} cannot be started: {why}", sent=False) from fault
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._read_stderr())]

    def settle(self, version: str, *, modern: bool) -> None:
        """Nothing depends on it here."""

    async def listen(self) -> None:
        """What the server sends on its own comes as it is."""

    async def exchange(self, message: Sendable) -> AsyncGenerator[Incoming, None]:
        answers: asyncio.Queue[Incoming | Exception] = asyncio.Queue()
        self._waiting[message.raw_id] = answers
        try:
            await self._write(message.body)
            while True:
                each = await answers.get()
                if isinstance(each, Exception):
                    raise each
                yield each
                if isinstance(each, Reply | Failed):
                    return
        finally:
            del self._waiting[message.raw_id]

    async def tell(self, body: bytes) -> None:
        await self._write(body)

    async def aclose(self) -> None:
        """Close its input and wait; then SIGTERM, then SIGKILL, to it and its children."""
        child = self._child
        if child is None:
            return
        try:
            if child.stdin is not None:
                child.stdin.close()
            if not await self._left(child):
                self._signal(signal.SIGTERM)
                await self._left(child)
        finally:
            self._signal(signal.SIGKILL)  # the group: a child may be gone and its own children not
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await child.wait()
            child._transport.close()  # type: ignore[attr-defined]
            self._child = None

    # Writing

    async def _write(self, body: bytes) -> None:
        child = self._child
        if self._gone is not None:
            raise self._gone
        if child is None or child.stdin is None:
            raise ConnectionFailed(f"{self.url} is not running", sent=False)
        try:
            child.stdin.write(body + b"\n")
            await child.stdin.drain()
        except (OSError, RuntimeError) as fault:  # uvloop: RuntimeError for a pipe that is closed
            raise await self._death(child) from fault

    def _signal(self, number: signal.Signals) -> None:
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, number)

    async def _left(self, child: asyncio.subprocess.Process) -> bool:
        try:
            async with asyncio.timeout(self._server.grace):
                await child.wait()
        except TimeoutError:
            return False
        return True

    # Reading

    async def _read(self) -> None:
        child = self._child
        assert child is not None and child.stdout is not None  # noqa: S101, PT018 - for the type checker
        try:
            while line := await child.stdout.readline():
                if line.strip():
                    self._take(line)
            self._end(await self._death(child))
        except ValueError:  # what StreamReader raises for a line above its limit
            self._end(Garbled(f"{self.url} writes a line of more than {self._max} bytes"))
        except Garbled as fault:
            self._end(fault)

    def _take(self, line: bytes) -> None:
        try:
            messages = read(line)
        except Garbled as fault:
            self._noise += 1
            if self._noise > MAX_NOISE:
                raise Garbled(f"{self.url} writes to its standard output what are no messages") from fault
            _log.warning("%s writes what is no message: %r", self.url, line[:200].decode(errors="replace").rstrip())
            return
        for message in messages:
            self._route(message)

    def _route(self, message: Incoming) -> None:
        if isinstance(message, Ask):
            self._receive(message)
            return
        if isinstance(message, Notice):
            answers = self._waiting.get(_about(message))
            if answers is None:
                self._receive(message)
            elif answers.qsize() < MAX_WAITING:
                answers.put_nowait(message)
            else:
                _log.debug("dropped %s: %d wait already", message.method, MAX_WAITING)
            return
        answers = self._waiting.get(message.id)
        if answers is not None:
            answers.put_nowait(message)
        else:  # most likely of a request that was cancelled
            _log.debug("dropped an answer to nobody's request")

    def _end(self, fault: ConnectionFailed | Garbled) -> None:
        self._gone = fault
        for answers in self._waiting.values():
            answers.put_nowait(fault)

    async def _death(self, child: asyncio.subprocess.Process) -> ConnectionFailed:
        """Why there is no more to read, with the last words of the server."""
        left = await self._left(child)
        if len(self._tasks) > 1:
            await asyncio.wait(self._tasks[1:], timeout=0.5)  # its last lines may still be in the pipe
        how = f"ended with exit code {child.returncode}" if left else "closed its output"
        words = "".join(f"\n  {line}" for line in self._last_words)
        return ConnectionFailed(f"{self.url} {how}{words}", sent=True)

    async def _read_stderr(self) -> None:
        child = self._child
        assert child is not None and child.stderr is not None  # noqa: S101, PT018 - for the type checker
        pass_on = self._server.stderr or _echo
        rest = b""
        while chunk := await child.stderr.read(8192):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > 65536:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._hear(line, pass_on)
        if rest:
            self._hear(rest, pass_on)

    def _hear(self, line: bytes, pass_on: Callable[[str], Any]) -> None:
        text = line.decode(errors="replace").rstrip("\r")
        self._last_words.append(text[:500])
        pass_on(text)


def _about(notice: Notice) -> bytes:
    """The raw id of the request that a notification is about: our progress tokens are ids, too. Empty: of none."""
    try:
        params = _PARAMS.decode(notice.params)
    except (msgspec.DecodeError, RecursionError):
        return b""
    if params.meta is not None and params.meta.subscription is not UNSET:
        return bytes(params.meta.subscription)
    if notice.method == "notifications/progress" and params.progress_token is not UNSET:
        return bytes(params.progress_token)
    return b""


def _echo(line: str) -> None:
    sys.stderr.write(line + "\n")
