"""Comments between events."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from erlmcp.http import COMMENT, with_keep_alive

pytestmark = pytest.mark.both_loops


async def test_a_silent_stream_is_kept_alive_by_comments() -> None:
    go = asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        yield b"1"
        await go.wait()
        yield b"2"

    kept = with_keep_alive(chunks(), 0.01)
    assert [await anext(kept) for _ in range(3)] == [b"1", COMMENT, COMMENT]
    go.set()
    assert [chunk async for chunk in kept][-1] == b"2"


async def test_a_stream_that_fails_fails() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"1"
        raise RuntimeError("broken")

    kept = with_keep_alive(chunks(), 60)
    assert await anext(kept) == b"1"
    with pytest.raises(RuntimeError, match="broken"):
        await anext(kept)


async def test_a_reader_that_leaves_ends_the_stream() -> None:
    ended = asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        try:
            await asyncio.Event().wait()
            yield b""
        finally:
            ended.set()

    kept = with_keep_alive(chunks(), 0.01)
    assert await anext(kept) == COMMENT
    await kept.aclose()  # type: ignore[attr-defined]
    await asyncio.wait_for(ended.wait(), 5)
