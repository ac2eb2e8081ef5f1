"""Sees when a Python file below a directory changes, for `erlmcp serve --reload`. A development aid: it polls."""

import os

__all__ = ["SourceWatch"]

INTERVAL = 0.5  # seconds between two looks
MAX_FILES = 10_000
SKIPPED = {"__pycache__", "node_modules", "build", "dist", "site-packages"}


class SourceWatch:
    """`changed(now)` is true once for each change; `last` names the file."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._seen = self._look()
        self._due = 0.0
        self.last = ""

    def changed(self, now: float) -> bool:
        """Look, if it is time to."""
        if now < self._due:
            return False
        self._due = now + INTERVAL
        before, self._seen = self._seen, self._look()
        different = dict(before.items() ^ self._seen.items())
        self.last = min(different, default=self.last)
        return bool(different)

    def _look(self) -> dict[str, tuple[int, int]]:
        found: dict[str, tuple[int, int]] = {}
        folders = [self._root]
        while folders and len(found) < MAX_FILES:
            try:
                entries = list(os.scandir(folders.pop()))
            except OSError:
                continue
            for entry in entries:
                if entry.name.startswith(".") or entry.name in SKIPPED:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.name.endswith(".py"):
                    stat = entry.stat()
                    found[entry.path] = (stat.st_mtime_ns, stat.st_size)
        return found
