"""The annex: revisions up to 2025-11-25, which open with a handshake. Stateless: no session id is minted or kept.

To drop them, delete this directory, its tests, its rows in `methods` and `versions`, and its branch in `streamable`.
"""

from erlmcp.mcp.legacy.admission import admit, check_session
from erlmcp.mcp.legacy.handshake import initialize, ping
from erlmcp.mcp.legacy.pipe import BEFORE_INITIALIZE, PipeSession

__all__ = ["BEFORE_INITIALIZE", "PipeSession", "admit", "check_session", "initialize", "ping"]
