"""Evidence for the gates: figures with a file behind each, good and bad ones, and a walk through all gates."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec

from erlmcp.tcps import (
    GATE_OF,
    STAGES,
    AdvanceSku,
    Ask,
    Coverage,
    Digests,
    Evidence,
    ExitCode,
    File,
    Gate,
    Junit,
    Line,
    Sarif,
    Sbom,
    Sku,
    Spec,
    Stage,
    SubmitGate,
)

ONE, OTHER = "1" * 64, "2" * 64  # two builds

#: What passes each gate; gate 6 takes none.
GOOD: dict[Gate, tuple[Any, ...]] = {
    Gate.SHACL_VALIDATION: ((Spec, {"conforms": True, "checked": 1}),),
    Gate.COMPILATION: ((ExitCode, {"code": 0, "duration_ms": 1200}),),
    Gate.TEST_EXECUTION: ((Junit, {"tests": 20, "failures": 1}), (Coverage, {"lines": 100, "covered": 80})),
    Gate.SECURITY_SCAN: ((Sarif, {"notes": 3}),),
    Gate.DETERMINISTIC_BUILD: ((Digests, {"first": ONE, "second": ONE}),),
    Gate.QUALITY_METRICS: (),
    Gate.RELEASE_VERIFICATION: ((Sbom, {"artifact": "thing 1.0", "components": 7}),),
    Gate.SMOKE_TEST: ((ExitCode, {"code": 0}),),
}
#: What fails it.
BAD: dict[Gate, tuple[Any, ...]] = {
    Gate.SHACL_VALIDATION: ((Spec, {"conforms": False, "checked": 1, "violations": 2}),),
    Gate.COMPILATION: ((ExitCode, {"code": 1}),),
    Gate.TEST_EXECUTION: (
        (Junit, {"tests": 20, "failures": 2, "failed": ("test_a", "test_b")}),
        (Coverage, {"lines": 100, "covered": 80}),
    ),
    Gate.SECURITY_SCAN: ((Sarif, {"errors": 1, "rules": ("B602",)}),),
    Gate.DETERMINISTIC_BUILD: ((Digests, {"first": ONE, "second": OTHER}),),
    Gate.RELEASE_VERIFICATION: ((Sbom, {"components": 7, "unpinned": 1}),),
    Gate.SMOKE_TEST: ((ExitCode, {"code": 3}),),
}


def proof(kind: type[Any], figures: dict[str, Any]) -> tuple[Evidence, File]:
    """Evidence with these figures, and the file that it was read from."""
    content = msgspec.json.encode([kind.__name__, figures])
    digest = sha256(content).hexdigest()
    return kind(digest=digest, size=len(content), **figures), File(digest, content)


def submission(sku_id: str, gate: Gate, figures: Sequence[Any]) -> tuple[SubmitGate, tuple[File, ...]]:
    """The command, and the files that come along."""
    made = [proof(kind, fields) for kind, fields in figures]
    return SubmitGate(sku_id, gate, tuple(one for one, _ in made)), tuple(
        {file.digest: file for _, file in made}.values()
    )


async def walk(line: Line, sku: Sku, to: Stage = Stage.SMOKE_TEST, actor: str = "local") -> None:
    """Take a sku from where it is to this stage with good evidence; the gate of smoke_test has run then, too."""
    for stage in STAGES[STAGES.index(sku.stage) : STAGES.index(to) + 1]:
        if stage is not sku.stage:
            await line.execute(Ask(actor, "sku_advance", AdvanceSku(sku.id)))
        if stage in GATE_OF and (stage is not to or to is Stage.SMOKE_TEST):
            command, files = submission(sku.id, GATE_OF[stage], GOOD[GATE_OF[stage]])
            await line.execute(Ask(actor, "gate_submit", command, files=files))
