"""What is measured of the twins: each unit is a function of a twin's module, so that both run in one process.

The functions come from the modules behind the door on purpose: the door shows only one of the twins.
"""

from collections.abc import Callable
from importlib import import_module
from types import ModuleType

from msgspec import Struct

from bench.messages import CHUNKED_BODY, HEALTH, MODERN_BODY, POST

__all__ = ["UNITS", "Unit", "twin"]

LIMITS = (8192, 32768, 100)
ENDING = b"Date: Tue, 24 Nov 2026 12:00:00 GMT\r\n"
RESULT = b'"content":[{"type":"text","text":"5"}],"structuredContent":{"result":5},"isError":false'
LINES = (MODERN_BODY + b"\n") * 16


class Unit(Struct, frozen=True):
    """`run(module)` gives a function of no arguments to be timed. `gate`: the least ratio of pure to compiled."""

    name: str
    module: str
    run: Callable[[ModuleType], Callable[[], object]]
    gate: float


def twin(unit: Unit, *, compiled: bool) -> Callable[[], object]:
    """The unit on one of the twins. ImportError when it is not compiled."""
    return unit.run(import_module(f"erlmcp._speedups.{'_' * compiled}{unit.module}"))


def _head(data: bytes) -> Callable[[ModuleType], Callable[[], object]]:
    return lambda http: lambda: http.parse_head(data, 0, 0, *LIMITS)


def _chunks(http: ModuleType) -> Callable[[], object]:
    def walk() -> None:
        at, left = 0, 0
        while left >= 0:
            at, _, _, left, _ = http.next_chunk(CHUNKED_BODY, at, left, 1 << 20)

    return walk


def _access(access: ModuleType) -> Callable[[], object]:
    exchanges = [(1.0, 3e-4, b"POST", b"/mcp", 200, 230, "127.0.0.1:40000", None)] * 16
    return lambda: access.access_lines(exchanges, 1.7e9, b',"worker":0')


def _encode(http: ModuleType) -> Callable[[], object]:
    return lambda: http.encode_head(200, b"application/json", len(RESULT), (), ENDING, RESULT)


UNITS = (
    Unit("head: GET /health", "http", _head(HEALTH), gate=4.0),
    Unit("head: POST /mcp, 7 fields", "http", _head(POST), gate=4.0),
    Unit("chunked body, 16 chunks", "http", _chunks, gate=4.0),
    Unit("response head", "http", _encode, gate=2.0),
    Unit("16 access lines", "access", _access, gate=4.0),
    Unit("JSON-RPC scan, 300 B", "jsonrpc", lambda rpc: lambda: rpc.scan(MODERN_BODY, 64), gate=10.0),
    Unit("split 16 lines", "jsonrpc", lambda rpc: lambda: rpc.split_lines(LINES, 1 << 20), gate=2.0),
    Unit("frame a reply", "jsonrpc", lambda rpc: lambda: rpc.frame_reply(b"1", RESULT), gate=1.2),
    Unit("frame an event", "jsonrpc", lambda rpc: lambda: rpc.frame_event(MODERN_BODY), gate=2.0),
)
