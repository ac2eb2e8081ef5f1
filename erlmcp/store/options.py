"""What an operator may set about the store: sizes in bytes, times in seconds."""

from typing import Annotated

from msgspec import Meta, Struct

__all__ = ["Options"]

MIB = 1024 * 1024
Seconds = Annotated[float, Meta(gt=0, le=3600)]
Count = Annotated[int, Meta(ge=1)]


class Options(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Limits and habits of one process's connections to the database file."""

    busy_timeout: Annotated[float, Meta(ge=0, le=3600)] = 5.0
    """How long a statement waits for another process's lock. Only the owner writes, so nobody should hold one."""

    readers: Annotated[int, Meta(ge=1, le=64)] = 2
    """Read-only connections, each with a thread. SQLite runs them at once; Python's part of a read does not."""

    read_queue: Annotated[int, Meta(ge=0)] = 256
    """Reads that may wait for a connection; the next one is refused as Busy."""

    read_timeout: Seconds = 5.0
    """After so long a read is ended (TooSlow): a reader that stays holds up the truncation of the WAL."""

    write_queue: Annotated[int, Meta(ge=0)] = 64
    """Transactions that may wait for the one under way; the next one is refused as Busy."""

    cache: Annotated[int, Meta(ge=MIB)] = 16 * MIB
    """Pages that the writing connection keeps in memory. A transaction that changes more spills into the WAL early."""

    checkpoint: Annotated[int, Meta(ge=64 * 1024)] = 4 * MIB
    """The WAL is copied into the database beyond this size: SQLite's own default of 1,000 pages."""

    wal_limit: Annotated[int, Meta(ge=256 * 1024)] = 256 * MIB
    """The WAL grows beyond this by one transaction at most: a reader that holds it up costs writes, not the disk."""

    idle: Seconds = 5.0
    """After so long without a commit the WAL is copied and emptied, so that a quiet node leaves one whole file."""

    check_limit: Annotated[int, Meta(ge=0)] = 256 * MIB
    """After its process was killed, a file up to this size is checked before it is used (a second at most). After the
    machine went down every file is: only then can a page be torn."""

    max_size: Annotated[int, Meta(ge=0)] = 0
    """The database file grows no further than this (DiskFull); 0: as far as the disk goes."""

    migrate: bool = True
    """Apply pending migrations at start. False: refuse to start (Behind) until `erlmcp migrate up` was run."""

    durable: bool = True
    """False only for simulations and tests: nothing is fsynced, and a power cut may lose or damage the file."""
