"""The control socket and the data directory's lock, without a node."""

import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from erlmcp.node.control import MAX_QUESTION, PID, SOCKET, Asker, DataDir, ask, open_door
from erlmcp.node.exits import Exit, Refusal


@pytest.fixture
def directory(tmp_path: Path):
    owned = DataDir(tmp_path / "data")
    yield owned
    owned.close()


def answering(door: socket.socket, text: str) -> threading.Thread:
    """Serves one asker from a thread."""

    def serve() -> None:
        door.settimeout(5)
        sock, _ = door.accept()
        sock.settimeout(5)
        asker = Asker(sock, until=0.0)
        verb = asker.read()
        asker.answer(f"{text} {verb}")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


def test_the_data_directory_is_for_its_owner_only(directory: DataDir):
    assert stat.S_IMODE(directory.path.stat().st_mode) == 0o700
    assert (directory.path / PID).read_text() == f"{os.getpid()}\n"


def test_a_second_node_is_refused_and_told_who_has_the_directory(directory: DataDir):
    with pytest.raises(Refusal) as refusal:
        DataDir(directory.path)
    assert refusal.value.code == Exit.CONFLICT
    assert refusal.value.message == (
        f"the data directory {directory.path} belongs to the running node with pid {os.getpid()};"
        " stop it (erlmcp stop) or give another with --data-dir"
    )


def test_a_directory_given_back_can_be_taken_again(tmp_path: Path):
    DataDir(tmp_path / "data").close()
    DataDir(tmp_path / "data").close()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("file", "it is a file, not a directory"),
        ("file/data", "it can not be made: Not a directory"),
        ("odd", "erlmcp.pid in it can not be written: Is a directory"),
    ],
)
def test_a_directory_that_can_not_be_used_is_a_wrong_configuration_and_not_a_conflict(tmp_path: Path, name, why):
    (tmp_path / "file").write_text("")
    (tmp_path / "odd" / PID).mkdir(parents=True)
    with pytest.raises(Refusal) as refusal:
        DataDir(tmp_path / name)
    assert refusal.value.code == Exit.CONFIG
    assert refusal.value.message == (
        f"can not use the data directory {tmp_path / name}: {why}; give another with --data-dir"
    )


def test_a_directory_whose_pid_file_takes_no_pid_is_refused(tmp_path: Path):
    os.mkfifo(tmp_path / PID)
    with pytest.raises(Refusal, match="in it can not be written") as caught:
        DataDir(tmp_path)
    assert caught.value.code == Exit.CONFIG


def test_a_directory_without_room_for_the_control_socket_is_refused_and_given_back(tmp_path: Path):
    (tmp_path / SOCKET / "x").mkdir(parents=True)
    directory = DataDir(tmp_path)
    with pytest.raises(Refusal, match=r"control\.sock in it can not be made: Is a directory") as refusal:
        open_door(directory)
    assert refusal.value.code == Exit.CONFIG
    directory.close()
    DataDir(tmp_path).close()


def test_a_question_is_answered(directory: DataDir):
    with open_door(directory) as door:
        thread = answering(door, "you asked")
        assert ask(directory.path, "status", 5.0) == "you asked status"
        thread.join(5)
        assert stat.S_IMODE((directory.path / SOCKET).stat().st_mode) == 0o600


def test_a_socket_left_by_a_killed_node_is_replaced(directory: DataDir):
    open_door(directory).close()
    with open_door(directory) as door:
        thread = answering(door, "again")
        assert ask(directory.path, "ping", 5.0) == "again ping"
        thread.join(5)


def test_a_path_too_long_for_a_socket_address_works_too(tmp_path: Path):
    deep = DataDir(tmp_path / ("x" * 60) / ("y" * 60))
    try:
        with open_door(deep) as door:
            thread = answering(door, "deep")
            assert ask(deep.path, "ping", 5.0) == "deep ping"
            thread.join(5)
    finally:
        deep.close()


def test_nobody_at_home_is_unreachable(tmp_path: Path):
    with pytest.raises(Refusal, match="no node runs in") as refusal:
        ask(tmp_path, "ping", 1.0)
    assert refusal.value.code == Exit.UNREACHABLE


def test_a_silent_node_is_a_timeout(directory: DataDir):
    with open_door(directory), pytest.raises(Refusal, match=r"did not answer ping within 0\.05 s") as refusal:
        ask(directory.path, "ping", 0.05)
    assert refusal.value.code == Exit.TIMEOUT


@pytest.mark.parametrize(
    ("sent", "verb"),
    [
        (b"ping\n", "ping"),
        (b"ping\nrest", "ping"),
        (b"\n", "?"),
        (b"x" * MAX_QUESTION + b"\n", ""),
        (b"pin", None),
    ],
)
def test_a_verb_is_one_line_of_bounded_length(sent: bytes, verb: str | None):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.sendall(sent)
        asker = Asker(ours, until=0.0)
        read = asker.read()
        if read is None and verb is not None:
            read = asker.read()
        assert read == verb


def test_a_peer_that_hangs_up_has_asked_nothing():
    ours, theirs = socket.socketpair()
    with ours:
        theirs.close()
        assert Asker(ours, until=0.0).read() == ""
