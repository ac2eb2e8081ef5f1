"""The place where the file is to live: the directory, its file system, its owner.

The owner's lock is a file beside the database, `NAME.owner`: locked (flock) while a process owns the database, whoever
kills it; and its text says how the last owner left: empty after a clean close, else which process on which boot.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from enum import Enum
from pathlib import Path

from erlmcp.store.errors import DiskFull, Locked, Missing, ReadOnly, StoreError, Unsafe

__all__ = [
    "LastExit",
    "Ownership",
    "check_file_system",
    "check_room",
    "file_system_of",
    "identities",
    "make_file",
    "refusal",
    "sync_directory",
]

#: Where several machines, or a machine and its guest, may open one file: neither locks nor shared memory carry over.
_NETWORK = frozenset({
    "9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs", "gfs2", "glusterfs", "lustre", "ncpfs",
    "nfs", "nfs4", "ocfs2", "smb3", "smbfs",
})  # fmt: skip
_ROOM = 1024 * 1024


class LastExit(Enum):
    """How the last owner ended."""

    CLEAN = "clean"
    KILLED = "killed"  # the machine ran on: what was written is in the page cache
    MACHINE_DOWN = "machine down"  # or unknown: what was not synced is lost, and a page may be torn


class Ownership:
    """The right to be the one writer, and the memory of how the last one left."""

    def __init__(self, path: Path, fd: int, boot: str) -> None:
        self.path = path
        self.last_exit = _last_exit(_text(fd), boot)
        self._fd = fd
        self._boot = boot

    @classmethod
    def take(cls, database: Path, boot: str = "") -> "Ownership":
        """Make the directory if need be and take the lock. `boot`: tells boots apart; read from the kernel if empty.

        Raises ReadOnly, DiskFull, Locked.
        """
        path = Path(f"{database}.owner")
        boot = boot or _boot()
        fd = _open_lock(path)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _text(fd).split()
            os.close(fd)
            who = f"process {holder[0]}" if holder else "another process"
            raise Locked(f"{database}: {who} owns it: one node at a time uses a data directory") from None
        return cls(path, fd, boot)

    def enter(self) -> None:
        """From here on an end without `leave(clean=True)` is an unclean exit. Raises DiskFull."""
        try:
            text = f"{os.getpid()} {self._boot}\n".encode()
            os.pwrite(self._fd, text, 0)  # before the old text is cut: a full disk must not make it look clean
            os.ftruncate(self._fd, len(text))
            os.fsync(self._fd)
        except OSError as error:
            raise refusal(error, self.path) from error

    def leave(self, *, clean: bool) -> None:
        """Give up the ownership."""
        if clean:
            os.ftruncate(self._fd, 0)
        os.close(self._fd)


def check_file_system(directory: Path, mounts: Iterable[str] | None = None) -> None:
    """Raise Unsafe on a network file system. `mounts`: lines of /proc/self/mountinfo; read if None."""
    if mounts is None:
        try:
            mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return  # not Linux: SQLite's own checks remain
    kind = file_system_of(directory.resolve(), mounts)
    if kind in _NETWORK:
        raise Unsafe(f"{directory} is on {kind}: SQLite's WAL needs a local disk; point node.data_dir at one")


def file_system_of(directory: Path, mounts: Iterable[str]) -> str:
    """The type of the file system that holds an absolute path, by the longest mount point above it (proc(5))."""
    best, kind = -1, ""
    for line in mounts:
        fields, _, tail = line.partition(" - ")
        point = Path(fields.split()[4].replace("\\040", " "))
        if directory.is_relative_to(point) and len(point.parts) >= best:  # of two mounts on one point the later one
            best, kind = len(point.parts), tail.split()[0]
    return kind


def check_room(directory: Path, size: int = 0) -> None:
    """Raise DiskFull when `size` bytes and the WAL's first pages would not fit."""
    if (free := shutil.disk_usage(directory).free) < _ROOM + size:
        raise DiskFull(f"{directory} has {free} bytes free and needs at least {_ROOM + size}: free some space")


def make_file(path: Path) -> None:
    """An empty file for this user alone, if there is none. (SQLite gives its WAL the mode of the database.)"""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        sync_directory(path.parent)
        with suppress(PermissionError):  # the directory may be new as well; where it is not, its parent may be private
            sync_directory(path.parent.parent)
    except FileExistsError:
        return
    except OSError as error:
        raise refusal(error, path) from error


def identities(path: Path) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """Which files the database and its WAL are; None: not there."""
    return _identity(str(path)), _identity(f"{path}-wal")


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable; SQLite does so for its WAL, not for the database."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _open_lock(path: Path) -> int:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise refusal(error, path) from error


def _identity(name: str) -> tuple[int, int] | None:
    try:
        found = os.stat(name)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _text(fd: int) -> str:
    return os.pread(fd, 100, 0).decode(errors="replace")


def refusal(error: OSError, path: Path) -> StoreError:
    """The system's error about a file that was to be written, as one of ours."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DiskFull(f"{path}: {error.strerror}: free some space")
    if isinstance(error, FileNotFoundError):
        return Missing(f"{path}: {error.strerror}")
    return ReadOnly(f"{path}: {error.strerror}: the data directory must be a directory this user can write to")


def _last_exit(left: str, boot: str) -> LastExit:
    if not left.strip():
        return LastExit.CLEAN
    return LastExit.KILLED if boot and left.split()[1:] == [boot] else LastExit.MACHINE_DOWN


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
