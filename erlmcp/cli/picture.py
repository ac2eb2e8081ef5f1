"""Draws what `erlmcp status` knows, for a person. Pure: a document in, text out."""

from typing import Any

__all__ = ["draw"]


def draw(document: dict[str, Any]) -> str:
    """The node, its addresses, and the tree below it."""
    node = document["node"]
    processes = [*([document["line"]] if document["line"] else []), *document["workers"]]
    facts = [f"erlmcp {node['version']} ({node['backend']})", node["state"], f"pid {node['pid']}"]
    facts += [f"up {_duration(node['uptime_seconds'])}", _count(node["restarts"], "restart"), node["app"]]
    lines = ["  ".join(facts)]
    lines += [f"   {name:<8} {address}" for name, address in node["addresses"].items()]
    return "\n".join(lines + _branch(processes, "", _process))


def _branch(entries: list[dict[str, Any]], indent: str, title: Any) -> list[str]:
    lines: list[str] = []
    for entry in entries:
        last = entry is entries[-1]
        lines.append(f"{indent}{'└─' if last else '├─'} {title(entry)}")
        lines += _branch(entry.get("children") or [], indent + ("   " if last else "│  "), _child)
    return lines


def _process(process: dict[str, Any]) -> str:
    facts = [f"{process['id']:<9}", process["state"], f"pid {process['pid']}"]
    facts += [f"up {_duration(process['uptime_seconds'])}", _count(process["restarts"], "restart")]
    facts += [_count(process["connections"], "connection"), f"{process['memory'] / 1048576:.0f} MiB"]
    return "  ".join(facts)


def _child(child: dict[str, Any]) -> str:
    return "  ".join([child["name"], child["state"], _count(child.get("restarts", 0), "restart")])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _duration(seconds: float) -> str:
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
