"""Kaizen read from the store: receipts of a window of time, page by page, into tallies; and the duty that asks for
proposals and measures them.

The first receipt of a window is found by halving, since receipts are in the order of time as far as the clock was.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from typing import Final

from erlmcp.store import Database, Reads
from erlmcp.tcps.chain import ends, last_before, pages_between
from erlmcp.tcps.commands import Ask, MeasureKaizen, ProposeKaizen
from erlmcp.tcps.errors import Code, Refused
from erlmcp.tcps.kaizen import WEEK, KaizenPeriod, KaizenReport, report_of, windows_of
from erlmcp.tcps.kaizen_history import History
from erlmcp.tcps.kaizen_proposal import KaizenProposal, KaizenState, due
from erlmcp.tcps.kaizen_tally import Tally
from erlmcp.tcps.line import Line
from erlmcp.tcps.moments import stamp
from erlmcp.tcps.options import Options
from erlmcp.tcps.receipt import Receipt

__all__ = ["measure", "proposals", "propose", "read_report", "read_tallies"]

_STRIDE: Final = 100  # receipts read at once: 5 ms, in which nobody else on this loop has a turn
_PAST: Final = 5_000  # receipts of a sku that are learnt, the newest
_PROPOSALS: Final = 1_000  # of each state, the newest
_ASKED: Final = 100  # commands a round
_ACTOR: Final = "duties"


async def read_report(reads: Reads, options: Options, now: datetime, period: KaizenPeriod) -> KaizenReport:
    """The line until now."""
    tallies = [Tally(*window) for window in windows_of(period, now)]
    await read_tallies(reads, options, tallies)
    return report_of(period, tallies, options.kaizen_targets(), options.kaizen_limits())


async def read_tallies(reads: Reads, options: Options, tallies: Sequence[Tally]) -> None:
    """Tell the tallies of the receipts in their windows, in memory that does not grow with those."""
    history = History(options.kaizen_compilation_seconds * 1000)
    until = max(tally.until for tally in tallies)
    begin, head = await ends(reads)
    before = await last_before(reads, begin.seq, head.seq, min(tally.since for tally in tallies))
    async for rows in pages_between(reads, before.seq if before else begin.seq, head.seq, _STRIDE):
        if rows[0].at >= until:
            return
        for receipt in rows:
            if (sku_id := history.needs(receipt)) is not None:
                history.learn(await _past(reads, sku_id, receipt.seq), sku_id)
            facts = history.look(receipt)
            for tally in tallies:
                if tally.covers(receipt.at):
                    tally.add(facts)
        await asyncio.sleep(0)  # whoever else is on this loop has its turn


async def proposals(reads: Reads, min_roi: Fraction, limit: int) -> list[KaizenProposal]:
    """Those of at least this ROI, the best first."""
    found = [one for state in KaizenState for one in await _in(reads, state) if Fraction(one.figures.roi) >= min_roi]
    return sorted(found, key=lambda one: (-Fraction(one.figures.roi), one.id))[:limit]


async def propose(database: Database, line: Line, now: datetime, options: Options) -> int:
    """Ask for a proposal for each waste that is worth one and has none. How many."""
    tally = Tally(stamp(now - WEEK), stamp(now))
    await read_tallies(database, options, [tally])
    limits = options.kaizen_limits()
    asked = 0
    for waste in tally.wasted(limits):
        if waste.milliseconds < limits.proposal_minutes * 60_000 or asked >= _ASKED:
            break
        if await database.one("kaizen_open", into=str, waste=waste.kind, about=waste.about) is not None:
            continue
        about, spent = waste.about, waste.milliseconds
        command = ProposeKaizen(waste.kind, about, waste.count, spent, waste.receipts, tally.since, tally.until)
        asked += await _ask(line, command)
    return asked


async def measure(database: Database, line: Line, now: datetime, options: Options) -> int:
    """Measure each proposal that was applied a week ago, or was measured a week ago. How many."""
    applied = [*await _in(database, KaizenState.APPLIED), *await _in(database, KaizenState.MEASURING)]
    asked = 0
    for proposal in applied:
        week = due(proposal)
        if week is None or week[1] > stamp(now) or asked >= _ASKED:
            continue
        tally = Tally(*week)
        await read_tallies(database, options, [tally])
        same = [
            one
            for one in tally.wasted(options.kaizen_limits())
            if (one.kind, one.about) == (proposal.waste, proposal.about)
        ]
        left, proof = (same[0].milliseconds, same[0].receipts) if same else (0, ())
        asked += await _ask(line, MeasureKaizen(proposal.id, left, proof, *week))
    return asked


async def _ask(line: Line, command: ProposeKaizen | MeasureKaizen) -> bool:
    try:
        await line.execute(Ask(_ACTOR, command.name, command))
    except Refused as refused:  # somebody was quicker
        if refused.code is Code.INVALID:
            raise
        return False
    return True


async def _in(reads: Reads, state: KaizenState) -> list[KaizenProposal]:
    return await reads.all("kaizen_proposals", into=KaizenProposal, state=state, many=_PROPOSALS)


async def _past(reads: Reads, sku_id: str, before: int) -> list[Receipt]:
    span = {"before": before, "many": _PAST}
    rows = await reads.all("receipts_by_sku", into=Receipt, sku_id=sku_id, work_order_id=None, type=None, **span)
    return rows[::-1]
