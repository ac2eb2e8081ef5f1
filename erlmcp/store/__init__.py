"""Rows without a domain: named SQL, exclusive write transactions, numbered migrations, backups; on SQLite."""

from erlmcp.store.backup import Backup, Restored, backup, restore
from erlmcp.store.database import Database, Read, Reads, Row, Transaction, Value
from erlmcp.store.errors import (
    Behind,
    Busy,
    CannotOpen,
    Constraint,
    Corrupt,
    DiskFull,
    Edited,
    Foreign,
    Locked,
    Missing,
    Newer,
    QueryError,
    ReadOnly,
    StoreDown,
    StoreError,
    TooSlow,
    Unsafe,
)
from erlmcp.store.life import State
from erlmcp.store.migrate import migrate, migration_status
from erlmcp.store.migrations import Migration, Migrations, Schema, Standing
from erlmcp.store.options import Options
from erlmcp.store.owner import SqliteOwner
from erlmcp.store.queries import Queries, Query
from erlmcp.store.reader import SqliteReader

__all__ = [
    "Backup",
    "Behind",
    "Busy",
    "CannotOpen",
    "Constraint",
    "Corrupt",
    "Database",
    "DiskFull",
    "Edited",
    "Foreign",
    "Locked",
    "Migration",
    "Migrations",
    "Missing",
    "Newer",
    "Options",
    "Queries",
    "Query",
    "QueryError",
    "Read",
    "ReadOnly",
    "Reads",
    "Restored",
    "Row",
    "Schema",
    "SqliteOwner",
    "SqliteReader",
    "Standing",
    "State",
    "StoreDown",
    "StoreError",
    "TooSlow",
    "Transaction",
    "Unsafe",
    "Value",
    "backup",
    "migrate",
    "migration_status",
    "restore",
]
