"""Lines over the standard streams: claimed from whoever prints, read and written without holding the loop up.

It does not know what the lines say.
"""

from erlmcp.pipes.claim import Claim
from erlmcp.pipes.cutter import Cutter
from erlmcp.pipes.duplex import Duplex
from erlmcp.pipes.inlet import Inlet
from erlmcp.pipes.options import Options
from erlmcp.pipes.outlet import Outlet
from erlmcp.pipes.visit import Talker, Visit

__all__ = ["Claim", "Cutter", "Duplex", "Inlet", "Options", "Outlet", "Talker", "Visit"]
