"""A whole request through the straight line, without a socket: bytes in, bytes out, on whichever twin this process has.

    python -m bench.whole [--seconds S]     prints one line of JSON: backend and microseconds per request

Which twin serves is decided when a process starts (ERLMCP_PURE=1), so `bench.compare` runs this twice.
"""

import argparse
import asyncio
import time
from collections.abc import Callable

import msgspec

from bench.line import Line
from bench.messages import HEALTH, LEGACY_BODY, LEGACY_HEADERS, POST, post
from erlmcp._speedups import BACKEND

__all__ = ["REQUESTS", "microseconds"]

REQUESTS = {
    "GET /health": HEALTH,
    "tools/call, 2026-07-28": POST,
    "tools/call, 2025-11-25": post(LEGACY_HEADERS, LEGACY_BODY),
}


def microseconds(call: Callable[[], object], seconds: float) -> float:
    """The best of many short rounds of `call`, in microseconds: the least disturbed one says most about the code."""
    number = 1
    while _time(call, number) < seconds / 100:
        number *= 2
    rounds = max(3, int(seconds / max(_time(call, number), 1e-9)))
    return min(_time(call, number) for _ in range(rounds)) / number * 1e6


def _time(call: Callable[[], object], number: int) -> float:
    started = time.perf_counter()
    for _ in range(number):
        call()
    return time.perf_counter() - started


async def measure(seconds: float) -> dict[str, float]:
    """Microseconds of each request."""
    line = Line()
    found = {}
    for name, data in REQUESTS.items():
        assert line.answer(data).startswith(b"HTTP/1.1 200 "), line.answer(data)
        found[name] = microseconds(lambda data=data: line.answer(data), seconds)
    line.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0, help="time for each request (default 1)")
    seconds = parser.parse_args().seconds
    print(msgspec.json.encode({"backend": BACKEND, "microseconds": asyncio.run(measure(seconds))}).decode())


if __name__ == "__main__":
    main()
