"""A real `erlmcp serve` for a test: its own processes, free loopback ports, ready when you get it, gone when you leave.

It knows no test's app: it is told one as `module:app`.
"""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

ROOT = Path(__file__).resolve().parent.parent
START = 20.0  # seconds: four workers boot on two cores that other tests are using too
BUILD = ("ERLMCP_PURE", "ERLMCP_REQUIRE_SPEEDUPS")  # which twins serve is for the test run to say
STOP = 35.0  # seconds: the drain budget of 25 and some


class Server(msgspec.Struct, frozen=True):
    """A running server: where it answers, its arbiter's process, and the file that its log lines go to."""

    port: int
    metrics_port: int
    arbiter: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    def get(self, path: str, port: int | None = None) -> tuple[int, bytes]:
        """One plain GET on a connection of its own: status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now; all are held until the last is found, so they differ."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [sock.getsockname()[1] for sock in sockets]
    finally:
        for sock in sockets:
            sock.close()


@contextmanager
def serving(
    target: str, workers: int, *flags: str, directory: Path = ROOT, settings: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Serves `module:app` found from `directory`, until the block ends; then it must drain and exit with 0.

    `settings` are ERLMCP_ variables; those of whoever runs the tests do not reach the server.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ERLMCP_")}
    environment |= {name: os.environ[name] for name in BUILD if name in os.environ} | dict(settings or {})
    port, metrics_port = free_ports(2)
    with TemporaryDirectory(prefix="erlmcp-") as folder:
        log = Path(folder) / "stderr"
        command = [sys.executable, "-m", "erlmcp", "serve", target, "--workers", str(workers), "--port", str(port)]
        command += ["--metrics-port", str(metrics_port), "--data-dir", folder, *flags]
        with log.open("wb") as stderr:
            arbiter = subprocess.Popen(
                command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr
            )
        server = Server(port=port, metrics_port=metrics_port, arbiter=arbiter, log=log)
        try:
            await_ready(server)
            yield server
        finally:
            code = stop(arbiter)
            output = log.read_text(errors="replace")
        assert code == 0, f"erlmcp serve exited with {code}:\n{output}"


def await_ready(server: Server) -> None:
    """Returns when /readyz says yes; fails with what the server wrote when it ends or START seconds pass first."""
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        if server.arbiter.poll() is not None:
            break
        try:
            if server.get("/readyz")[0] == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.02)  # another process's start can only be polled
    raise AssertionError(f"the server is not ready:\n{server.log.read_text(errors='replace')}")


def stop(arbiter: subprocess.Popen[bytes]) -> int:
    """SIGTERM, the drain, and the exit code; a server that outlives its budget is killed (and then the code is -9)."""
    if arbiter.poll() is None:
        arbiter.send_signal(signal.SIGTERM)
    try:
        return arbiter.wait(STOP)
    except subprocess.TimeoutExpired:
        arbiter.kill()
        return arbiter.wait(5)
