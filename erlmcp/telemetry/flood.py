"""One class of log line may not drown the others: the first few of a second pass, the rest are counted in one line.

Pure, but for the counts of the running second. A class is a logger, a level and the message before its arguments are
put in (reliability R-07; CVE-2025-69230 is a server drowned by its own warnings).
"""

from collections.abc import Iterable, Iterator

from erlmcp.telemetry.lines import Entry

__all__ = ["BURST", "Flood"]

BURST = 10  # lines of one class that pass in each second
CLASSES_MOST = 1024  # classes counted at a time; who makes up more has messages without a common template

Kind = tuple[str, str, str]


class Flood:
    """Thins a stream of entries."""

    def __init__(self) -> None:
        self._second = 0
        self._seen: dict[Kind, int] = {}

    def thin(self, entries: Iterable[Entry], now: float) -> Iterator[Entry]:
        """The entries that pass, after the summary of a second that is over. `now` is Unix time."""
        if int(now) != self._second:
            yield from self._summary(now)
            self._second, self._seen = int(now), {}
        for entry in entries:
            if self._passes((entry.logger, entry.level, entry.template)):
                yield entry

    def _passes(self, kind: Kind) -> bool:
        if kind not in self._seen and len(self._seen) == CLASSES_MOST:
            return True
        self._seen[kind] = self._seen.get(kind, 0) + 1
        return self._seen[kind] <= BURST

    def _summary(self, now: float) -> Iterator[Entry]:
        for (logger, level, template), count in self._seen.items():
            if count > BURST:
                message = f"{count - BURST} more lines in one second like: {template}"
                yield Entry(now, level, logger, message, template, {"repeated": count - BURST})
