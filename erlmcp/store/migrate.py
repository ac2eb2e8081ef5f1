"""`erlmcp migrate status|up`: the migrations of a file, looked at beside its node or applied while there is none."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from erlmcp.store.errors import explain
from erlmcp.store.migrations import Schema, Standing, pending, standings
from erlmcp.store.opening import check_ours, connect, open_owner
from erlmcp.store.options import Options

__all__ = ["migrate", "migration_status"]


def migration_status(path: Path, schema: Schema, options: Options | None = None) -> list[Standing]:
    """Where every migration stands; all are pending where there is no file yet. Raises Foreign, Corrupt, CannotOpen."""
    if not path.exists():
        return pending(schema.migrations)
    try:
        with closing(connect(path, "ro", options or Options())) as connection:
            check_ours(connection, path)
            return standings(connection, schema.migrations)
    except sqlite3.Error as error:
        raise explain(error, str(path)) from error


def migrate(path: Path, schema: Schema, applied_at: str, options: Options | None = None) -> list[Standing]:
    """Apply what is pending, and make the file if there is none; what was applied.

    `applied_at`: RFC 3339, to be noted. Raises Locked while a node runs, and whatever an owner raises.
    """
    options = msgspec.structs.replace(options or Options(), migrate=True)
    before = {(s.component, s.number) for s in migration_status(path, schema, options) if s.state == "pending"}
    opened = open_owner(path, schema, options, applied_at)
    try:
        found = standings(opened.connection, schema.migrations)
        opened.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        opened.connection.close()
        opened.ownership.leave(clean=True)
    return [standing for standing in found if (standing.component, standing.number) in before]
