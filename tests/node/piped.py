"""A real `erlmcp stdio` for a test: its pipes, what it says, and its end. Every wait is bounded."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.mcp.posts import META, PREFIX
from tests.node.nodes import WITHIN, environment, until

__all__ = ["Piped", "piped"]


class Piped:
    """A started process. `heard` are the lines that came and were not taken yet."""

    def __init__(self, process: "subprocess.Popen[bytes]", folder: Path, log: Path) -> None:
        self.process, self.folder, self._log = process, folder, log
        self.heard: queue.Queue[bytes] = queue.Queue()
        self._last = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.heard.put(line)
        self.heard.put(b"")

    def send(self, line: bytes) -> None:
        """One line, as it is."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def message(self) -> Any:
        """The next message; None at the end of the stream."""
        try:
            line = self.heard.get(timeout=WITHIN)
        except queue.Empty:
            raise AssertionError(f"it says nothing:\n{self.stderr()}") from None
        return json.loads(line) if line else None

    def ask(self, method: str, params: dict[str, Any] | None = None, **capabilities: Any) -> int:
        """Send a modern request of a client that can so much; gives its id."""
        self._last += 1
        params = (params or {}) | {"_meta": META | {PREFIX + "clientCapabilities": capabilities}}
        self.send(json.dumps({"jsonrpc": "2.0", "id": self._last, "method": method, "params": params}).encode())
        return self._last

    def call(self, name: str, **arguments: Any) -> Any:
        """The structured content of a tool's answer, or its text."""
        number = self.ask("tools/call", {"name": name, "arguments": arguments})
        answer = self.message()
        assert answer["id"] == number, answer
        result = answer["result"]
        return result.get("structuredContent") or result["content"][0]["text"]

    def close(self) -> None:
        """End the input."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def wait(self) -> int:
        """The exit code."""
        try:
            return self.process.wait(WITHIN)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it has not ended:\n{self.stderr()}") from None

    def leave(self) -> int:
        """End the input; the exit code."""
        self.close()
        return self.wait()

    def stderr(self) -> str:
        return self._log.read_text(errors="replace")

    def says(self, text: str) -> None:
        """Wait until the log has it."""
        until(lambda: text in self.stderr(), f"{text!r} in the log")


@contextmanager
def piped(folder: Path, *arguments: str, source: str | None = None, **environ: str) -> Iterator[Piped]:
    """`erlmcp stdio ARGUMENTS` in `folder`, its data directory below it; killed at the end if it has not left."""
    if source is not None:
        (folder / "probe.py").write_text(source)
    log = folder / f"stderr-{len(list(folder.glob('stderr-*')))}"
    command = [sys.executable, "-m", "erlmcp", "stdio", "--data-dir", str(folder / "data"), *arguments]
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            cwd=folder,
            env=environment(**environ),
            start_new_session=True,
        )
    one = Piped(process, folder, log)
    try:
        yield one
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(WITHIN)
        for stream in (process.stdin, process.stdout):
            if stream is not None and not stream.closed:
                _close(stream)


def _close(stream: Any) -> None:
    try:
        stream.close()
    except BrokenPipeError:
        return
