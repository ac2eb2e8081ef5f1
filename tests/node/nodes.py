"""A real node for a test: `erlmcp serve` in a folder of its own, on free loopback ports, gone when the test ends."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from erlmcp.node.control import ask
from erlmcp.node.exits import Refusal

WITHIN = 20.0  # seconds; bounds a wait, is no measure of speed: two cores may be busy with other tests
HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}

APP = """
import os, time
from erlmcp import App

app = App("probe", version="1")

@app.tool(inline=True)
def pid() -> int:
    return os.getpid()

@app.tool
def slow(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()

@app.tool(inline=True)
def block(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()

@app.tool(inline=True)
def die(code: int) -> int:
    os._exit(code)
"""


class Node(msgspec.Struct, frozen=True):
    """A started `erlmcp serve`: its process, its folder, the file its stderr goes to."""

    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def stderr(self) -> str:
        return (self.folder / "stderr").read_text(errors="replace")

    def stdout(self) -> str:
        return (self.folder / "stdout").read_text(errors="replace")

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stderr().splitlines()]

    def status(self) -> dict[str, Any]:
        return json.loads(ask(self.data, "status", WITHIN))

    def pids(self) -> dict[str, int]:
        return {worker["id"]: worker["pid"] for worker in self.status()["workers"] if worker["state"] == "running"}

    def port(self, door: str = "http") -> int:
        return int(self.status()["node"]["addresses"][door].rpartition(":")[2])

    def runs(self) -> bool:
        """Whether all its workers serve; fails when it has ended instead."""
        if self.process.poll() is not None:
            raise AssertionError(f"exited with {self.process.returncode}:\n{self.stderr()}")
        try:
            return self.status()["node"]["state"] == "running"
        except Refusal:
            return False

    def wait(self) -> int:
        """Its exit code."""
        try:
            return self.process.wait(WITHIN)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it has not ended:\n{self.stderr()}") from None


def until(condition: Callable[[], Any], what: str = "the condition") -> Any:
    """The first true value; fails after WITHIN seconds. Other processes' states can only be polled."""
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError(f"{what} did not come about within {WITHIN:g} s")


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without what would configure a node; which twins serve is for the caller to say."""
    kept = {key: value for key, value in os.environ.items() if key == "ERLMCP_PURE" or not key.startswith("ERLMCP_")}
    return kept | changes


def launch(folder: Path, *arguments: str, source: str | None = APP, app: str = "probe:app", **environ: str) -> Node:
    """Start a node in `folder` that serves `source` as probe:app; does not wait. Its heart beats ten times a second, so
    that tests need not wait for what it tells."""
    if source is not None:
        (folder / "probe.py").write_text(source)
    command = [sys.executable, "-m", "erlmcp", "serve", app, "--port", "0", "--metrics-port", "0"]
    command += ["--data-dir", str(folder / "data"), "--log-format", "json", *arguments]
    settings = environment(**{"ERLMCP_NODE__HEARTBEAT_INTERVAL": "0.1"} | environ)
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=settings
        )
    return Node(process, folder)


@contextmanager
def running(folder: Path, *arguments: str, source: str | None = APP, **environ: str) -> Iterator[Node]:
    """A node that serves; it is drained at the end, and killed if that takes too long."""
    node = launch(folder, *arguments, source=source, **environ)
    try:
        until(node.runs, "a running node")
        yield node
    finally:
        end(node)


def end(node: Node) -> None:
    """No process is left behind, whatever a test did."""
    if node.process.poll() is None:
        node.process.send_signal(signal.SIGTERM)
    try:
        node.process.wait(WITHIN)
    except subprocess.TimeoutExpired:
        node.process.kill()
        node.process.wait(5)


def get(port: int, path: str, **headers: str) -> tuple[int, bytes]:
    """One GET on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def call(port: int, tool: str, timeout: float = WITHIN, **arguments: Any) -> Any:
    """The structured result of one tool call, on a connection of its own."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("POST", "/mcp", json.dumps(body), HEADERS | {"MCP-Protocol-Version": "2025-11-25"})
        response = connection.getresponse()
        answer = response.read()
    finally:
        connection.close()
    if response.status != 200:
        raise AssertionError(f"{response.status}: {answer!r}")
    message = json.loads(answer if answer.startswith(b"{") else answer.rpartition(b"data: ")[2])
    return message["result"]["structuredContent"]["result"]


class Load:
    """Clients that call without pause, each call on a new connection; one that a dying worker took is tried again."""

    def __init__(self, port: int, clients: int = 4) -> None:
        self._port = port
        self._over = threading.Event()
        self.answered: list[int] = []
        self.retried = 0
        self.refused = 0
        self.failed: list[str] = []
        self._threads = [threading.Thread(target=self._client, daemon=True) for _ in range(clients)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        until(lambda: len(self.answered) > 20, "the load")
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(WITHIN)

    def more(self, count: int = 50) -> None:
        """Wait until so many more calls were answered."""
        before = len(self.answered)
        until(lambda: len(self.answered) >= before + count, "more answers")

    def _client(self) -> None:
        while not self._over.is_set():
            for attempt in (1, 2):
                try:
                    self.answered.append(call(self._port, "pid"))
                    break
                except ConnectionRefusedError:
                    self.refused += 1
                except (OSError, http.client.HTTPException, AssertionError) as fault:
                    if attempt == 2:
                        self.failed.append(repr(fault))
                    self.retried += 1
