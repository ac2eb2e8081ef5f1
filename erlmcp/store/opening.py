"""Opening the file, and refusing to: what is checked before the first statement, and how a connection is set.

`application_id` tells our files from others; a file without one is ours to make only while it is empty.
"""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from erlmcp.store.errors import Behind, Corrupt, Foreign, Missing, ReadOnly, StoreError, explain
from erlmcp.store.migrations import TABLE, Schema, Standing, apply, refuse_what_does_not_fit, standings
from erlmcp.store.options import Options
from erlmcp.store.place import LastExit, Ownership, check_file_system, check_room, make_file
from erlmcp.store.statements import verify

__all__ = ["APPLICATION_ID", "Connect", "Opened", "check_ours", "connect", "open_owner", "open_reader", "quick_check"]

APPLICATION_ID = 0x65726C6D  # "erlm"
_CACHED_STATEMENTS = 512

#: As sqlite3.connect; a test may pass a class of connection that fails where no disk at hand would.
Connect = Callable[..., sqlite3.Connection]


class Opened(Struct, frozen=True):
    """A writing connection, with the ownership that it is written under."""

    connection: sqlite3.Connection
    ownership: Ownership


def open_owner(
    path: Path,
    schema: Schema,
    options: Options,
    applied_at: str,
    factory: Connect | None = None,
    *,
    create: bool = True,
) -> Opened:
    """Take the ownership of the file, made if it is not there and `create` says so, and bring it to the schema.

    `applied_at`: the time to note for migrations. Raises any StoreError; then nothing is left open or locked.
    """
    if not create and not path.exists():
        raise Missing(f"{path} is gone: put it back, or stop the node and restore a backup (erlmcp restore)")
    ownership = Ownership.take(path)
    connection = None
    try:
        check_file_system(path.parent)
        check_room(path.parent)
        make_file(path)
        connection = connect(path, "rwc", options, factory)
        check_ours(connection, path)
        _set_up(connection, path, options)
        _check_after_a_crash(connection, path, options, ownership)
        ownership.enter()
        _bring_up(connection, path, schema, options, applied_at)
    except BaseException as error:
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()
        ownership.leave(clean=ownership.last_exit is LastExit.CLEAN)
        if isinstance(error, sqlite3.Error):
            raise explain(error, str(path)) from error
        raise
    return Opened(connection, ownership)


def open_reader(path: Path, schema: Schema, options: Options) -> sqlite3.Connection:
    """A connection that cannot write, on a file whose schema is this program's. Raises Missing, Behind, Newer, …"""
    if not path.exists():
        raise Missing(f"{path} is not there: its node has not made it yet")
    check_file_system(path.parent)
    connection = None
    try:
        connection = connect(path, "ro", options)
        connection.execute("PRAGMA query_only=ON")
        check_ours(connection, path)
        _refuse_what_is_pending(path, standings(connection, schema.migrations))
        verify(connection, schema.queries)
    except (sqlite3.Error, StoreError) as error:
        if connection is not None:
            connection.close()
        if isinstance(error, sqlite3.Error):
            raise explain(error, str(path)) from error
        raise
    return connection


def connect(path: Path, mode: str, options: Options, factory: Connect | None = None) -> sqlite3.Connection:
    """A connection that commits when it is told to and checkpoints when it is told to. `mode`: rwc, rw or ro."""
    connection = (factory or sqlite3.connect)(
        f"file:{quote(str(path.absolute()))}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_CACHED_STATEMENTS,
        timeout=options.busy_timeout,
    )
    connection.execute("PRAGMA wal_autocheckpoint=0")  # one checkpointer: the owner, when it says so
    connection.execute("PRAGMA trusted_schema=OFF")
    return connection


def check_ours(connection: sqlite3.Connection, path: Path) -> None:
    """Raise Foreign unless the file is ours, or empty."""
    found = connection.execute("PRAGMA application_id").fetchone()[0]
    if found == APPLICATION_ID:
        return
    if found or connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise Foreign(f"{path} is a database of another program (application_id {found}): name another file")


def quick_check(connection: sqlite3.Connection, path: Path) -> None:
    """Raise Corrupt with the first fault that SQLite finds in the pages (indexes are not compared with tables)."""
    first = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if first != "ok":
        raise Corrupt(f"{path} is damaged ({first.splitlines()[-1]}): restore a backup (erlmcp restore)")


def _bring_up(connection: sqlite3.Connection, path: Path, schema: Schema, options: Options, applied_at: str) -> None:
    # What a failed fsync left in doubt is copied and synced anew before anything is built on it.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    # Always written: SQLite opens a read-only file, and begins on it, without a word.
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute(TABLE)
    connection.execute("COMMIT")
    if options.migrate:
        apply(connection, path, schema.migrations, applied_at)
    _refuse_what_is_pending(path, standings(connection, schema.migrations))
    verify(connection, schema.queries)


def _set_up(connection: sqlite3.Connection, path: Path, options: Options) -> None:
    # Of a new file alone, and before its first page: later it can give pages back bit by bit (`SqliteOwner.give_back`),
    # where VACUUM would stop every writer until the whole file is copied.
    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
    mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    if mode != "wal":
        raise ReadOnly(
            f"{path} cannot have a write-ahead log here (journal mode {mode}): point node.data_dir elsewhere"
        )
    connection.execute(f"PRAGMA synchronous={'FULL' if options.durable else 'OFF'}")
    connection.execute("PRAGMA fullfsync=ON")  # macOS: through the drive's cache as well
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA secure_delete=FAST")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute(f"PRAGMA cache_size=-{options.cache // 1024}")
    connection.execute(f"PRAGMA journal_size_limit={options.checkpoint}")
    if options.max_size:
        page = connection.execute("PRAGMA page_size").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={max(1, options.max_size // page)}")


def _check_after_a_crash(connection: sqlite3.Connection, path: Path, options: Options, ownership: Ownership) -> None:
    small = path.stat().st_size <= options.check_limit
    if ownership.last_exit is LastExit.MACHINE_DOWN or (ownership.last_exit is LastExit.KILLED and small):
        quick_check(connection, path)


def _refuse_what_is_pending(path: Path, found: list[Standing]) -> None:
    refuse_what_does_not_fit(path, found)
    if pending := [f"{s.component} {s.number:04}_{s.name}" for s in found if s.state == "pending"]:
        raise Behind(f"{path} lacks migrations ({', '.join(pending)}): run erlmcp migrate up")
