"""The revisions of the protocol that we speak, and which era each belongs to: one table.

*Modern*: every request carries its version, its client and its capabilities in `_meta`. *Handshake*: an `initialize`
comes first. To drop the old era, delete `mcp/legacy` and the rows without `modern`.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

__all__ = ["HANDSHAKE", "MODERN", "NEWEST_HANDSHAKE", "REVISIONS", "SUPPORTED", "UNSTATED", "Revision"]


class Revision(msgspec.Struct, frozen=True):
    """One published revision of MCP."""

    name: str
    modern: bool = False


REVISIONS: Final = (
    Revision("2026-07-28", modern=True),
    Revision("2025-11-25"),
    Revision("2025-06-18"),
    Revision("2025-03-26"),
    Revision("2024-11-05"),
)
"""Newest first."""

SUPPORTED: Final = tuple(revision.name for revision in REVISIONS)
MODERN: Final[Mapping[bytes, str]] = {r.name.encode(): r.name for r in REVISIONS if r.modern}
HANDSHAKE: Final[Mapping[bytes, str]] = {r.name.encode(): r.name for r in REVISIONS if not r.modern}
NEWEST_HANDSHAKE: Final = next(iter(HANDSHAKE.values()))

UNSTATED: Final = "2025-03-26"
"""What a request without MCP-Protocol-Version speaks (2025-06-18, Transports, Protocol Version Header)."""
