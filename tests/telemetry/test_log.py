"""The log: nobody waits for it, what is lost is counted, what is closed is written."""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from erlmcp.telemetry import Log, LogOptions, log, setup
from erlmcp.telemetry.log import PICOLOGGING, Bridge, Ring
from tests.telemetry.watched import exchange

Reader = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline, "it did not happen within 5 s"
        threading.Event().wait(0.005)


@pytest.fixture
def stalled() -> Iterator[int]:
    """A pipe that is full and that nobody reads."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    try:
        while True:
            os.write(write, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(write, True)
    yield write
    os.close(read)  # lets a writer that hangs in it go
    os.close(write)


def test_both_kinds_of_loggers_end_in_one_file(path: Path):
    opened = setup(LogOptions(file=str(path)), worker=3)
    logging.getLogger("app").info("hello %s", "you", extra={"request_id": "r-1"})
    opened.logger("erlmcp.node").warning("careful: %d", 7)
    opened.close()
    said = [{key: value for key, value in line.items() if key != "ts"} for line in lines(path)]
    assert said == [
        {"level": "info", "logger": "app", "msg": "hello you", "worker": 3, "request_id": "r-1"},
        {"level": "warning", "logger": "erlmcp.node", "msg": "careful: 7", "worker": 3},
    ]


def test_without_picologging_the_standard_library_does_the_same(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("erlmcp.telemetry.log.PICOLOGGING", None)
    opened = setup(LogOptions(file=str(path)))
    assert isinstance(opened.logger("erlmcp.node"), logging.Logger)
    opened.logger("erlmcp.node").info("hello")
    opened.close()
    assert [line["msg"] for line in lines(path)] == ["hello"]


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="picologging has no wheel for this Python")
def test_picologging_serves_where_it_has_a_wheel(path: Path):
    opened = setup(LogOptions(file=str(path)))
    assert type(opened.logger("erlmcp.node")).__module__ == "picologging"
    opened.close()


@pytest.mark.parametrize(("level", "shown"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_a_level_lets_through_itself_and_what_is_graver(path: Path, level: Any, shown: int):
    opened = setup(LogOptions(file=str(path), level=level))
    for logger in (logging.getLogger("app"), opened.logger("erlmcp.node")):
        for method in ("debug", "info", "warning", "error"):
            getattr(logger, method)("x")
    opened.close()
    assert len(lines(path)) == 2 * shown


def test_a_traceback_is_written_whoever_caught_it(path: Path):
    opened = setup(LogOptions(file=str(path)))
    for logger in (logging.getLogger("app"), opened.logger("erlmcp.node")):
        try:
            raise RuntimeError("broken")
        except RuntimeError:
            logger.exception("it crashed")
    opened.close()
    assert [line["exception"].splitlines()[-1] for line in lines(path)] == ["RuntimeError: broken"] * 2


def test_arguments_that_do_not_fit_are_shown_and_not_lost(path: Path, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as alone:  # where stdlib's loggers serve, pytest's own handlers would raise
        alone.setattr(logging.getLogger(), "handlers", [])
        opened = setup(LogOptions(file=str(path)))
        bridge = next(handler for handler in logging.getLogger().handlers if isinstance(handler, Bridge))
        bridge.handle(logging.LogRecord("app", logging.INFO, "", 0, "%d apples", ("many",), None))
        opened.logger("erlmcp.node").info("%d apples", "many")
        opened.close()
    assert [line["msg"] for line in lines(path)] == ["%d apples (its arguments do not fit: ('many',))"] * 2


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_record_that_can_not_be_printed_does_not_end_the_log(path: Path):
    class Unprintable:
        def __str__(self) -> str:
            raise RuntimeError("not me")

    opened = setup(LogOptions(file=str(path)))
    first = opened._writer
    logging.getLogger("app").info("fine", extra={"what": Unprintable()})
    first.join(5)
    logging.getLogger("app").error("still here")
    eventually(lambda: path.read_text() != "")
    opened.close()
    assert [line["msg"] for line in lines(path)] == ["still here"]


def test_an_exchange_is_one_line(path: Path):
    opened = setup(LogOptions(file=str(path)))
    opened.access(exchange())
    opened.access(exchange(route="", status=400, framed=False))
    opened.close()
    first, second = lines(path)
    assert (first["logger"], first["method"], first["path"], first["status"]) == ("erlmcp.access", "POST", "/mcp", 200)
    assert (second["method"], second["path"], second["status"]) == ("-", "-", 400)


@pytest.mark.parametrize(
    ("level", "status", "written"), [("info", 200, 0), ("info", 503, 1), ("debug", 200, 1), ("warning", 503, 0)]
)
def test_a_probe_is_shown_when_it_fails_or_at_debug(path: Path, level: Any, status: int, written: int):
    opened = setup(LogOptions(file=str(path), level=level))
    opened.access(exchange(b"GET", "/health", status))
    opened.close()
    assert len(lines(path)) == written


def test_the_access_log_can_be_switched_off(path: Path):
    opened = setup(LogOptions(file=str(path), access=False))
    opened.access(exchange())
    opened.close()
    assert lines(path) == []


@pytest.mark.parametrize(("format_", "starts"), [("json", "{"), ("human", "2"), ("auto", "{")])
def test_a_file_gets_json_unless_told_otherwise(path: Path, format_: Any, starts: str):
    opened = setup(LogOptions(file=str(path), format=format_))
    logging.getLogger("app").info("x")
    opened.access(exchange())
    opened.close()
    assert {line[0] for line in path.read_text().splitlines()} == {starts}


def test_a_terminal_gets_human_lines():
    leader, follower = os.openpty()
    opened = setup(LogOptions(), follower)
    logging.getLogger("app").error("for you")
    assert b"ERROR   app  for you" in os.read(leader, 1000)
    opened.close()
    os.close(leader)
    os.close(follower)


def test_a_renamed_file_is_followed_without_being_told(path: Path):
    opened = setup(LogOptions(file=str(path)))
    logging.getLogger("app").error("before")
    eventually(lambda: "before" in path.read_text())
    path.rename(path.with_suffix(".1"))
    eventually(path.exists)
    logging.getLogger("app").error("after")
    opened.close()
    assert [line["msg"] for line in lines(path)] == ["after"]


def test_a_stalled_pipe_holds_nobody_up_and_its_losses_are_counted(stalled: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("erlmcp.telemetry.log.RECORDS_MOST", 100)
    monkeypatch.setattr("erlmcp.telemetry.log.ACCESS_MOST", 100)
    opened = setup(LogOptions(format="json"), stalled)
    logging.getLogger("app").error("the writer hangs with this one in hand")
    eventually(lambda: len(opened._records._items) == 0)
    for _ in range(150):
        logging.getLogger("app").error("x")
        opened.access(exchange())
    opened.logger("erlmcp.node").error("x")
    assert opened.dropped == 50 + 50 + 1
    before = time.monotonic()
    opened.close(0.05)
    assert time.monotonic() - before < 5


def test_closing_writes_what_waits_and_gives_the_loggers_back(path: Path):
    handlers = list(logging.getLogger().handlers)
    opened = setup(LogOptions(file=str(path)))
    for _ in range(20_000):
        opened.access(exchange())
    opened.close()
    assert len(lines(path)) == 20_000
    assert opened.dropped == 0
    assert logging.getLogger().handlers == handlers


def test_nothing_is_lost_between_many_threads(path: Path):
    opened = setup(LogOptions(file=str(path)))

    def shout(name: int) -> None:
        for number in range(300):
            logging.getLogger("std").info(f"{name} {number}")
            opened.logger("fast").info(f"{name} {number}")

    threads = [threading.Thread(target=shout, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    opened.close()
    assert opened.dropped == 0
    assert len({(line["logger"], line["msg"]) for line in lines(path)}) == 6 * 300 * 2


def test_a_flood_of_one_kind_is_summed_up(path: Path):
    opened = setup(LogOptions(file=str(path)))
    for number in range(500):
        logging.getLogger("app").warning("bad request %d", number)
    eventually(lambda: "more lines in one second like: bad request %d" in path.read_text())
    opened.close()
    repeated = [line["repeated"] for line in lines(path) if "repeated" in line]
    assert len(lines(path)) + sum(repeated) - len(repeated) == 500


@pytest.mark.parametrize(("offered", "lost"), [(10, 0), (11, 1), (25, 15)])
def test_a_ring_loses_its_oldest_and_counts_them(offered: int, lost: int):
    ring = Ring(10)
    for number in range(offered):
        ring.put(number)
        ring.count(number)
    assert ring.lost() == lost
    assert ring.lost() == lost
    assert ring.take(100) == list(range(lost, offered))
    assert ring.lost() == lost


@pytest.mark.skipif(PICOLOGGING is None, reason="picologging has no wheel for this Python")
def test_picologging_and_its_threads_do_not_deadlock_in_the_ring_pattern(path: Path):
    """Its own handlers do (reference: ops.md §3.2), so this runs in a process that may be killed."""
    script = f"""
import threading
from erlmcp.telemetry import LogOptions, setup
log = setup(LogOptions(file={str(path)!r}))
logger = log.logger("fast")
def shout(name):
    for number in range(20_000):
        logger.info("%s %s", name, number)
threads = [threading.Thread(target=shout, args=(n,)) for n in range(6)]
[t.start() for t in threads]; [t.join() for t in threads]
log.close()
print("done")
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (run.stdout, run.stderr) == ("done\n", "")


def test_the_log_says_which_options_it_has():
    assert LogOptions() == LogOptions(format="auto", level="info", file=None, access=True)
    assert Log is log.Log
