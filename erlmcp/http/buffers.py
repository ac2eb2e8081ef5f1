"""The buffers of answers that leave together: how long they are, and in which pieces they are written.

Nothing is given to a transport's `writelines`: up to CPython 3.12.8 and 3.13.1 the one of asyncio's selector transport
does not tell the protocol that the peer is behind (CVE-2024-12254), and up to 3.11 it joins even the large ones.
"""

from collections.abc import Iterable, Iterator

from erlmcp.http.connection import LARGE

__all__ = ["length", "pieces"]


def length(buffers: list[bytes] | tuple[bytes, ...]) -> int:
    """Bytes in all of them."""
    return len(buffers[0]) if len(buffers) == 1 else sum(map(len, buffers))


def pieces(buffers: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in as few pieces as they are best written in: small buffers joined, large ones as they are."""
    small: list[bytes] = []
    for buffer in buffers:
        if len(buffer) < LARGE:
            small.append(buffer)
            continue
        if small:
            yield b"".join(small)
            small = []
        yield buffer
    if small:
        yield b"".join(small)
