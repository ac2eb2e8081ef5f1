"""The only door: picks the compiled twins or the pure ones, once, at import.

`ERLMCP_PURE=1` forces pure; `ERLMCP_REQUIRE_SPEEDUPS=1` refuses to fall back: by an ImportError of this package's name,
which the command line knows it by. Type checkers always see the pure twins, which are the specification and so the type
stubs as well.
"""

import os
from typing import TYPE_CHECKING

from erlmcp._speedups.tables import CHUNKED, MAX_EXTENSIONS, METHODS, REASONS, UNFRAMED, FramingError

if TYPE_CHECKING:
    from erlmcp._speedups.access import access_lines
    from erlmcp._speedups.http import encode_head, next_chunk, parse_head, skip_trailer
    from erlmcp._speedups.jsonrpc import frame_event, frame_reply, scan, split_lines

    BACKEND: str
else:
    try:
        if os.environ.get("ERLMCP_PURE") == "1":
            raise ImportError("ERLMCP_PURE=1 asks for the pure twins")
        from erlmcp._speedups import (
            _access,
            _http,
            _jsonrpc,
        )  # as attributes: import-linter takes a .pyx for the whole package

        access_lines = _access.access_lines
        encode_head, next_chunk, parse_head, skip_trailer = (
            _http.encode_head,
            _http.next_chunk,
            _http.parse_head,
            _http.skip_trailer,
        )
        frame_event, frame_reply, scan, split_lines = (
            _jsonrpc.frame_event,
            _jsonrpc.frame_reply,
            _jsonrpc.scan,
            _jsonrpc.split_lines,
        )

        BACKEND = "compiled"
    except ImportError as absent:
        if os.environ.get("ERLMCP_REQUIRE_SPEEDUPS") == "1":
            if os.environ.get("ERLMCP_PURE") == "1":
                why = "ERLMCP_REQUIRE_SPEEDUPS=1 and ERLMCP_PURE=1 can not both be: unset one of them"
            else:
                why = (
                    f"ERLMCP_REQUIRE_SPEEDUPS=1, but the compiled extensions do not load: {absent}; "
                    "build them with `python setup.py build_ext --inplace`, or unset it"
                )
            raise ImportError(why, name=__name__) from None
        from erlmcp._speedups.access import access_lines
        from erlmcp._speedups.http import encode_head, next_chunk, parse_head, skip_trailer
        from erlmcp._speedups.jsonrpc import frame_event, frame_reply, scan, split_lines

        BACKEND = "pure"

__all__ = [
    "BACKEND",
    "CHUNKED",
    "MAX_EXTENSIONS",
    "METHODS",
    "REASONS",
    "UNFRAMED",
    "FramingError",
    "access_lines",
    "encode_head",
    "frame_event",
    "frame_reply",
    "next_chunk",
    "parse_head",
    "scan",
    "skip_trailer",
    "split_lines",
]
