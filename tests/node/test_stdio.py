"""A real `erlmcp stdio`: nothing but protocol on its output, and an end that leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.node.nodes import WITHIN, environment, until
from tests.node.piped import Piped, piped

APP = """
import ctypes, os, subprocess, sys, threading, time, atexit
from contextlib import asynccontextmanager
from erlmcp import App, Context
import asyncio

print("printed at import")

@asynccontextmanager
async def life(app):
    print("opened")
    yield 1
    print("closed")

app = App("probe", version="1", lifespan=life)
atexit.register(lambda: print("printed at exit"))

@app.tool
def noisy() -> str:
    print("printed by Python", flush=True)
    sys.stdout.write("written without an end")
    os.write(1, b"written to descriptor 1\\n")
    libc = ctypes.CDLL(None)
    libc.puts(b"printed by C")
    libc.fflush(None)
    subprocess.run([sys.executable, "-c", "print('printed by a child')"], check=True)
    os.system("echo printed by a shell")
    return repr(sys.stdin.read())

@app.tool
def child(seconds: float) -> int:
    return subprocess.Popen(["sh", "-c", f"sleep {seconds} & wait"]).pid

@app.tool
def stubborn() -> int:
    script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    process.stdout.readline()
    return process.pid

@app.tool
def hang(seconds: float) -> str:
    time.sleep(seconds)
    return "slept"

@app.tool
def thread() -> int:
    threading.Thread(target=time.sleep, args=(60,)).start()
    return 1

@app.tool
async def wait(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "waited"

@app.tool(inline=True)
def big(size: int) -> str:
    return "x" * size

@app.tool
async def flood(count: int, ctx: Context) -> int:
    for number in range(count):
        await ctx.progress(number, count, "x" * 1000)
    return count

@app.tool(inline=True)
def pid() -> int:
    return os.getpid()
"""


@pytest.fixture
def probe(tmp_path: Path):
    """A process that serves the app above."""
    with piped(tmp_path, "probe:app", source=APP) as one:
        yield one


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_nothing_but_protocol_is_on_its_output_whatever_the_app_prints(probe: Piped) -> None:
    assert probe.call("noisy") == {"result": "''"}
    assert probe.leave() == 0
    assert probe.message() is None
    said = probe.stderr()
    for text in ("at import", "by Python", "by C", "by a child", "by a shell", "at exit"):
        assert f"printed {text}" in said
    assert "written to descriptor 1" in said
    assert said.index("opened") < said.index("closed")


def test_it_leaves_when_the_input_ends(probe: Piped) -> None:
    assert probe.call("pid") == {"result": probe.process.pid}
    assert probe.leave() == 0


def test_everything_that_was_asked_before_the_end_is_answered(tmp_path: Path) -> None:
    with piped(tmp_path, "probe:app", source=APP) as probe:
        slow = probe.ask("tools/call", {"name": "wait", "arguments": {"seconds": 0.2}})
        quick = [probe.ask("tools/list") for _ in range(100)]
        probe.close()
        heard = [probe.message()["id"] for _ in range(101)]
        assert (sorted(heard), heard[-1]) == (sorted([slow, *quick]), slow)
        assert probe.wait() == 0


def test_a_last_line_without_an_end_is_served(probe: Piped) -> None:
    assert probe.process.stdin is not None
    probe.process.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"ping"}')
    probe.close()
    assert probe.message() == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert probe.wait() == 0


def test_a_call_that_does_not_end_holds_the_end_up_for_the_drain_only(tmp_path: Path) -> None:
    with piped(tmp_path, "probe:app", source=APP, ERLMCP_STDIO__DRAIN="0.2") as probe:
        probe.call("thread")
        probe.ask("tools/call", {"name": "hang", "arguments": {"seconds": 60}})
        assert probe.leave() == 0
        assert probe.message() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_alike(probe: Piped, number: int) -> None:
    probe.call("pid")
    probe.process.send_signal(number)
    assert probe.wait() == 0


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with piped(tmp_path, "probe:app", source=APP, ERLMCP_STDIO__DRAIN="600") as probe:
        probe.call("pid")
        probe.ask("tools/call", {"name": "wait", "arguments": {"seconds": 60}})
        probe.close()
        probe.process.send_signal(signal.SIGTERM)
        probe.process.send_signal(signal.SIGTERM)
        until(lambda: probe.process.poll() is not None or probe.process.send_signal(signal.SIGTERM), "its end")
        assert probe.wait() == 0, probe.stderr()


def test_it_leaves_nothing_running(probe: Piped) -> None:
    below = [probe.call("child", seconds=60)["result"], probe.call("stubborn")["result"]]
    assert all(alive(pid) for pid in below)
    assert probe.leave() == 0
    until(lambda: not any(alive(pid) for pid in below), "the end of its children")


def test_it_leaves_when_its_client_dies_though_another_holds_the_pipe(tmp_path: Path) -> None:
    (tmp_path / "probe.py").write_text(APP)
    holder_read, holder_write = os.pipe()
    command = [sys.executable, "-m", "erlmcp", "stdio", "--data-dir", str(tmp_path / "data"), "probe:app"]
    script = (
        "import subprocess, sys, time\n"
        f"p = subprocess.Popen({command!r}, stdin={holder_read}, stdout=subprocess.PIPE)\n"
        "p.stdout.readline()\n"
        "print(p.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    client = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=tmp_path, env=environment(), pass_fds=[holder_read]
    )
    try:
        os.write(holder_write, b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
        assert client.stdout is not None
        pid = int(client.stdout.readline())
        assert alive(pid)
        client.kill()
        client.wait(WITHIN)
        client.stdout.close()
        until(lambda: not alive(pid), "the end of the server")
    finally:
        client.kill()
        os.close(holder_read)
        os.close(holder_write)


def test_it_leaves_when_nobody_reads_its_output(tmp_path: Path) -> None:
    (tmp_path / "probe.py").write_text(APP)
    read, write = os.pipe()
    command = [sys.executable, "-m", "erlmcp", "stdio", "--data-dir", str(tmp_path / "data"), "probe:app"]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=write, cwd=tmp_path, env=environment())
    try:
        os.close(write)
        assert server.stdin is not None
        server.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
        server.stdin.flush()
        assert os.read(read, 100) == b'{"jsonrpc":"2.0","id":1,"result":{}}\n'
        os.close(read)
        assert server.wait(WITHIN) == 0
        server.stdin.close()
    finally:
        server.kill()


def test_what_is_broken_is_told_and_the_next_line_is_served(tmp_path: Path) -> None:
    with piped(tmp_path, "probe:app", source=APP, ERLMCP_STDIO__MAX_LINE="2048") as probe:
        for broken, code in ((b"{", -32700), (b"x" * 2049, -32700), (b'"\xff"', -32700), (b"[]", -32600)):
            probe.send(broken)
            assert probe.message()["error"]["code"] == code
        probe.send(b'{"jsonrpc":"2.0","id":7,"method":"ping"%b}\r' % (b" " * (2048 - 41)))
        assert probe.message() == {"jsonrpc": "2.0", "id": 7, "result": {}}
        assert probe.leave() == 0


def test_a_client_that_does_not_read_is_not_read_from_and_loses_no_answer(tmp_path: Path) -> None:
    with piped(tmp_path, "probe:app", source=APP, ERLMCP_STDIO__BUFFER="65536") as probe:
        request = {"name": "big", "arguments": {"size": 100_000}}
        sent = [probe.ask("tools/call", request) for _ in range(300)]
        assert sorted(probe.message()["id"] for _ in sent) == sent
        assert probe.leave() == 0


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_files_and_devices_serve_as_streams_too(tmp_path: Path, loop: str) -> None:
    (tmp_path / "probe.py").write_text(APP)
    (tmp_path / "in").write_bytes(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n' * 3)
    command = [
        sys.executable,
        "-m",
        "erlmcp",
        "stdio",
        "--loop",
        loop,
        "--data-dir",
        str(tmp_path / "data"),
        "probe:app",
    ]
    with (tmp_path / "in").open("rb") as source, (tmp_path / "out").open("wb") as sink:
        subprocess.run(command, stdin=source, stdout=sink, cwd=tmp_path, env=environment(), check=True, timeout=WITHIN)
    assert [json.loads(line)["id"] for line in (tmp_path / "out").read_bytes().splitlines()] == [1, 1, 1]
    subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        cwd=tmp_path,
        env=environment(),
        check=True,
        timeout=WITHIN,
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nowhere:app"], 3, "there is no module 'nowhere'"),
        (["--directory", "nowhere"], 2, "--directory nowhere: No such file or directory"),
        (["--config", "nowhere"], 7, "nowhere"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    with piped(tmp_path, *arguments) as probe:
        assert probe.wait() == code
        assert probe.stderr().startswith("error: ")
        assert said in probe.stderr()
        assert probe.message() is None
