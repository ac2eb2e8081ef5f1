"""What a tool's no means on the command line: its exit code, and its advice in the words of the command line. Pure."""

import re
from typing import Any, Final

from erlmcp.node.exits import Exit, Refusal

__all__ = ["EXITS", "refusal_of", "spoken"]

#: Exit codes of the codes of refusals; others are a plain no.
EXITS: Final = {
    "not_found": Exit.NOT_FOUND,
    "conflict": Exit.CONFLICT,
    "wip_limit": Exit.CONFLICT,
    "line_stopped": Exit.CONFLICT,
    "blocked_by_dependencies": Exit.CONFLICT,
    "circular_dependency": Exit.CONFLICT,
    "gate_failed": Exit.CONFLICT,
    "gate_not_run": Exit.CONFLICT,
    "invalid_transition": Exit.CONFLICT,
    "forbidden": Exit.CONFLICT,
    "invalid": Exit.USAGE,
    "overloaded": Exit.UNREACHABLE,
    "unavailable": Exit.UNREACHABLE,
    "timeout": Exit.TIMEOUT,
}
_GROUPS: Final = {
    "work_order": "work-order",
    "kanban": "kanban",
    "heijunka": "heijunka",
    "sku": "sku",
    "gate": "gate",
    "andon": "andon",
    "root_cause": "root-cause",
    "receipt": "receipt",
    "kaizen": "kaizen",
    "tpm": "tpm",
}
_VERBS: Final = frozenset(
    {
        *("create", "get", "list", "start", "pull", "pull_next", "complete", "release", "cancel", "update"),
        *("add_dependency", "remove_dependency", "status", "set_limit", "schedule", "advance", "publish", "abort"),
        *("submit", "acknowledge", "resolve", "add_why", "finalize", "verify"),
        *("report", "proposals", "apply", "health", "run"),
    }
)
_WORDS: Final = "|".join(_GROUPS)
_CALL: Final = re.compile(rf"\bcall (?=(?:{_WORDS})_)")
#: A tool; the id that it is to be called with, where one is named behind it.
_TOOL: Final = re.compile(
    rf"\b({_WORDS})_([a-z_]+)\b(?<!_)"
    r"(?: (?:for|with(?: the)?(?: (?:andon_|sku_|work_order_)?id)?) ((?:WO|SKU|ANDON|RC)-[0-9A-Z]+)\b)?"
)


def refusal_of(result: dict[str, Any]) -> Refusal:
    """The refusal in a result with `isError`."""
    data = result.get("structuredContent")
    if not isinstance(data, dict) or "code" not in data:  # arguments that do not fit their schema have a text alone
        return Refusal(Exit.USAGE, _text(result))
    lines = [f"{data.get('message')} ({data['code']})"]
    if data.get("next"):
        lines.append(f"next: {spoken(str(data['next']))}")
    return Refusal(EXITS.get(data["code"], Exit.NEGATIVE), "\n".join(lines))


def spoken(advice: str) -> str:
    """Advice that names tools, with the commands that call them."""
    commands = _TOOL.sub(_command, _CALL.sub("run ", advice))
    return commands.replace("idempotency_key", "--idempotency-key")


def _command(tool: re.Match[str]) -> str:
    if tool[2] not in _VERBS:
        return tool[0]
    command = f"erlmcp tcps {_GROUPS[tool[1]]} {tool[2].replace('_', '-')}"
    return f"`{command} {tool[3]}`" if tool[3] else f"`{command}`"


def _text(result: dict[str, Any]) -> str:
    return result.get("text") or "the server says no, and does not say why"
