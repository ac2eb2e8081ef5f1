"""The unix socket of a hub: made with mode 0600, replaced when a dead hub left it behind, however long its path."""

import errno
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PATH_LIMIT = 100  # bytes; sun_path holds 108 on Linux (unix(7)), 104 on macOS


@contextmanager
def _address(path: Path) -> Iterator[str]:
    """A spelling of `path` that fits into a socket address."""
    if len(os.fsencode(path)) <= PATH_LIMIT:
        yield str(path)
        return
    fd = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{path.name}"
    finally:
        os.close(fd)


def listen(path: Path, backlog: int) -> socket.socket:
    """A listening socket at `path`. OSError (EADDRINUSE) when a living process has it, or it is no socket.

    Two that start at once are not told apart: whoever owns the directory keeps the second away.
    """
    with _address(path) as address:
        if _is_stale(path, address):
            path.unlink(missing_ok=True)
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.setblocking(False)
            sock.bind(address)
            path.chmod(0o600)  # nobody can connect before it listens
            sock.listen(backlog)
        except OSError as fault:
            sock.close()
            raise OSError(fault.errno, f"{os.strerror(fault.errno or errno.EIO)}: {path}") from fault
    return sock


def _is_stale(path: Path, address: str) -> bool:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return False
        connect_to(address).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False  # not there, or somebody too busy to answer
    return False


def connect(path: Path) -> socket.socket:
    """A connected socket. OSError when nobody listens, or its backlog is full."""
    with _address(path) as address:
        return connect_to(address)


def connect_to(address: str) -> socket.socket:
    """A unix socket connects at once or not at all, so this does not block."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.setblocking(False)
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    return sock


def remove(path: Path, inode: int) -> None:
    """Take the file away, unless a successor has put its own there."""
    with suppress(FileNotFoundError):
        if path.lstat().st_ino == inode:
            path.unlink()
