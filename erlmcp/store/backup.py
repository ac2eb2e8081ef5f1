"""Backup and restore through SQLite's backup API: a copy of one moment, whole, checked, and never half in place.

A backup may be taken while the node runs. A restore takes the ownership, so the node has to be stopped.
"""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from msgspec import Struct

from erlmcp.store.errors import Corrupt, Foreign, Missing, StoreError, explain
from erlmcp.store.migrations import Schema, refuse_what_does_not_fit, standings
from erlmcp.store.opening import APPLICATION_ID, check_ours, connect
from erlmcp.store.options import Options
from erlmcp.store.place import LastExit, Ownership, check_room, refusal, sync_directory

__all__ = ["Backup", "Restored", "backup", "restore"]

#: Pages copied in one step; between steps the interpreter may serve signals.
_STEP = 4096


class Backup(Struct, frozen=True):
    """A backup that was made. `size` in bytes."""

    path: Path
    size: int


class Restored(Struct, frozen=True):
    """`previous`: the file that was there before, kept beside it; None if there was none."""

    path: Path
    size: int
    previous: Path | None


def backup(source: Path, target: Path, options: Options | None = None) -> Backup:
    """Copy the database of this moment to `target`, one plain file, checked by `integrity_check`, mode 0600.

    Raises StoreError: Missing, Foreign, Corrupt, DiskFull, ReadOnly, or plain when `target` exists.
    """
    if not source.exists():
        raise Missing(f"{source} is not there: there is nothing to back up")
    if target.exists():
        raise StoreError(f"{target} is there already: name a new file")
    partial = target.with_name(f"{target.name}.partial")
    _copy(source, partial, options or Options())
    os.replace(partial, target)
    sync_directory(target.parent)
    return Backup(target, target.stat().st_size)


def restore(source: Path, target: Path, schema: Schema, options: Options | None = None) -> Restored:
    """Put the backup `source` in the place of `target`. What was there stays until then, and beside it afterwards.

    The backup may be older than this program (it is migrated at the next start), not newer. Raises Locked while a node
    runs, Missing, Foreign, Corrupt, Newer, Edited, DiskFull, ReadOnly.
    """
    options = options or Options()
    if not source.exists():
        raise Missing(f"{source} is not there")
    ownership = Ownership.take(target)
    done = ownership.last_exit is LastExit.CLEAN
    try:
        partial = target.with_name(f"{target.name}.restoring")
        check_room(target.parent, source.stat().st_size)
        _copy(source, partial, options, schema)
        previous = _set_aside(target, options)
        os.replace(partial, target)
        for name in ("-wal", "-shm"):
            Path(f"{target}{name}").unlink(missing_ok=True)
        sync_directory(target.parent)
        done = True
    finally:
        ownership.leave(clean=done)
    return Restored(target, target.stat().st_size, previous)


def _copy(source: Path, partial: Path, options: Options, schema: Schema | None = None) -> None:
    try:
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise refusal(error, partial) from error
    where = source
    try:
        with closing(connect(source, "ro", options)) as old, closing(connect(partial, "rw", options)) as new:
            _check_source(old, source, schema)
            old.execute("BEGIN")  # one moment: without it the copy begins again whenever somebody commits
            old.execute("SELECT count(*) FROM sqlite_schema").fetchall()
            old.backup(new, pages=_STEP)
            where = partial
            new.execute("PRAGMA journal_mode=DELETE").fetchall()  # one file, not three
            _integrity_check(new, source)
        _sync(partial)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, sqlite3.Error):
            raise explain(error, str(where)) from error
        raise


def _check_source(connection: sqlite3.Connection, path: Path, schema: Schema | None) -> None:
    check_ours(connection, path)
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise Foreign(f"{path} is empty: it is no database of erlmcp")
    if schema is not None:
        refuse_what_does_not_fit(path, standings(connection, schema.migrations))


def _integrity_check(connection: sqlite3.Connection, path: Path) -> None:
    first = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if first != "ok":
        raise Corrupt(f"{path} is damaged ({first.splitlines()[-1]}): a copy of it would be, too")


def _set_aside(target: Path, options: Options) -> Path | None:
    """A second name for the file that is there, with its WAL copied into it as far as it can be."""
    if not target.exists():
        return None
    try:
        with closing(connect(target, "rw", options)) as old:
            check_ours(old, target)
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except (sqlite3.Error, Corrupt):
        pass  # it is damaged, which is why it is replaced
    previous = target.with_name(f"{target.name}.before-restore")
    for name in ("", "-wal"):
        Path(f"{previous}{name}").unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        # Before the new file is in place: SQLite would apply this WAL to whatever has the name.
        os.rename(f"{target}-wal", f"{previous}-wal")
    os.link(target, previous)
    return previous


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
