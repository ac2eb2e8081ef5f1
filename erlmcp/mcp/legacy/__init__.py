"""The annex: revisions up to 2025-11-25, which open with a handshake and may have sessions.

To drop them, delete this directory, its tests, `erlmcp/backplane/sessions.py` and `events.py`, their rows in `methods`
and `versions`, and their branches in `streamable` and `stdio`.
"""

from erlmcp.mcp.legacy.annex import Annex, Host, furnish
from erlmcp.mcp.legacy.backchannel import OfferedStream, ask
from erlmcp.mcp.legacy.batch import BATCHES
from erlmcp.mcp.legacy.events import Event, EventLimits, EventStore, EventTable, Replay, Stream
from erlmcp.mcp.legacy.handshake import initialize, ping
from erlmcp.mcp.legacy.pipe import BEFORE_INITIALIZE, PipeSession
from erlmcp.mcp.legacy.requests import SetLevelParams, SubscribeParams, set_level, subscribe, unsubscribe
from erlmcp.mcp.legacy.store import (
    TOLD,
    SessionsFull,
    SessionStore,
    SessionTable,
    State,
    StateChange,
    StoreAway,
    Told,
    encode_told,
)

__all__ = [
    "BATCHES",
    "BEFORE_INITIALIZE",
    "TOLD",
    "Annex",
    "Event",
    "EventLimits",
    "EventStore",
    "EventTable",
    "Host",
    "OfferedStream",
    "PipeSession",
    "Replay",
    "SessionStore",
    "SessionTable",
    "SessionsFull",
    "SetLevelParams",
    "State",
    "StateChange",
    "StoreAway",
    "Stream",
    "SubscribeParams",
    "Told",
    "ask",
    "encode_told",
    "furnish",
    "initialize",
    "ping",
    "set_level",
    "subscribe",
    "unsubscribe",
]
