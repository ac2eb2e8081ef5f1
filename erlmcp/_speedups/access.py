"""The access log's lines as JSON, the specification: exchanges in, text out; `_access.pyx` is its compiled twin.

What repeats in a batch is put together once: a third of the cost of encoding an object for each. It does not know where
lines go, nor which exchanges are worth one.
"""

import json
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, TypeAlias

from erlmcp._speedups.tables import ACCESS_PATH_MOST

__all__ = ["access_lines"]

MIDDLE: Final = b'Z","level":"info","logger":"erlmcp.access","msg":"request"%b,"peer":"'

Exchange: TypeAlias = tuple[float, float, bytes, bytes, int, int, str, bytes | None]
"""When it ended, on the monotonic clock; seconds it took; method, path, status, bytes sent, peer, request id."""


def access_lines(exchanges: Iterable[Exchange], wall: float, bound: bytes) -> bytes:
    """One line each. `wall` turns the monotonic clock into Unix time; `bound` is `,"worker":0`, ready to insert."""
    lines: list[bytes] = []
    middle = MIDDLE % bound
    head, at = b"", -1
    for ended, elapsed, method, path, status, sent, peer, request_id in exchanges:
        millis = int((ended + wall) * 1000)
        if millis != at:
            at = millis
            head = b'{"ts":"%b.%03d%b' % (second(millis // 1000), millis % 1000, middle)
        micros = round(elapsed * 1e6)
        took = b"%d.%03d" % divmod(micros, 1000)
        tail = b"" if request_id is None else b',"request_id":%b' % quoted(request_id)
        lines.append(b"%b%b%b%b%b}\n" % (head, peer.encode(), _answered(method, path, status, sent), took, tail))
    return b"".join(lines)


@lru_cache(maxsize=256)  # requests and their answers repeat; paths are at most a request line long (8 KiB)
def _answered(method: bytes, path: bytes, status: int, sent: int) -> bytes:
    asked = b'"method":%b,"path":%b' % (quoted(method), shown(path))
    return b'",%b,"status":%d,"bytes":%d,"ms":' % (asked, status, sent)


@lru_cache(maxsize=4)  # lines come in batches of the same second; strftime takes longer than the rest of the line
def second(unix: int) -> bytes:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(unix)).encode()


def quoted(raw: bytes) -> bytes:
    """A JSON string of bytes that should be UTF-8; those that are not are spelled out."""
    return json.dumps(raw.decode("utf-8", "backslashreplace"), ensure_ascii=False).encode()


def shown(path: bytes) -> bytes:
    """A JSON string of a path, up to ACCESS_PATH_MOST bytes; a longer one is cut and marked."""
    if len(path) <= ACCESS_PATH_MOST:
        return quoted(path)
    return quoted(path[:ACCESS_PATH_MOST])[:-1] + '…"'.encode()
