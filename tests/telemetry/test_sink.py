"""Where lines end: whole, in order, also while files are renamed and pipes are full."""

import fcntl
import os
import threading
from pathlib import Path

import pytest

from erlmcp.telemetry.sink import PIPE_ATOMIC, Sink, atomic_pieces


def test_lines_are_appended_to_a_file(tmp_path: Path):
    path = tmp_path / "log"
    path.write_text("old\n")
    sink = Sink(str(path), 2)
    sink.write(["a\n", "b\n"])
    sink.close()
    assert path.read_text() == "old\na\nb\n"


def test_rows_are_appended_like_lines(tmp_path: Path):
    sink = Sink(str(tmp_path / "log"), 2)
    sink.write_rows(b"a\nb\n", 2)
    sink.write_rows(b"c\n", 1)
    sink.close()
    assert (tmp_path / "log").read_text() == "a\nb\nc\n"


def test_a_file_that_can_not_be_opened_is_refused_at_the_start(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        Sink(str(tmp_path / "no" / "log"), 2)


def test_a_renamed_file_is_followed_by_a_new_one(tmp_path: Path):
    path = tmp_path / "log"
    sink = Sink(str(path), 2)
    sink.write(["before\n"])
    path.rename(tmp_path / "log.1")
    sink.follow()
    sink.write(["after\n"])
    sink.close()
    assert (tmp_path / "log.1").read_text() == "before\n"
    assert path.read_text() == "after\n"


def test_a_file_is_reopened_on_demand(tmp_path: Path):
    path = tmp_path / "log"
    sink = Sink(str(path), 2)
    before = os.fstat(sink.fd)
    sink.follow()
    assert os.path.samestat(before, os.fstat(sink.fd))
    sink.stale = True
    sink.follow()
    sink.write(["after\n"])
    sink.close()
    assert path.read_text() == "after\n"


def test_a_file_whose_directory_is_gone_still_takes_lines(tmp_path: Path):
    home = tmp_path / "home"
    home.mkdir()
    sink = Sink(str(home / "log"), 2)
    (home / "log").unlink()
    home.rmdir()
    sink.follow()
    sink.write(["a\n"])
    sink.close()
    assert sink.lost == 0


def test_lines_that_can_not_be_written_are_counted():
    read, write = os.pipe()
    os.close(read)
    sink = Sink(None, write)
    sink.write(["a\n", "b\n"])
    sink.write_rows(b"a\nb\nc\n", 3)
    os.close(write)
    assert sink.lost == 5


def test_a_non_blocking_pipe_gets_every_line():
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETFL, fcntl.fcntl(write, fcntl.F_GETFL) | os.O_NONBLOCK)
    sink = Sink(None, write)
    lines = [f"{number} {'x' * 100}\n" for number in range(5000)]
    rows = "".join(lines).encode()
    writer = threading.Thread(target=lambda: (sink.write(lines), sink.write_rows(rows, len(lines)), os.close(write)))
    writer.start()
    with open(read) as reader:
        assert reader.readlines() == lines * 2
    writer.join(5)
    assert sink.lost == 0


@pytest.mark.parametrize("room", [PIPE_ATOMIC, 65536])
def test_pieces_end_with_a_line_and_fit_into_the_room(room: int):
    lines = [b"x" * (number % 300) + b"\n" for number in range(2000)]
    pieces = atomic_pieces(lines, room)
    assert b"".join(piece for _, piece in pieces) == b"".join(lines)
    assert sum(count for count, _ in pieces) == len(lines)
    assert all(len(piece) <= room and piece.endswith(b"\n") for _, piece in pieces)


def test_a_line_beyond_the_room_stands_alone():
    assert atomic_pieces([b"a\n", b"x" * 10 + b"\n", b"b\n"], 4) == [(1, b"a\n"), (1, b"x" * 10 + b"\n"), (1, b"b\n")]
    assert atomic_pieces([b"a\n", b"b\n"], 4) == [(2, b"a\nb\n")]
    assert atomic_pieces([], 4) == []
