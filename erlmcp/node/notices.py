"""The arbiter's own log lines, in the shape of the workers' (`erlmcp.telemetry`), which it can not import.

One line per write, so lines of several processes on one stream do not mix.
"""

import json
import os
import sys
from datetime import UTC, datetime
from typing import Any

from erlmcp.node.exits import Exit, Refusal
from erlmcp.node.options import LogView

__all__ = ["Notices"]

LEVELS = ("debug", "info", "warning", "error", "critical")


class Notices:
    """Writes lines to stderr, or to the log file; `reopen` after the file was rotated away."""

    def __init__(self, view: LogView) -> None:
        """Refusal(CONFIG) when the log file can not be opened."""
        self._view = view
        self._floor = LEVELS.index(view.level)
        self._fd = sys.__stderr__.fileno() if sys.__stderr__ else 2
        self._own = False
        self.json = view.format == "json" or (
            view.format == "auto" and (view.file is not None or not os.isatty(self._fd))
        )
        try:
            self._open()
        except OSError as fault:
            raise Refusal(Exit.CONFIG, f"log.file: can not write to {view.file}: {fault.strerror}") from fault

    def reopen(self) -> None:
        """Open the log file anew (SIGUSR1, logrotate); if that fails, the old one goes on."""
        try:
            self._open()
        except OSError as fault:
            self.say("error", f"can not reopen {self._view.file}: {fault.strerror}")

    def adopt(self, view: LogView) -> None:
        """Go on in this level; where lines go, and how they look, stays until a restart."""
        self._floor = LEVELS.index(view.level)

    def _open(self) -> None:
        if self._view.file is None:
            return
        old, owned = self._fd, self._own
        self._fd = os.open(self._view.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._own = True
        if owned:
            os.close(old)

    def say(self, level: str, message: str, **fields: Any) -> None:
        """One line. A stream that does not take it (a full disk, a closed terminal) is no reason to stop serving."""
        if LEVELS.index(level) < self._floor:
            return
        line = line_of(level, message, fields, as_json=self.json)
        try:
            os.write(self._fd, line.encode(errors="replace"))
        except OSError:
            return


def line_of(level: str, message: str, fields: dict[str, Any], *, as_json: bool) -> str:
    """The text of one line, its newline included."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if as_json:
        return json.dumps({"ts": now, "level": level, "logger": "erlmcp.node", "msg": message} | fields) + "\n"
    stacks = fields.pop("stacks", "")
    tail = "".join(f" {name}={value}" for name, value in fields.items())
    return f"{now} {level.upper():<7} erlmcp.node  {message}{tail}\n" + (f"{stacks.rstrip()}\n" if stacks else "")
