"""The scenarios, each a day or more on the floor. What comes out is told as facts, the same for every seed."""

from collections.abc import Awaitable, Callable, Mapping
from itertools import groupby
from types import MappingProxyType
from typing import Any, Final

from erlmcp.tcps.commands import (
    AdvanceSku,
    ApplyKaizen,
    Bucket,
    Complete,
    CreateWorkOrder,
    Pull,
    PullNext,
    Release,
    SignalType,
)
from erlmcp.tcps.kaizen import KaizenPeriod
from erlmcp.tcps.pages import AndonFilter
from erlmcp.tcps.simulator.audit import receipt_audit
from erlmcp.tcps.simulator.floor import Floor
from erlmcp.tcps.sku import Stage

__all__ = ["STORIES", "Facts"]

Facts = dict[str, Any]
Story = Callable[[Floor], Awaitable[Facts]]

SIGNALS: Final = (
    CreateWorkOrder(SignalType.CVE, "Patch libthing", source="CVE-2026-0001"),
    CreateWorkOrder(SignalType.GITHUB_ISSUE, "Crash on start", source="#41", labels=("bug", "high")),
    CreateWorkOrder(SignalType.REFUND, "Refund: it lost my data"),
    CreateWorkOrder(SignalType.INSTALL, "Install on a new platform"),
    CreateWorkOrder(SignalType.INTERNAL, "Rename the module", bucket=Bucket.TECHNICAL_DEBT),
)
PULLERS: Final = 12


async def ideal(floor: Floor) -> Facts:
    """Five signals, five skus, everything passes at the first submission."""
    for signal in SIGNALS:
        await floor.ask("planner", signal)
        floor.work(1, 5)
    for number in range(len(SIGNALS)):
        agent = f"agent-{number + 1}"
        sku = await floor.pull(agent)
        await floor.through(agent, sku)
        await floor.finish(agent, sku)
    floor.turn(minutes=1)
    report = await floor.views.kaizen_report(KaizenPeriod.DAY)
    return {"figures": {one.name: one.value for one in report.figures if one.name not in _TIMES}}


async def gate_failure(floor: Floor) -> Facts:
    """Tests fail: the line stops for this sku, five whys are asked, it is repaired and goes on."""
    await floor.order("A thing")
    sku = await floor.pull("agent-1")
    await floor.through("agent-1", sku, Stage.TEST_EXECUTION)
    failed = await floor.submit("agent-1", sku, good=False)
    unpassed = await floor.refused("agent-1", AdvanceSku(sku.id))
    floor.work(10, 20)
    await floor.submit("agent-1", sku)
    stopped = await floor.refused("agent-1", AdvanceSku(sku.id))
    if failed.andon is None:
        raise LookupError("a failed gate raises an andon")
    await floor.resolve("agent-1", failed.andon, "the test was not run before the change")
    await floor.ask("agent-1", AdvanceSku(sku.id))
    await floor.through("agent-1", sku)
    await floor.finish("agent-1", sku)
    return {
        "violations": [f"{one.metric} {one.actual}" for one in (failed.gate.violations if failed.gate else ())],
        "advance_after_failure": unpassed,
        "advance_while_stopped": stopped,
        "whys": len((await floor.views.root_cause(await _cause(floor, failed.andon.id))).whys),
    }


async def wip_overflow(floor: Floor) -> Facts:
    """Twelve agents pull from a bucket of five slots: seven are refused, and a slot that is freed is taken at once."""
    for number in range(PULLERS):
        await floor.order(f"Fix {number + 1}", Bucket.SECURITY)
    most, said = 0, []
    for number in range(PULLERS):
        said.append(await floor.refused(f"agent-{number + 1}", Pull(Bucket.SECURITY)))
        (status,) = await floor.views.kanban(Bucket.SECURITY)
        most = max(most, status.current)
    (held, *_) = (await floor.views.board()).in_progress
    order = await floor.views.work_order(held.id)
    sku = await floor.views.sku(order.sku_id or "")
    await floor.through("agent-1", sku)
    await floor.ask("agent-1", Complete(order.id))
    again = [await floor.refused("agent-6", Pull(Bucket.SECURITY)) for _ in range(2)]
    (status,) = await floor.views.kanban(Bucket.SECURITY)
    return {
        "pulled": said.count(""),
        "refused": said.count("wip_limit"),
        "most_in_progress": most,
        "after_one_was_completed": again,
        "level": str(status.level),
    }


async def heijunka(floor: Floor) -> Facts:
    """Eighteen orders of six buckets, badly mixed, are pulled level."""
    for bucket, many in zip(Bucket, (3, 3, 3, 3, 4, 2), strict=True):
        for number in range(many):
            await floor.order(f"{bucket} {number + 1}", bucket)
            floor.turn(minutes=1)
    schedule = await floor.views.heijunka(10)
    pulled: list[str] = []
    for number in range(10):
        done = await floor.ask(f"agent-{number + 1}", PullNext())
        if done.work_order is not None:
            pulled.append(str(done.work_order.bucket))
        floor.work(1, 5)
    return {
        "scheduled": [str(slot.bucket) for slot in schedule.orders],
        "pulled": pulled,
        "longest_run": max(len(list(run)) for _, run in groupby(pulled)),
        "score": schedule.score,
    }


async def kaizen(floor: Floor) -> Facts:
    """A week of slow compilations and work given back; what is proposed is applied, and a week later it has paid."""
    await _week(floor, compiled_ms=2_100_000, releases=2)
    proposed = await floor.propose()
    proposals = await floor.views.kaizen_proposals()
    for proposal in proposals:
        await floor.ask("lead", ApplyKaizen(proposal.id))
    await _week(floor, compiled_ms=120_000, releases=0)
    floor.turn(days=1)
    measured = await floor.measure()
    return {
        "proposed": proposed,
        "proposals": [
            {"waste": str(one.waste), "waste_hours": one.figures.waste_hours, "roi": one.figures.roi}
            for one in proposals
        ],
        "measured": measured,
        "benefits": {
            str(one.waste): f"{one.state} {one.figures.benefit_hours}" for one in await floor.views.kaizen_proposals()
        },
    }


async def _week(floor: Floor, *, compiled_ms: int, releases: int) -> None:
    """Six working days, with an order each."""
    for day in range(6):
        await floor.order(f"Change {day + 1}")
        sku = await floor.pull("agent-1")
        if day < releases:
            floor.work(5, 10)
            await floor.ask("agent-1", Release(sku.work_order_id, "something else came up"))
            sku = await floor.pull("agent-2")
        await floor.through("agent-2", sku, compiled_ms=compiled_ms)
        await floor.finish("agent-2", sku)
        floor.turn(days=1)


async def _cause(floor: Floor, andon_id: str) -> str:
    page = await floor.views.andons(AndonFilter())
    return next(one.root_cause_id or "" for one in page.andons if one.id == andon_id)


_TIMES: Final = frozenset({"lead_time_hours", "cycle_time_hours"})
STORIES: Final[Mapping[str, Story]] = MappingProxyType(
    {
        "ideal": ideal,
        "gate-failure": gate_failure,
        "wip-overflow": wip_overflow,
        "heijunka": heijunka,
        "receipt-audit": receipt_audit,
        "kaizen": kaizen,
    }
)
