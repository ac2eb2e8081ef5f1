"""The pure parts of the node: policy, roll, log lines, the watch, the way a process died."""

import json
import os
import socket
from pathlib import Path

import msgspec
import pytest

from erlmcp import otp
from erlmcp.node.exits import Exit, Refusal
from erlmcp.node.notices import Notices, line_of
from erlmcp.node.options import Address, LogView, Options, Resolved
from erlmcp.node.policy import budget, new_plan, reason
from erlmcp.node.processes import MAX_SAID, Worker, death
from erlmcp.node.roll import Roll, refuse_other_place
from erlmcp.node.watch import SourceWatch


def resolved(**node: object) -> Resolved:
    return Resolved(
        version="0.7.0",
        backend="pure",
        node=Options(**node),  # type: ignore[arg-type]
        http=Address("127.0.0.1", 8080, drain=25.0),
        metrics=Address("127.0.0.1", 9090),
        log=LogView(),
        public_url="",
        sections=msgspec.Raw(b"{}"),
    )


def test_the_line_starts_first_and_then_the_workers_at_once_all_of_them_permanent():
    plan, actions = otp.plan.begin(new_plan(resolved(workers=3)))
    assert actions == (otp.Start("line"),)
    plan, actions = otp.plan.started(plan, "line")
    assert actions == (otp.Start("worker-1"), otp.Start("worker-2"), otp.Start("worker-3"))
    assert {child.spec.restart for child in plan.children} == {otp.Restart.PERMANENT}


def test_a_worker_may_drain_and_a_grace_beyond():
    assert budget(resolved(drain_grace=3.0)) == 28.0


@pytest.mark.parametrize(
    ("code", "expected"), [(0, otp.Reason.NORMAL), (1, otp.Reason.CRASHED), (-9, otp.Reason.KILLED)]
)
def test_an_exit_code_is_a_reason(code: int, expected: otp.Reason):
    assert reason(code) is expected


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exited with code 0"),
        (-9, "was killed by SIGKILL"),
        (-6, "was killed by SIGABRT"),
        (-250, "was killed by signal 250"),
    ],
)
def test_a_death_is_told_in_words(code: int, words: str):
    assert death(code) == words


def test_a_roll_goes_through_those_who_are_still_there():
    roll = Roll(resolved(), [1, 2, 3])
    assert [roll.next({"worker-1", "worker-3"}) for _ in range(3)] == [1, 3, None]


def test_a_worker_that_found_no_slot_is_next_again():
    roll = Roll(resolved(), [1, 2])
    roll.put_back(roll.next({"worker-1"}) or 0)
    assert roll.next({"worker-1"}) == 1


def test_a_roll_takes_another_number_of_workers_up_to_its_slots():
    refuse_other_place(resolved(), resolved(workers=3), slots=4)
    with pytest.raises(Refusal, match="without one, up to 3 are possible"):
        refuse_other_place(resolved(), resolved(workers=4), slots=4)


def test_a_roll_can_not_move_a_door():
    moved = msgspec.structs.replace(resolved(), http=Address("127.0.0.1", 8081))
    with pytest.raises(Refusal, match=r"the address of \[http\] changed from 127\.0\.0\.1:8080 to 127\.0\.0\.1:8081"):
        refuse_other_place(resolved(), moved, slots=4)


def test_a_roll_may_change_how_long_a_door_drains():
    other = msgspec.structs.replace(
        resolved(), http=Address("127.0.0.1", 8080, drain=1.0), metrics=Address("127.0.0.1", 9090, drain=1.0)
    )
    refuse_other_place(resolved(), other, slots=4)


def test_a_line_for_machines_is_one_json_object():
    line = line_of("info", "two\nlines", {"pid": 1}, as_json=True)
    assert line.count("\n") == 1
    document = json.loads(line)
    assert document.pop("ts").endswith("Z")
    assert document == {"level": "info", "logger": "erlmcp.node", "msg": "two\nlines", "pid": 1}


def test_a_line_for_people_ends_with_the_stacks():
    line = line_of("error", "worker-1 died", {"pid": 1, "stacks": "Thread 1\n  frame\n"}, as_json=False)
    assert line.partition(" ")[2] == "ERROR   erlmcp.node  worker-1 died pid=1\nThread 1\n  frame\n"


def test_notices_go_to_the_file_and_follow_it_when_it_is_rotated_away(tmp_path: Path):
    log = tmp_path / "node.log"
    notices = Notices(LogView(file=str(log)))
    notices.say("debug", "too quiet")
    notices.say("info", "first")
    log.rename(tmp_path / "node.log.1")
    notices.reopen()
    notices.say("info", "second")
    assert [json.loads(line)["msg"] for line in (tmp_path / "node.log.1").read_text().splitlines()] == ["first"]
    assert [json.loads(line)["msg"] for line in log.read_text().splitlines()] == ["second"]


def touch(path: Path, text: str) -> None:
    path.write_text(text)
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))


def test_the_watch_sees_a_changed_a_new_and_a_removed_python_file_once_each(tmp_path: Path):
    (tmp_path / "app.py").write_text("1")
    watch = SourceWatch(str(tmp_path))
    assert not watch.changed(1.0)
    touch(tmp_path / "app.py", "2")
    assert watch.changed(2.0)
    assert not watch.changed(3.0)
    (tmp_path / "package").mkdir()
    touch(tmp_path / "package" / "new.py", "1")
    assert watch.changed(4.0)
    assert watch.last == str(tmp_path / "package" / "new.py")
    (tmp_path / "app.py").unlink()
    assert watch.changed(5.0)


def test_the_watch_ignores_other_files_and_hidden_folders(tmp_path: Path):
    watch = SourceWatch(str(tmp_path))
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "module.py").write_text("1")
    (tmp_path / "notes.txt").write_text("1")
    assert not watch.changed(1.0)


def test_the_watch_does_not_look_again_before_its_interval(tmp_path: Path):
    watch = SourceWatch(str(tmp_path))
    assert not watch.changed(1.0)
    (tmp_path / "new.py").write_text("1")
    assert not watch.changed(1.2)
    assert watch.changed(1.6)


def test_a_log_file_that_can_not_be_written_keeps_a_node_from_starting(tmp_path: Path):
    with pytest.raises(Refusal, match=r"log\.file: can not write to") as refusal:
        Notices(LogView(file=str(tmp_path / "missing" / "node.log")))
    assert refusal.value.code == Exit.CONFIG


def test_a_log_file_that_can_not_be_reopened_is_written_on(tmp_path: Path):
    folder = tmp_path / "log"
    folder.mkdir()
    notices = Notices(LogView(file=str(folder / "node.log")))
    folder.rename(tmp_path / "moved")
    notices.reopen()
    notices.say("info", "still here")
    messages = [json.loads(line)["msg"] for line in (tmp_path / "moved" / "node.log").read_text().splitlines()]
    assert messages == [f"can not reopen {folder / 'node.log'}: No such file or directory", "still here"]


def test_notices_adopt_another_level(tmp_path: Path):
    notices = Notices(LogView(file=str(tmp_path / "log")))
    notices.adopt(LogView(level="error"))
    notices.say("info", "quiet")
    assert (tmp_path / "log").read_text() == ""


def test_what_a_worker_says_can_not_hurt_the_arbiter():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    worker = Worker("worker-1", 1, 0, None, ours, -1, born=0.0, beat=0.0)  # type: ignore[arg-type]
    with ours, theirs:
        theirs.sendall(b"tree {\n\xff\xfe\nready\n.\n" + b"x" * 100_000)
        while worker.hear(5.0) and len(worker._said) < MAX_SAID:
            pass
        assert (worker.ready, worker.beat, worker.tree) == (True, 5.0, None)
        assert worker.last_words.startswith("said something unknown: b'\\xff\\xfe'")
        assert len(worker._said) == MAX_SAID
        theirs.close()
        assert not worker.hear(6.0)
