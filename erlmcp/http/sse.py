"""Server-sent events as chunks of a `Stream` (WHATWG HTML 9.2): the comments that keep a connection open."""

import asyncio
from collections.abc import AsyncIterator

__all__ = ["COMMENT", "with_keep_alive"]

COMMENT = b":\n\n"
"""An empty comment: readers skip it, proxies and dead peers notice it."""


async def with_keep_alive(chunks: AsyncIterator[bytes], interval: float) -> AsyncIterator[bytes]:
    """The chunks as they come, and a comment whenever none came for `interval` seconds."""
    following: asyncio.Future[bytes] | None = None
    try:
        while True:
            if following is None:
                following = asyncio.ensure_future(anext(chunks))
            done, _ = await asyncio.wait((following,), timeout=interval)
            if not done:
                yield COMMENT
                continue
            try:
                chunk = following.result()
            except StopAsyncIteration:
                return
            following = None
            yield chunk
    finally:
        if following is not None:
            following.cancel()
