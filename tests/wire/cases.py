"""The wire cases: bytes, and what may come back. The `legend` of `http_cases.json` explains the fields.

`http_cases.json` was given to us; `more_cases.json` is our own, in the same format.
"""

import base64
import json
from pathlib import Path
from typing import Any

Case = dict[str, Any]

DATA = Path(__file__).with_name("http_cases.json")
MORE = Path(__file__).with_name("more_cases.json")
AUTHORITY = b"localhost:8080"


def cases() -> list[Case]:
    """Every given case, none left out."""
    return json.loads(DATA.read_text())["cases"]


def more_cases() -> list[Case]:
    """Every case of our own."""
    return json.loads(MORE.read_text())["cases"]


def payload(case: Case) -> bytes:
    """The bytes that the case writes; nothing for a scripted one."""
    if "parts" in case:
        return b"".join(base64.b64decode(part["b64"]) * part["x"] for part in case["parts"])
    return base64.b64decode(case.get("bytes_b64", ""))


def at_port(data: bytes, port: int) -> bytes:
    """The same bytes for a server on another port of as many digits; at other ports, any port is allowed."""
    other = b"localhost:%d" % port
    return data.replace(AUTHORITY, other) if len(other) == len(AUTHORITY) else data
