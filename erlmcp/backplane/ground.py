"""What a feature of MCP is lent, in the line process and in a worker, and what it gives for that."""

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from erlmcp.mcp import Options
from erlmcp.otp import ChildSpec, Link, Service
from erlmcp.store import Database

__all__ = ["Ground", "Part", "Shore"]


class Ground(Struct, frozen=True):
    """What the line process lends to a part."""

    database: Database
    """Its transactions are exclusive, and durable when they are left."""
    publish: Callable[[str, bytes], None]
    """Tell all workers, as `mcp.Bus.publish` does."""
    options: Options


class Part(Struct, frozen=True):
    """What a feature puts into the line process."""

    services: Mapping[str, Service] = {}
    children: tuple[ChildSpec, ...] = ()


class Shore(Struct, frozen=True):
    """What a worker process lends to its ends of the features."""

    place: Path
    """The node's data directory."""
    link: Link
    reader: Database | None
    """Reads what is committed, in this process; None where no feature keeps tables."""
    options: Options
