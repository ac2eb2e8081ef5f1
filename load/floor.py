"""What clients know of the line, and what they ask next: the whole day of a shop floor, with more wanting than slots.

Orders are made to depend on each other, started, walked through gates with files that pass or fail, stopped by whoever
likes, resolved with their whys, completed, given back. It knows what answers have told; it judges nothing.
"""

import json
import random
from typing import Any

from load.model import LIMITS, STAGES

Fields = dict[str, Any]

BUCKETS = tuple(LIMITS)
SIGNALS = ("cve", "refund", "install")
#: what is done → how often. Twice as many want a slot as free one, so that slots are what there is too little of.
MIX = {
    "work_order_create": 16,
    "work_order_start": 12,
    "work_order_pull": 20,
    "work_order_pull_next": 14,
    "work_order_release": 4,
    "work_order_cancel": 4,
    "work_order_update": 3,
    "work_order_add_dependency": 2,
    "work_order_remove_dependency": 1,
    "kanban_set_limit": 1,
    "make": 24,  # the next step of a sku
    "sku_abort": 1,
    "andon_pull": 1,
    "andon_acknowledge": 1,
    "answer": 10,  # the next step towards the end of an andon
}
#: tool → the refusals that other clients may rightly cause.
REFUSALS: dict[str, set[str]] = {
    "work_order_create": {"invalid"},  # it was to wait for an order that somebody cancelled
    "work_order_start": {"wip_limit", "line_stopped", "invalid_transition", "blocked_by_dependencies"},
    "work_order_pull": {"wip_limit", "line_stopped", "not_found"},
    "work_order_pull_next": {"wip_limit", "line_stopped", "not_found"},
    "work_order_complete": {"invalid_transition", "line_stopped", "gate_not_run", "gate_failed"},
    "work_order_release": {"invalid_transition"},
    "work_order_cancel": {"invalid_transition"},
    "work_order_update": {"invalid_transition", "conflict"},
    "work_order_add_dependency": {"invalid_transition", "conflict", "circular_dependency", "invalid"},
    "work_order_remove_dependency": {"invalid_transition", "not_found"},
    "kanban_set_limit": {"conflict"},
    "gate_submit": {"invalid_transition"},
    "sku_advance": {"invalid_transition", "line_stopped", "gate_failed", "gate_not_run"},
    "sku_publish": {"invalid_transition", "line_stopped"},
    "sku_abort": {"invalid_transition"},
    "andon_pull": {"invalid_transition", "conflict"},
    "andon_acknowledge": {"invalid_transition"},
    "andon_resolve": {"invalid_transition"},
    "root_cause_start": {"invalid_transition", "conflict"},
    "root_cause_add_why": {"invalid_transition"},
    "root_cause_finalize": {"invalid_transition"},
}


def _junit(failed: int) -> str:
    cases = "".join(
        f'<testcase classname="t" name="t{n}">{"<failure/>" if n < failed else ""}</testcase>' for n in range(20)
    )
    return f'<testsuite name="s" tests="20" failures="{failed}" errors="0" skipped="0" time="1.5">{cases}</testsuite>'


def _sarif(level: str | None) -> str:
    results = [{"ruleId": "R1", "level": level, "message": {"text": "found"}}] if level else []
    run = {"tool": {"driver": {"name": "scanner", "rules": []}}, "results": results}
    return json.dumps({"version": "2.1.0", "runs": [run]})


def _sbom(version: str) -> str:
    part = {"type": "library", "name": "part", "licenses": [{"license": {"id": "MIT"}}]} | (
        {"version": version} if version else {}
    )
    thing = {"type": "application", "name": "thing", "version": "1.0", "bom-ref": "thing"}
    whole = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "metadata": {"component": thing}}
    return json.dumps({**whole, "components": [part]})


_LCOV = "SF:a.py\n" + "".join(f"DA:{n},{int(n < 9)}\n" for n in range(1, 11)) + "LF:10\nLH:8\nend_of_record\n"
_ONE, _OTHER = "1" * 64, "2" * 64
#: gate → files that pass it, and files that do not.
FILES: dict[str, tuple[list[tuple[str, str]], list[tuple[str, str]]]] = {
    "shacl_validation": (
        [("spec", '{"schema":{"type":"object"},"documents":[{}]}')],
        [("spec", '{"schema":{"type":"object"},"documents":[1]}')],
    ),
    "compilation": ([("exit_code", '{"code":0}')], [("exit_code", '{"code":1}')]),
    "test_execution": (
        [("junit", _junit(1)), ("coverage", _LCOV)],
        [("junit", _junit(5)), ("coverage", _LCOV)],
    ),
    "security_scan": ([("sarif", _sarif(None))], [("sarif", _sarif("error"))]),
    "deterministic_build": (
        [("digests", json.dumps({"first": _ONE, "second": _ONE}))],
        [("digests", json.dumps({"first": _ONE, "second": _OTHER}))],
    ),
    "quality_metrics": ([], []),
    "release_verification": ([("sbom", _sbom("2.0"))], [("sbom", _sbom(""))]),
    "smoke_test": ([("exit_code", '{"code":0}')], [("exit_code", '{"code":2}')]),
}


class Floor:
    """Orders by where they stand, skus in production, and andons that are not resolved, as far as answers have told."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.orders: dict[str, dict[str, Fields]] = {"queued": {}, "in_progress": {}}
        self.skus: dict[str, Fields] = {}  # with `passed`: its gate has been
        self.andons: dict[str, Fields] = {}  # with `whys` and `finished`, of its root cause
        self._over: set[str] = set()  # andons that are resolved, whatever a late answer says

    def learn(self, tool: str, arguments: Fields, code: str, content: Fields) -> None:
        """Take in what came of a command: `code` of its refusal, or the objects of its answer."""
        if code in {"wip_limit", "line_stopped", "blocked_by_dependencies", "circular_dependency"}:
            return
        if code:
            self._forget(tool, arguments, code)
            return
        for dependent in content.get("dependents", ()):
            self._place({**self.orders["queued"].get(dependent["id"], {}), **dependent})
        if order := content.get("work_order"):
            self._place(order)
        if sku := content.get("sku"):
            self._place_sku(sku, content.get("gate"))
        if andon := content.get("andon"):
            self._place_andon(andon, content.get("root_cause"))

    def _place(self, order: Fields) -> None:
        for status, orders in self.orders.items():
            orders.pop(order["id"], None)
            if order["status"] == status:
                orders[order["id"]] = order

    def _place_sku(self, sku: Fields, gate: Fields | None) -> None:
        self.skus.pop(sku["id"], None)
        if sku["status"] in {"in_production", "completed"}:
            self.skus[sku["id"]] = {**sku, "passed": gate is not None and gate["verdict"] == "passed"}

    def _place_andon(self, andon: Fields, cause: Fields | None) -> None:
        known = self.andons.pop(andon["id"], {})
        if andon["status"] == "resolved":
            self._over.add(andon["id"])
        if andon["id"] in self._over:
            return
        whys = max(known.get("whys", 0), len((cause or {}).get("whys", ())))
        finished = known.get("finished", False) or (cause or {}).get("status") == "finalized"
        about = {"whys": whys, "finished": finished}
        about["root_cause_id"] = known.get("root_cause_id") or andon.get("root_cause_id")
        self.andons[andon["id"]] = {**andon, **about}

    def _forget(self, tool: str, arguments: Fields, code: str) -> None:
        """What was refused is not where it was believed to be."""
        name = arguments.get("sku_id") or arguments.get("id") or ""
        if tool.startswith("work_order_"):
            for orders in self.orders.values():
                orders.pop(name, None)
        elif tool in {"gate_submit", "sku_advance", "sku_publish", "sku_abort"}:
            kept = self.skus.pop(name, None)
            if kept and code == "gate_failed":
                self.skus[name] = {**kept, "passed": False}
        elif tool == "andon_resolve":
            self._over.add(name)
            self.andons.pop(name, None)

    def next(self, key: str) -> tuple[str, Fields]:  # noqa: PLR0911 - one case a kind
        """A tool and its arguments."""
        (what,) = self.chance.choices([*MIX], [*MIX.values()])
        if len(self.orders["queued"]) < len(BUCKETS) * 5:
            what = self.chance.choice((what, "work_order_create"))
        if len(self.andons) > 4 and self.chance.random() < 0.3:
            what = "answer"  # all hands
        match what:
            case "work_order_create":
                return what, self._signal(key)
            case "work_order_pull":
                return what, {"bucket": self.chance.choice(BUCKETS), "assignee": key}
            case "work_order_pull_next":
                return what, {"assignee": key}
            case "kanban_set_limit":
                return what, {"bucket": self.chance.choice(BUCKETS), "limit": self.chance.randint(3, 8)}
            case "make" | "sku_abort":
                return self._make(what, key)
            case "answer" | "andon_acknowledge":
                return self._answer(what, key)
        return self._about_an_order(what, key)

    def _signal(self, key: str) -> Fields:
        if self.chance.random() < 0.1:
            return {"signal_type": self.chance.choice(SIGNALS), "title": key}
        asked = {"bucket": self.chance.choice(BUCKETS), "priority": self.chance.randint(1, 10)}
        if self.chance.random() < 0.2 and (known := self._any(self.orders["in_progress"])):
            asked["dependencies"] = [known["id"]]
        return {"signal_type": "internal", "title": key, **asked}

    def _any(self, known: dict[str, Fields]) -> Fields | None:
        return self.chance.choice([*known.values()]) if known else None

    def _about_an_order(self, tool: str, key: str) -> tuple[str, Fields]:
        waits = tool in {"work_order_start", "work_order_update", "work_order_add_dependency"}
        order = self._any(self.orders["queued" if waits else "in_progress"])
        other = self._any(self.orders["in_progress"])
        if order is None or other is None:
            return "work_order_create", self._signal(key)
        name = order["id"]
        match tool:
            case "work_order_start":
                return tool, {"id": name, "assignee": key}
            case "work_order_update":
                changed = {"title": key, "priority": self.chance.randint(1, 10)}
                return tool, {"id": name, "version": order["version"], **changed}
            case "work_order_add_dependency" | "work_order_remove_dependency":
                return tool, {"id": name, "depends_on": other["id"]}
            case "andon_pull":
                (severity,) = self.chance.choices(("critical", "high", "medium", "low"), (1, 4, 20, 20))
                return tool, {"work_order_id": name, "type": "manual", "message": key, "severity": severity}
        return tool, {"id": name, "reason": key}

    def _make(self, what: str, key: str) -> tuple[str, Fields]:
        if not self.skus:
            return "work_order_pull_next", {"assignee": key}
        some = self.chance.choices([*self.skus.values()], k=3)
        sku = max(some, key=lambda one: STAGES.index(one["stage"]))  # finish before you begin
        name, stage = sku["id"], sku["stage"]
        if what == "sku_abort":
            return what, {"id": name, "reason": key}
        if sku["status"] == "completed":
            return ("sku_publish" if stage == "marketplace_validation" else "sku_advance"), {"id": name}
        if stage == "marketplace_validation" or (stage == "smoke_test" and sku["passed"]):
            return "work_order_complete", {"id": sku["work_order_id"]}
        if sku["passed"]:
            return "sku_advance", {"id": name}
        files = FILES[stage][self.chance.random() < 0.02]  # few fail, for each closes something
        evidence = [{"kind": kind, "content": content} for kind, content in files]
        return "gate_submit", {"sku_id": name, "gate": stage, "evidence": evidence}

    def _answer(self, what: str, key: str) -> tuple[str, Fields]:
        if not self.andons:
            return "work_order_pull_next", {"assignee": key}
        worst = sorted(self.andons.values(), key=lambda andon: andon["severity"] != "critical")
        andon = self.chance.choice(worst[:8])
        name, cause = andon["id"], andon.get("root_cause_id")
        if what == "andon_acknowledge":
            return what, {"id": name, "assignee": key}
        if andon["severity"] in {"medium", "low"} or andon["finished"]:
            texts = {"root_cause": "nobody looked", "fix_applied": key, "prevention_added": "look"}
            return "andon_resolve", {"id": name, **texts}
        if not cause:
            return "root_cause_start", {"andon_id": name, "problem": key}
        if andon["whys"] < 5:
            return "root_cause_add_why", {"id": cause, "n": andon["whys"] + 1, "text": key}
        return "root_cause_finalize", {"id": cause, "root_cause": "nobody looked", "prevention": key}
