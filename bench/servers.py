"""The servers that are compared: started on free ports, pinned, watched for their processor time, stopped.

nginx and the SDK are peers as their users run them; erlmcp runs its full stack: arbiter, origin and Host checks,
limits, metrics, a JSON access log into a file.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

__all__ = ["Running", "cpu_seconds", "erlmcp", "free_port", "nginx", "sdk"]

ROOT = Path(__file__).resolve().parent.parent
START = 30.0  # seconds until a server must answer
STOP = 35.0

NGINX = """
worker_processes {workers};
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
daemon off;
events {{ worker_connections 2048; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    location / {{ default_type application/json; return 200 '{body}'; }}
  }}
}}
"""


class Running(Struct, frozen=True):
    """A server that answers at `url`; `pid` is the root of its processes."""

    name: str
    url: str
    pid: int


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


@contextmanager
def erlmcp(folder: Path, workers: int, prefix: Sequence[str]) -> Iterator[Running]:
    """Ours, full stack on."""
    port = free_port()
    command = [sys.executable, "-m", "erlmcp", "serve", "bench.app:app", "--workers", str(workers), "--port", str(port)]
    command += ["--metrics-port", str(free_port()), "--data-dir", str(folder), "--log-format", "json"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ERLMCP_")}
    environment["ERLMCP_LOG__FILE"] = str(folder / "erlmcp.log")
    with _started("erlmcp", [*prefix, *command], port, folder, environment) as running:
        yield running


@contextmanager
def nginx(folder: Path, workers: int, prefix: Sequence[str], body: bytes) -> Iterator[Running]:
    """nginx answering `body` to everything, without an access log."""
    binary = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if binary is None:
        raise FileNotFoundError("nginx is not installed; on Debian: apt-get install nginx-light")
    port = free_port()
    text = NGINX.format(workers=workers, folder=folder, port=port, body=body.decode().replace("'", ""))
    (folder / "nginx.conf").write_text(text)
    command = [binary, "-p", str(folder), "-c", str(folder / "nginx.conf")]
    with _started("nginx", [*prefix, *command], port, folder, None) as running:
        yield running


@contextmanager
def sdk(folder: Path, workers: int, prefix: Sequence[str], python: str) -> Iterator[Running]:
    """The official SDK under uvicorn, as in bench/requirements.txt; `python` is the interpreter that has them."""
    port = free_port()
    command = [python, "-m", "uvicorn", "bench.sdk_server:app", "--port", str(port), "--workers", str(workers)]
    command += ["--no-access-log", "--log-level", "warning"]
    with _started("mcp SDK", [*prefix, *command], port, folder, None) as running:
        yield running


@contextmanager
def _started(
    name: str, command: list[str], port: int, folder: Path, environment: dict[str, str] | None
) -> Iterator[Running]:
    output = folder / f"{name.replace(' ', '-')}.out"
    with output.open("wb") as sink:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=environment
        )
    try:
        _await(lambda: _answers(port), process, f"{name} does not answer: see {output}")
        yield Running(name, f"http://127.0.0.1:{port}", process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP)
        except subprocess.TimeoutExpired:
            process.kill()


def _await(true: Callable[[], bool], process: subprocess.Popen[bytes], otherwise: str) -> None:
    deadline = time.monotonic() + START
    while not true():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(otherwise)
        time.sleep(0.05)


def _answers(port: int) -> bool:
    """Whether HTTP is spoken there: any status will do (the SDK has nothing at /health)."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and all its living descendants, in seconds."""
    ticks = 0
    for each in _tree(pid):
        try:
            text = Path(f"/proc/{each}/stat").read_text()
        except OSError:
            continue
        fields = text.rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _tree(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [pid, *(below for child in children for below in _tree(int(child)))]
