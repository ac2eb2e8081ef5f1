"""The only door: picks the compiled twins or the pure ones, once, at import.

`ERLMCP_PURE=1` forces pure; `ERLMCP_REQUIRE_SPEEDUPS=1` refuses to fall back. Type checkers always see the pure twins,
which are the specification and so the type stubs as well.
"""

import os
from typing import TYPE_CHECKING

from erlmcp._speedups.tables import FramingError

BACKEND: str

__all__ = [
    "BACKEND",
    "FramingError",
]
