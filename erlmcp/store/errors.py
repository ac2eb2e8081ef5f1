"""What the store says when it cannot: one clear line each, with the file, the reason and what to do.

Two families matter to callers. `CannotOpen`: somebody has to act, trying again does not help. Everything else may pass:
`DiskFull`, `Busy`, `TooSlow`, `Locked`, `Missing`. After `StoreDown` the outcome of a commit is unknown.
"""

import sqlite3

__all__ = [
    "Behind",
    "Busy",
    "CannotOpen",
    "Constraint",
    "Corrupt",
    "DiskFull",
    "Edited",
    "Foreign",
    "Locked",
    "Missing",
    "Newer",
    "QueryError",
    "ReadOnly",
    "StoreDown",
    "StoreError",
    "TooSlow",
    "Unsafe",
    "explain",
    "is_fatal",
]


class StoreError(Exception):
    """The base of all of them; its text is the line for a human."""


class CannotOpen(StoreError):
    """The file cannot be used as it is, and trying again does not change that."""


class ReadOnly(CannotOpen):
    """The file or its directory cannot be written."""


class Foreign(CannotOpen):
    """A database, but not one of ours (its application_id says so)."""


class Corrupt(CannotOpen):
    """The file is damaged, or not a database at all."""


class Newer(CannotOpen):
    """A newer release has migrated it."""


class Behind(CannotOpen):
    """Migrations are pending, and whoever opened it may not apply them."""


class Edited(CannotOpen):
    """A migration was edited after it had been applied."""


class Unsafe(CannotOpen):
    """A network file system: its locks and shared memory do not carry SQLite's WAL."""


class Locked(StoreError):
    """Another process owns the file."""


class Missing(StoreError):
    """There is no such file (yet)."""


class DiskFull(StoreError):
    """No room to write. What was committed before is safe; the transaction was rolled back."""


class Busy(StoreError):
    """Too many wait already, or another process holds the file's write lock."""


class TooSlow(StoreError):
    """A read took longer than it may, and was ended."""


class Constraint(StoreError):
    """A constraint of the schema refused the statement, which was undone; its transaction goes on.

    `kind` is `check`, `foreignkey`, `notnull`, `primarykey`, `unique`, or whatever else SQLite calls it.
    """

    def __init__(self, line: str, kind: str) -> None:
        super().__init__(line)
        self.kind = kind


class QueryError(StoreError):
    """The program is wrong: an unknown query, a parameter that is missing, SQL that does not fit the schema."""


class StoreDown(StoreError):
    """The store is not open, or was closed by a failure of the disk."""


#: SQLite's primary result codes, https://www.sqlite.org/rescode.html
_KINDS: dict[int, type[StoreError]] = {
    3: ReadOnly,  # PERM
    5: Busy,
    6: Busy,  # LOCKED
    8: ReadOnly,
    9: TooSlow,  # INTERRUPT
    10: StoreDown,  # IOERR
    11: Corrupt,
    13: DiskFull,
    14: CannotOpen,
    26: Corrupt,  # NOTADB
}
_EXACT: dict[str, type[StoreError]] = {
    "SQLITE_IOERR_SHMSIZE": DiskFull,  # the wal-index could not grow
    "SQLITE_READONLY_DBMOVED": StoreDown,  # the file was moved away under the open connection
}
_ADVICE: dict[type[StoreError], str] = {
    ReadOnly: "; make the file and its directory writable for this user",
    Busy: "; another process holds its write lock: only the node may write to it",
    StoreDown: "; the outcome of a commit under way is unknown: check the disk",
    Corrupt: "; restore a backup (erlmcp restore)",
    DiskFull: "; free some space",
}


def explain(error: sqlite3.Error, where: str) -> StoreError:
    """SQLite's error as one of ours. `where`: the file, or the query, that the line begins with."""
    code = getattr(error, "sqlite_errorcode", 0)  # absent where the module itself objects: wrong bindings, closed
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_CONSTRAINT"):
        return Constraint(f"{where}: {error}", name.removeprefix("SQLITE_CONSTRAINT").removeprefix("_").lower())
    kind = _EXACT.get(name) or _KINDS.get(code & 0xFF, QueryError)
    detail = f" ({name})" if kind is StoreDown else ""
    return kind(f"{where}: {error}{detail}{_ADVICE.get(kind, '')}")


def is_fatal(error: StoreError) -> bool:
    """Whether the connection that said so can no longer be trusted (a failed fsync is never tried again)."""
    return isinstance(error, StoreDown | Corrupt)
