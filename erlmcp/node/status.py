"""What `erlmcp status` shows: the node and its workers as one JSON document. It looks, and changes nothing."""

import json
import os
from typing import TYPE_CHECKING, Any

from erlmcp.node.policy import LINE

if TYPE_CHECKING:
    from erlmcp.node.arbiter import Arbiter
    from erlmcp.node.processes import Worker

__all__ = ["describe", "describe_reload"]


def describe(arbiter: "Arbiter", now: float) -> str:
    """The tree: the node, its addresses, the line, every living worker process and the children inside them.

    `line` is null for the moment in which there is none.
    """
    rows = {row.pid: row for row in arbiter.fleet.slab.board.rows()}
    line: list[dict[str, Any]] = []
    workers: list[dict[str, Any]] = []
    for process in sorted(arbiter.fleet.processes, key=lambda process: (process.number, process.born)):
        shown = _process(process, rows.get(process.pid), arbiter.plan, now)
        (line if process.number == LINE else workers).append(shown)
    node = {
        "pid": os.getpid(),
        "version": arbiter.resolved.version,
        "backend": arbiter.resolved.backend,
        "state": arbiter.state,
        "app": arbiter.resolved.node.app,
        "uptime_seconds": round(now - arbiter.started, 1),
        "restarts": sum(max(child.starts - 1, 0) for child in arbiter.plan.children),
        "data_dir": str(arbiter.directory.path),
        "addresses": arbiter.origins if not arbiter.closing else {},
    }
    return json.dumps({"schema": "erlmcp.cli/1", "node": node, "line": line[-1] if line else None, "workers": workers})


def _process(worker: "Worker", row: Any, plan: Any, now: float) -> dict[str, Any]:
    starts = [child.starts for child in plan.children if child.spec.id == worker.id]
    return {
        "id": worker.id,
        "pid": worker.pid,
        "state": "leaving" if worker.leaving else "running" if worker.ready else "starting",
        "uptime_seconds": round(now - worker.born, 1),
        "restarts": max(starts[0] - 1, 0) if starts else 0,
        "memory": row.memory if row else 0,
        "connections": row.connections if row else 0,
        "children": worker.tree or [],
    }


def describe_reload(fault: str | None) -> str:
    """The answer to `reload`."""
    return json.dumps({"ok": True} if fault is None else {"ok": False, "error": fault})
