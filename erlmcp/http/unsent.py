"""What the peers of one listener have not taken of their answers, and who is dropped when that is too much.

An answer stays in memory until its peer has read it, so many slow readers of large ones could fill the memory. It knows
sizes and times, not what is sent.
"""

from typing import Final, Protocol

__all__ = ["Peer", "Unsent"]

PATIENCE: Final = 1.0  # seconds without a byte after which a peer is dropped when there is too much
HARD: Final = 2  # times the limit: then the slowest is dropped at once


class Peer(Protocol):
    """A connection, as far as it matters here."""

    def abort(self) -> None: ...


class Unsent:
    """Bytes by peer, the one that has taken nothing for the longest time first. The last one is never dropped: one
    answer may be as large as it must."""

    __slots__ = ("_limit", "_peers", "total")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._peers: dict[Peer, tuple[int, float]] = {}
        self.total = 0

    def hold(self, peer: Peer, size: int, now: float) -> None:
        """The peer does not keep up, or it took some: `size` bytes are left."""
        self.release(peer)
        self._peers[peer] = size, now
        self.total += size
        if self.total > HARD * self._limit:
            self._drop(HARD * self._limit, now)

    def release(self, peer: Peer) -> None:
        """The peer has taken everything, or has gone."""
        self.total -= self._peers.pop(peer, (0, 0.0))[0]

    def relieve(self, now: float) -> None:
        """Drop who has stood still for a while, if there is too much."""
        self._drop(self._limit, now - PATIENCE)

    def _drop(self, most: int, before: float) -> None:
        """Until at most `most` bytes are left, of those who took nothing since `before`."""
        while self.total > most and len(self._peers) > 1:
            peer, (_, since) = next(iter(self._peers.items()))
            if since > before:
                return
            self.release(peer)
            peer.abort()
