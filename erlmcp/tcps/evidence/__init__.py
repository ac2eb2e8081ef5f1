"""From the real file to the figures that a gate judges. Whoever has the file reads it: a door, or a program beside it.

Pure: bytes in, figures out, or `Malformed` with what is wrong and where. Size and nesting are bounded before anything
is parsed, XML has no entities, and what a file says of itself never counts for more than what is in it. It knows no sku
and no limit of a gate.
"""

from erlmcp.tcps.evidence.malformed import MAX_SIZE, Malformed
from erlmcp.tcps.evidence.reading import KINDS, digests, exit_code, read, validation

__all__ = ["KINDS", "MAX_SIZE", "Malformed", "digests", "exit_code", "read", "validation"]
