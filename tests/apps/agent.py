"""An agent that knows the tool list and nothing else: what it wants it tries, and where it is refused it does what
`next` says, tool by tool, before it tries again.

It does not know the line: ids come from answers and refusals, arguments from the tools' schemas, evidence from its
workshop, where the tests fail until it has seen them fail.
"""

import re
from typing import Any, Protocol

from tests.apps.proofs import FAILING, PASSING

__all__ = ["Agent", "Hands"]

CALLS = 150  # of a day, at most
TRIES = 25  # of one thing
_TOOL = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")
_ID = re.compile(r"\b(WO|SKU|ANDON|RC)-\w+")
_WHOSE = {"work_order": "WO", "sku": "SKU", "andon": "ANDON", "root_cause": "RC"}
_TEXTS = {
    "problem": "Two tests fail",
    "text": "Because the one before it is so",
    "root_cause": "The fixture is shared",
    "fix_applied": "Each test has its own",
    "prevention": "A rule against shared fixtures",
    "prevention_added": "A rule against shared fixtures",
    "message": "The staging machine smokes",
    "type": "manual",
    "assignee": "agent",
}


class Hands(Protocol):
    """A client, of whatever kind."""

    async def tools(self) -> dict[str, dict[str, Any]]:
        """The input schema of each tool, by its name."""

    async def call(self, tool: str, arguments: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
        """Whether it was refused, and the structured content."""


class Agent:
    """`refusals`: the codes it met, in order; `called`: each tool with its arguments."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        self._tools: dict[str, dict[str, Any]] = {}
        self._ids: dict[str, str] = {}
        self._stage = ""
        self._repaired = False
        self.refusals: list[str] = []
        self.called: list[str] = []

    async def begin(self) -> None:
        """Read the tool list."""
        self._tools = await self._hands.tools()

    async def achieve(self, tool: str, said: str = "", **known: Any) -> dict[str, Any]:
        """Call a tool until it goes well; `said`: the advice that names it."""
        for _ in range(TRIES):
            refused, answer = await self._call(tool, known | self._arguments(tool, said, known))
            if not refused:
                return answer
            self.refusals.append(answer["code"])
            for named in _TOOL.findall(answer["next"]):
                if named in self._tools and named != tool:
                    await self.achieve(named, answer["next"])
            said = answer["next"]
        raise AssertionError(f"{tool} is refused for ever: {answer}")

    async def _call(self, tool: str, arguments: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
        assert len(self.called) < CALLS, self.called
        self.called.append(tool)
        key = {"idempotency_key": f"call {len(self.called)}"}
        keyed = "idempotency_key" in self._tools[tool]["properties"]
        refused, answer = await self._hands.call(tool, arguments | (key if keyed else {}))
        if not refused:
            self._remember(answer)
            await self._look_at(answer)
        return refused, answer

    def _remember(self, answer: dict[str, Any]) -> None:
        for word, prefix in _WHOSE.items():
            if isinstance(made := answer.get(word), dict):
                self._ids[prefix] = made["id"]
        self._stage = answer.get("sku", {}).get("stage", self._stage)

    async def _look_at(self, answer: dict[str, Any]) -> None:
        """A gate that failed makes it careful: it repairs, and stops the line for what else it has seen."""
        if answer.get("gate", {}).get("verdict") == "failed" and not self._repaired:
            self._repaired = True
            andon = self._ids["ANDON"]
            await self.achieve("andon_pull")
            self._ids["ANDON"] = andon

    def _arguments(self, tool: str, said: str, known: dict[str, Any]) -> dict[str, Any]:
        wanted = [name for name in self._tools[tool]["properties"] if name in self._tools[tool].get("required", ())]
        if tool == "gate_submit":
            wanted.append("evidence")
        named = {match[1]: match[0] for match in _ID.finditer(said)}
        return {name: self._argument(tool, name, said, named) for name in wanted if name not in known}

    def _argument(self, tool: str, name: str, said: str, named: dict[str, str]) -> Any:
        if name == "id" or name.endswith("_id"):
            word = name.removesuffix("_id") if name != "id" else next(w for w in _WHOSE if tool.startswith(w))
            return named.get(_WHOSE[word]) or self._ids[_WHOSE[word]]
        match name:
            case "n":
                return int((re.search(r"\bn (\d)", said) or ["", "1"])[1])
            case "gate":
                return self._gate(said)
            case "evidence":
                gate = self._gate(said)
                return FAILING if gate == "test_execution" and not self._repaired else PASSING[gate]
            case _:
                return _TEXTS[name]

    def _gate(self, said: str) -> str:
        """The one that the advice names, if it names one; else that of the stage."""
        found = re.search(r"\bgate (\w+)\b", said)
        return found[1] if found and found[1] in PASSING else self._stage
