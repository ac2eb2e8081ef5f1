"""What telemetry wants to know of the node it watches; the node fills it in."""

from msgspec import Struct

__all__ = ["About", "NodeFacts", "WorkerFacts"]


class About(Struct, frozen=True):
    """Who tells: the version, which twins serve (`compiled` or `pure`), the number of this worker."""

    version: str
    backend: str
    worker: int = 0


class WorkerFacts(Struct, frozen=True):
    """One living worker: its number, its process, and the load it reported last."""

    number: int
    pid: int
    restarts: int = 0
    memory_bytes: int = 0
    children: int = 0  # supervised children that run in it
    connections: int = 0
    in_flight: int = 0
    listening: int = 0  # streams of notifications that are open
    draining: bool = False


class NodeFacts(Struct, frozen=True):
    """The node: its arbiter (0 when a worker is run by hand), how many workers it should have, and those it has.

    `line`: the process that owns the database, number 0; None while there is none.
    """

    arbiter_pid: int
    wanted_workers: int
    workers: tuple[WorkerFacts, ...]
    line: WorkerFacts | None = None

    @property
    def processes(self) -> tuple[WorkerFacts, ...]:
        """The workers, and the line process where there is one."""
        return self.workers if self.line is None else (self.line, *self.workers)
