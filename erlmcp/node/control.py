"""The control socket: how `erlmcp ping`, `status`, `stop`, `reload` reach a node, and who owns a data directory.

One line asks, lines of JSON (or `pong`) answer; the directory's permissions (0700) are the access control. It knows
nothing of what the verbs do. Kept light: `ping` is an exec probe.
"""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from erlmcp.node.exits import Exit, Refusal

__all__ = ["Asker", "DataDir", "ask", "make_directory", "open_door"]

SOCKET = "control.sock"
PID = "erlmcp.pid"
MAX_QUESTION = 256  # bytes
MAX_ANSWER = 16 * 1024 * 1024
_NODE = "the running node with pid {}; stop it (erlmcp stop)"
PATH_LIMIT = 100  # sun_path holds 108 bytes on Linux, 104 on macOS


def make_directory(path: Path) -> None:
    """Make a data directory (0700) unless it is there. Refusal(CONFIG) says what is in the way."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError as fault:
        raise _unusable(path, "it is a file, not a directory") from fault
    except OSError as fault:
        raise _unusable(path, f"it can not be made: {fault.strerror}") from fault


def _unusable(path: Path, why: str) -> Refusal:
    return Refusal(Exit.CONFIG, f"can not use the data directory {path}: {why}; give another with --data-dir")


class DataDir:
    """A directory that this node owns until `close`: one node each, by a lock that ends with the process."""

    def __init__(self, path: Path, holder: str = "") -> None:
        """Make it and take it. Refusal: CONFLICT when another has it, CONFIG when it can not be used.

        `holder`: what takes it, where that is not a node that `erlmcp stop` reaches.
        """
        self.path = path
        make_directory(path)
        try:
            self._fd = os.open(path / PID, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as fault:
            raise _unusable(path, f"{PID} in it can not be written: {fault.strerror}") from fault
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            owner, _, other = os.pread(self._fd, 64, 0).decode(errors="replace").strip().partition(" ")
            os.close(self._fd)
            whose = (
                f"{other}, with pid {owner}; close the client that started it" if other else _NODE.format(owner or "?")
            )
            raise Refusal(
                Exit.CONFLICT, f"the data directory {path} belongs to {whose} or give another with --data-dir"
            ) from fault
        try:
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()} {holder}".rstrip().encode() + b"\n", 0)
        except OSError as fault:
            os.close(self._fd)
            raise _unusable(path, f"{PID} in it can not be written: {fault.strerror}") from fault

    def close(self) -> None:
        """Give the directory back."""
        with suppress(OSError):
            (self.path / SOCKET).unlink(missing_ok=True)
        os.ftruncate(self._fd, 0)
        os.close(self._fd)


@contextmanager
def _short(directory: Path) -> Iterator[str]:
    """A path to the control socket that fits into a socket address, however deep the directory is."""
    path = str(directory / SOCKET)
    if len(os.fsencode(path)) <= PATH_LIMIT:
        yield path
        return
    fd = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{SOCKET}"
    finally:
        os.close(fd)


def open_door(directory: DataDir) -> socket.socket:
    """Listen on the control socket; one that a killed node left behind is replaced, the lock says that it is dead.

    Refusal(CONFIG) where there can be no socket, as on some file systems that are shared with another machine.
    """
    door = socket.socket(socket.AF_UNIX)
    door.setblocking(False)
    mask = os.umask(0o177)
    try:
        (directory.path / SOCKET).unlink(missing_ok=True)
        with _short(directory.path) as path:
            door.bind(path)
        door.listen(16)
    except OSError as fault:
        door.close()
        raise _unusable(directory.path, f"{SOCKET} in it can not be made: {fault.strerror}") from fault
    finally:
        os.umask(mask)
    return door


@dataclass(slots=True, eq=False)
class Asker:
    """One connection to the control socket. It asks once; `until` is when we stop waiting for its question."""

    sock: socket.socket
    until: float
    _question: bytes = b""

    def read(self) -> str | None:
        """The verb, once its line is whole; "" when the peer is gone or talks nonsense; None while more is to come."""
        try:
            data = self.sock.recv(MAX_QUESTION)
        except BlockingIOError:
            return None
        except OSError:
            return ""
        self._question += data
        if b"\n" in self._question:
            line = self._question.split(b"\n", 1)[0]
            return "" if len(line) >= MAX_QUESTION else line.decode(errors="replace").strip() or "?"
        return "" if not data or len(self._question) > MAX_QUESTION else None

    def answer(self, text: str) -> None:
        """Say it and hang up. A peer that does not read loses its answer."""
        try:
            self.sock.settimeout(1.0)
            self.sock.sendall(text.encode() + b"\n")
        except OSError:
            pass
        finally:
            self.sock.close()


def ask(directory: Path, verb: str, timeout: float | None) -> str:
    """Ask the node that owns `directory`; waits up to `timeout` seconds (None: as long as it takes).

    Raises `Refusal`: UNREACHABLE when no node is there, TIMEOUT when it does not answer in time.
    """
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(timeout)
    try:
        with _short(directory) as path:
            sock.connect(path)
        sock.sendall(f"{verb}\n".encode())
        answer = bytearray()
        while len(answer) < MAX_ANSWER and (data := sock.recv(65536)):
            answer += data
    except TimeoutError as fault:
        raise Refusal(Exit.TIMEOUT, f"the node in {directory} did not answer {verb} within {timeout:g} s") from fault
    except OSError as fault:
        raise Refusal(
            Exit.UNREACHABLE, f"no node runs in {directory}: {fault.strerror}; is --data-dir right?"
        ) from fault
    finally:
        sock.close()
    if not answer.endswith(b"\n"):
        raise Refusal(Exit.UNREACHABLE, f"the node in {directory} hung up before it had answered {verb}")
    return answer.decode().rstrip("\n")
