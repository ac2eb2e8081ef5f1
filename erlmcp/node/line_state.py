"""What the line process and the workers have agreed upon: files, topics, and the state that is told."""

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from erlmcp import backplane, tcps
from erlmcp.node.options import TCPS_APP, Options
from erlmcp.store import Schema, State

__all__ = [
    "DATABASE",
    "FACTS",
    "LINE_SOCKET",
    "NODE",
    "STATE",
    "STDIO",
    "LineState",
    "data_dir",
    "decode_state",
    "encode_state",
    "schema",
    "serves_tcps",
]

DATABASE: Final = "erlmcp.db"
LINE_SOCKET: Final = "line.sock"
STATE: Final = "line.state"  # a LineState, kept for who comes late
NODE: Final = "node"
STDIO: Final = "stdio"
FACTS: Final = "tcps.receipts"  # each receipt as JSON, after its commit, in the order of the chain


class LineState(Struct, frozen=True):
    """How the process that runs the line is: told by it to all who joined it, when it has changed.

    `host`: NODE, or STDIO for a process that only lives as long as its client does. `app`: whom the line is run for.
    """

    pid: int
    database: State
    host: str = NODE
    app: str = ""


encode_state: Final = msgspec.msgpack.Encoder().encode
decode_state: Final = msgspec.msgpack.Decoder(LineState).decode


def data_dir(node: Options) -> Path:
    """The node's data directory."""
    return Path(node.data_dir).absolute()


def serves_tcps(app: str) -> bool:
    """Whether the app of this name is ours, with the production line."""
    return app == TCPS_APP


def schema(app: str = TCPS_APP) -> Schema:
    """The tables of a node that serves this app, and every statement on them. MCP's are on each node."""
    return tcps.schema() | backplane.schema() if serves_tcps(app) else backplane.schema()
