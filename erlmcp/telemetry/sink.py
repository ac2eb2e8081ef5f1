"""Where log lines end: a descriptor, or a file that outlives its renaming. May block: only the log's writer uses it."""

import os
import select
import stat

__all__ = ["Sink", "atomic_pieces"]

PIPE_ATOMIC = 4096  # PIPE_BUF on Linux (pipe(7)): workers share a pipe, and a longer write may be torn by another's
FILE_MODE = 0o640  # logs are for the operator's group, not for everybody


class Sink:
    """Writes lines to `path`, or to the descriptor `fd` without one. `lost` counts lines that could not be written.

    Raises OSError when the file can not be opened at first; later on a file that can not be written loses lines, and is
    tried again at the next ones.
    """

    def __init__(self, path: str | None, fd: int) -> None:
        self._path = path
        self.fd = fd if path is None else _append_to(path)
        self._is_pipe = stat.S_ISFIFO(os.fstat(self.fd).st_mode)
        self.stale = False
        self.lost = 0

    def write(self, lines: list[str]) -> None:
        """Write whole lines, in pieces that other processes' lines do not get mixed into."""
        encoded = [line.encode("utf-8", "backslashreplace") for line in lines]
        if self._is_pipe:
            for count, piece in atomic_pieces(encoded, PIPE_ATOMIC):
                self._write(piece, count)
        elif encoded:
            self._write(b"".join(encoded), len(encoded))  # O_APPEND: one write

    def write_rows(self, rows: bytes, count: int) -> None:
        """The same for so many lines that are put together already, each ending with the only newline in it."""
        if self._is_pipe:
            for some, piece in atomic_pieces(rows.splitlines(keepends=True), PIPE_ATOMIC):
                self._write(piece, some)
        else:
            self._write(rows, count)

    def follow(self) -> None:
        """Open the file anew if it was renamed or removed, or if somebody asked for it (`stale`)."""
        if self._path is None or not (self.stale or self._moved()):
            return
        self.stale = False
        try:
            fresh = _append_to(self._path)
        except OSError:  # the directory is gone: go on with the old file, which still takes lines
            return
        os.close(self.fd)
        self.fd = fresh

    def close(self) -> None:
        """Close the file; a descriptor that was given stays open."""
        if self._path is not None:
            os.close(self.fd)

    def _write(self, piece: bytes, count: int) -> None:
        try:
            _write_all(self.fd, piece)
        except OSError:  # a full disk, a reader that went away: the log has nobody to tell it to but its counter
            self.lost += count

    def _moved(self) -> bool:
        assert self._path is not None  # noqa: S101 - only asked for files
        try:
            there = os.stat(self._path)
        except OSError:
            return True
        return not os.path.samestat(there, os.fstat(self.fd))


def _append_to(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)


def atomic_pieces(lines: list[bytes], room: int) -> list[tuple[int, bytes]]:
    """(number of lines, their bytes): pieces of at most `room` bytes, cut at line ends; a longer line stands alone."""
    pieces: list[tuple[int, bytes]] = []
    first, size = 0, 0
    for index, line in enumerate(lines):
        if size and size + len(line) > room:
            pieces.append((index - first, b"".join(lines[first:index])))
            first, size = index, 0
        size += len(line)
    if size:
        pieces.append((len(lines) - first, b"".join(lines[first:])))
    return pieces


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:  # somebody made a shared descriptor non-blocking: wait as if it were not
            select.select((), (fd,), ())
