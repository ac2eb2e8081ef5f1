"""The two ends of the file of keys: the line process keeps it and rotates it, every process of the node reads it.

They do not know what is sealed.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from erlmcp.backplane.keys import FILE, KeysDamaged, Ring, read, rotated, write
from erlmcp.mcp import KEY_BYTES
from erlmcp.otp import ChildSpec

__all__ = ["ROTATED", "FileRing", "KeyKeeper", "make_keys"]

ROTATED: Final = "mcp.keys"
"""The topic on which the line process says that there is another key."""

LOOK: Final = 5.0
"""Seconds between two looks at the file."""

_log: Final = logging.getLogger("erlmcp.backplane")

Stamp = tuple[int, int, int]
"""What tells one version of the file from another: inode, time, size."""


class FileRing:
    """An `mcp.KeyRing`: the file as one process has read it, at the first use and whenever it has changed."""

    def __init__(self, place: Path) -> None:
        self._path = place / FILE
        self._stamp: Stamp | None = None
        self._secrets: Sequence[bytes] = ()
        self._told = ""

    def keys(self) -> Sequence[bytes]:
        """See `mcp.KeyRing`. Raises KeysDamaged or OSError at the first use, when there is nothing to seal with."""
        if not self._secrets:
            self._read(_stamp_of(self._path))
        return self._secrets

    def refresh(self) -> None:
        """See `mcp.KeyRing`. A look costs a microsecond or two, and only another file is read."""
        try:
            stamp = _stamp_of(self._path)
            if stamp != self._stamp:
                self._read(stamp)
        except (KeysDamaged, OSError) as fault:
            if str(fault) != self._told:  # anybody can make up tokens that lead here
                _log.error("the keys stay as they are: %s", fault)
            self._told = str(fault)

    def _read(self, stamp: Stamp) -> None:
        self._stamp = stamp
        self._secrets = tuple(key.secret for key in read(self._path))


class KeyKeeper:
    """The child of the line process that has the file there, and its first key young.

    A file that was taken away or damaged while the node runs is written again from memory. `publish` tells all that
    there is another key, `clock` is the time in UTC.
    """

    def __init__(
        self,
        place: Path,
        days: int,
        publish: Callable[[str, bytes], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._path, self._days, self._publish, self._clock = place / FILE, days, publish, clock
        self._ring: Ring = ()
        self._told = ""

    def child(self) -> ChildSpec:
        """Its spec."""
        return ChildSpec("keys", self.run)

    async def run(self, ready: Callable[[], None]) -> None:
        """Be the keeper, until cancelled."""
        self.look()
        ready()
        while True:
            await asyncio.sleep(LOOK)
            self.look()

    def look(self) -> None:
        """Have the file as it should be."""
        there = self._find()
        wanted = rotated(there or self._ring, self._clock(), self._days, partial(os.urandom, KEY_BYTES))
        if wanted != there:
            try:
                write(self._path, wanted)
            except OSError as fault:
                self._say(f"{self._path} can not be written: {fault.strerror or fault}")
                return
        if self._ring and wanted != self._ring:
            self._publish(ROTATED, b"")
        self._ring, self._told = wanted, ""

    def _find(self) -> Ring:
        """What is in the file; nothing when there is none, or none that can be used."""
        try:
            return read(self._path)
        except FileNotFoundError:
            self._say(f"{self._path} is gone; it is written again")
        except KeysDamaged as fault:
            self._say(str(fault))
            self._set_aside()
        except OSError as fault:
            self._say(f"{self._path} can not be read: {fault.strerror or fault}")
        return ()

    def _set_aside(self) -> None:
        try:
            self._path.replace(self._path.with_name(f"{FILE}.damaged"))
        except OSError as fault:
            self._say(f"{self._path} can not be moved away: {fault.strerror or fault}")

    def _say(self, fault: str) -> None:
        if fault != self._told:
            _log.error("%s", fault)
        self._told = fault


def make_keys(place: Path, now: datetime) -> None:
    """Have a file of keys in the data directory, before anything runs. Raises KeysDamaged, OSError."""
    path = place / FILE
    try:
        read(path)
    except FileNotFoundError:
        write(path, rotated((), now, 1, partial(os.urandom, KEY_BYTES)))
    if path.stat().st_mode & 0o007:
        _log.warning("%s could be read by everybody on this machine; from now on its owner alone can", path)
        path.chmod(0o600)


def _stamp_of(path: Path) -> Stamp:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size
