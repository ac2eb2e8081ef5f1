"""The tables of the line and every statement on them, for whoever opens its store."""

from importlib.resources import files

from erlmcp.store import Migrations, Queries, Schema

__all__ = ["schema"]


def schema() -> Schema:
    """What the line asks of a store."""
    here = files("erlmcp.tcps")
    return Schema((Migrations.load("tcps", here / "migrations"),), Queries.load(here / "sql"))
