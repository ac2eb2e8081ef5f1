"""Notes in SQLite: a lifespan prepares the database, each call gets a connection of its own, and commits or rolls back.

The file is NOTES_DB, or notes.db. `erlmcp serve notes:app --workers 4`
"""

import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from erlmcp import App, Context, ToolError
from erlmcp.mcp import Depends, ResourceNotFound


@dataclass
class State:
    """What one process opens before it serves."""

    path: Path


@asynccontextmanager
async def lifespan(app: App) -> AsyncIterator[State]:
    path = Path(os.environ.get("NOTES_DB", f"{app.name}.db"))
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)")
    database.close()
    yield State(path)


app = App("notes", version="1.0", instructions="Keep and find short notes.", lifespan=lifespan)


def connection(ctx: Context[State]) -> Iterator[sqlite3.Connection]:
    """One for each call, in the call's own thread."""
    database = sqlite3.connect(ctx.lifespan.path, timeout=5)
    try:
        with database:  # commits, or rolls back when the tool failed
            yield database
    finally:
        database.close()


@dataclass
class Note:
    id: int
    text: str


Text = Annotated[str, Meta(min_length=1, max_length=1000, description="what to keep")]


@app.tool
def keep(text: Text, database: sqlite3.Connection = Depends(connection)) -> Note:
    """Keep a note."""
    found = database.execute("INSERT INTO notes (text) VALUES (?)", (text,))
    app.resources_changed()
    return Note(found.lastrowid or 0, text)


@app.tool(annotations={"readOnlyHint": True})
def find(word: str, database: sqlite3.Connection = Depends(connection)) -> list[Note]:
    """Find notes with a word in them.

    Args:
        word: what to look for
    """
    found = database.execute("SELECT id, text FROM notes WHERE instr(text, ?) ORDER BY id LIMIT 50", (word,))
    return [Note(*row) for row in found]


@app.tool(annotations={"destructiveHint": True})
def delete(id: int, database: sqlite3.Connection = Depends(connection)) -> str:  # noqa: A002 - the note's word
    """Delete a note for good.

    Args:
        id: its number
    """
    if database.execute("DELETE FROM notes WHERE id = ?", (id,)).rowcount == 0:
        raise ToolError(f"there is no note {id}; look with find")
    return f"note {id} is deleted"


@app.resource("notes://{id}", mime_type="text/plain")
def note(id: int, database: sqlite3.Connection = Depends(connection)) -> str:  # noqa: A002 - the note's word
    """One note."""
    row = database.execute("SELECT text FROM notes WHERE id = ?", (id,)).fetchone()
    if row is None:
        raise ResourceNotFound(f"notes://{id}")
    return str(row[0])
