"""Calls of the line process that bear to be done twice: made again when it died before it answered.

A link does not send again what it has sent, as it can not know what that means. Here all is known to come to the same.
"""

import asyncio
from typing import Final

from erlmcp.otp import Down, Link

__all__ = ["call_again"]

WAIT: Final = 5.0
"""Seconds that a worker waits for an answer in all."""

BACK: Final = 3.0
"""Seconds in which a line process that died is usually back, with its database open."""

PAUSE: Final = 0.1  # seconds


async def call_again(link: Link, service: str, payload: bytes) -> bytes:
    """The answer. Raises as `Link.call` does; Down only when that has lasted for a while."""
    clock = asyncio.get_running_loop().time
    began = clock()
    while True:
        try:
            return await link.call(service, payload, WAIT - (clock() - began))
        except Down:
            if clock() - began > BACK:
                raise
        await asyncio.sleep(PAUSE)
