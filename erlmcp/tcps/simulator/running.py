"""Runs a scenario from its first signal to its summary."""

import asyncio
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from erlmcp.tcps.export import export
from erlmcp.tcps.moments import stamp
from erlmcp.tcps.receipt import Ok
from erlmcp.tcps.simulator.floor import START, Floor, Watch, unwatched
from erlmcp.tcps.simulator.scenarios import STORIES

__all__ = ["SCENARIOS", "Summary", "simulate"]

SCENARIOS: Final = tuple(STORIES)


class _Typed(Struct, frozen=True):
    type: str


_typed: Final = msgspec.json.Decoder(_Typed).decode


class Summary(Struct, frozen=True):
    """What a scenario came to. `outcome`: its own facts; `chain`: whether the receipts are whole."""

    scenario: str
    seed: int
    started: str
    ended: str
    receipts: int
    head: str
    chain: str
    types: dict[str, int]
    refusals: dict[str, int]
    work_orders: dict[str, int]
    andons: dict[str, int]
    outcome: dict[str, Any]


async def simulate(
    scenario: str, seed: int = 0, *, place: Path | None = None, watch: Watch = unwatched
) -> tuple[Summary, bytes]:
    """The summary and the receipts as an export holds them.

    `place`: a directory for its database, which must not have one yet (FileExistsError); else a temporary one.
    """
    with ExitStack() as stack:
        if place is None:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="erlmcp-simulate-")))
        place.mkdir(parents=True, exist_ok=True)
        if (place / "erlmcp.db").exists():
            raise FileExistsError(f"{place} has a database already: a simulation begins with none")
        floor = Floor(place, seed, watch)
        async with floor.database:
            ready = asyncio.Event()
            line = asyncio.create_task(floor.line.run(ready.set))
            try:
                await ready.wait()
                outcome = await STORIES[scenario](floor)
                return await _summary(scenario, seed, floor, outcome)
            finally:
                line.cancel()
                await asyncio.wait({line})


async def _summary(scenario: str, seed: int, floor: Floor, outcome: dict[str, Any]) -> tuple[Summary, bytes]:
    head = await floor.views.head()
    parts: list[bytes] = []
    await export(floor.database, parts.append, 0, head.seq)
    receipts = b"".join(parts)
    chain = await floor.views.verify()
    orders, types = Counter[str](), Counter[str]()
    for status in await floor.views.kanban():
        for word in ("queued", "blocked", "current", "completed", "cancelled"):
            orders[word] += getattr(status, word)
    for line in receipts.splitlines():
        types[_typed(line).type] += 1
    andons = Counter(str(andon.status) for andon in (await floor.views.andons(limit=200)).andons)
    return Summary(
        scenario=scenario,
        seed=seed,
        started=stamp(START),
        ended=stamp(floor.now),
        receipts=head.seq,
        head=head.hash,
        chain="ok" if isinstance(chain, Ok) else chain.reason,
        types=dict(sorted(types.items())),
        refusals=dict(sorted(floor.refusals.items())),
        work_orders={word: count for word, count in orders.items() if count},
        andons=dict(sorted(andons.items())),
        outcome=outcome,
    ), receipts
