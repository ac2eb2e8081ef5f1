"""From pieces of a stream to its lines, one too long being dropped and told. Pure; the cut itself is `split_lines`."""

from erlmcp._speedups import FramingError, split_lines

__all__ = ["Cutter"]


class Cutter:
    """Lines of at most `limit` bytes, blank ones left out. What a line begins with is kept until its end is there."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._kept = 0
        self._dropping = False

    def feed(self, piece: bytes) -> list[bytes | FramingError]:
        """The lines that are whole now; a FramingError stands where one was too long."""
        if self._dropping:
            end = piece.find(b"\n")
            if end < 0:
                return []
            self._dropping, piece = False, piece[end + 1 :]
        if b"\n" not in piece and self._kept + len(piece) <= self._limit:
            self._keep(piece)
            return []
        if self._pieces:
            piece = b"".join([*self._pieces, piece])
            self._pieces, self._kept = [], 0
        return self._cut(piece)

    def end(self) -> list[bytes | FramingError]:
        """The stream has ended: its last line, where that has no end of its own."""
        rest = b"".join(self._pieces)
        self._pieces, self._kept = [], 0
        return self._cut(rest + b"\n") if rest else []

    def _cut(self, text: bytes) -> list[bytes | FramingError]:
        found: list[bytes | FramingError] = []
        while True:
            try:
                lines, text = split_lines(text, self._limit)
            except FramingError as flaw:
                found.append(flaw)
                end = text.find(b"\n")
                if end < 0:
                    self._dropping = True
                    return found
                text = text[end + 1 :]
                continue
            found += lines
            if len(text) <= self._limit:  # else the rest begins with a line that is too long
                self._keep(text)
                return found

    def _keep(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)
            self._kept += len(piece)
