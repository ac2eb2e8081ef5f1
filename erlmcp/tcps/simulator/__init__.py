"""The simulator: scenarios on a virtual clock, through the real coordinator, on a store of their own.

The same seed gives the same receipts, byte for byte. It is the demo, the tutorial and the load of other tests.
"""

from erlmcp.tcps.simulator.floor import Event, Floor
from erlmcp.tcps.simulator.running import SCENARIOS, Summary, simulate

__all__ = ["SCENARIOS", "Event", "Floor", "Summary", "simulate"]
