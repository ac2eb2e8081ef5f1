"""What MCP keeps and tells for all processes of a node, carried by the hub and kept in the store."""

from erlmcp.backplane.bus import LinkBus, for_all
from erlmcp.backplane.key_ring import KeyKeeper, make_keys
from erlmcp.backplane.keys import KeysDamaged
from erlmcp.backplane.parts import Ground, Part, Shore, join, parts, schema
from erlmcp.backplane.tasks import NodeTasks, TaskKeeper

__all__ = [
    "Ground",
    "KeyKeeper",
    "KeysDamaged",
    "LinkBus",
    "NodeTasks",
    "Part",
    "Shore",
    "TaskKeeper",
    "for_all",
    "join",
    "make_keys",
    "parts",
    "schema",
]
