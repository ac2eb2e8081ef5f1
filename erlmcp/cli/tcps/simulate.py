"""`erlmcp tcps simulate` and `erlmcp tcps example`: the real line on a store that is thrown away, and no server."""

import asyncio
import json
import math
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from erlmcp.cli.grammar import CONTEXT
from erlmcp.cli.tcps import show
from erlmcp.cli.tcps.picture import Block, Facts, Table, as_text
from erlmcp.cli.tcps.terminal import SCHEMA, colours, width
from erlmcp.node.exits import Exit, Refusal

if TYPE_CHECKING:
    from erlmcp.tcps.simulator import Event, Floor, Summary

__all__ = ["example", "simulate"]

# tests/cli/test_tcps_simulate.py holds them to erlmcp.tcps.simulator.
SCENARIOS = ("ideal", "gate-failure", "wip-overflow", "heijunka", "receipt-audit", "kaizen")
LAST = 12  # events below a board
HOME = "\x1b[H\x1b[J"
#: What `example` says before the first command of each kind.
TOLD = {
    "work_order_create": "Demand comes in as a signal, and becomes a work order in a bucket.",
    "work_order_pull_next": "Somebody free pulls the next order into a slot. That opens its sku, what is to be made.",
    "gate_submit": "Eight gates judge the sku, each by the files that real tools wrote. Nothing passes by default.",
    "sku_advance": "A gate that passed lets the sku into its next stage.",
    "andon_acknowledge": "The failed gate has raised an andon. Somebody looks into it.",
    "root_cause_start": "It is severe, so five whys come first.",
    "andon_resolve": "The cause is known, the thing repaired, and it will not come back: the line may move.",
    "work_order_complete": "All gates are behind it: the order is completed, its slot is free.",
    "sku_publish": "And the sku is published. Everything above has left a receipt.",
}


class Speed(click.FloatRange):
    """Virtual seconds in a real one; 0 or `max`: as fast as it goes."""

    def __init__(self) -> None:
        super().__init__(min=0, max=1e9)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """A number from 0 on, or max."""
        speed = super().convert(0 if value == "max" else value, param, ctx)
        if math.isnan(speed):
            self.fail(f"{value!r} is not a number of virtual seconds.", param, ctx)
        return speed


@click.command(context_settings=CONTEXT)
@click.argument("scenario", type=click.Choice(SCENARIOS), metavar="SCENARIO")
@click.option("--speed", type=Speed(), default="max", help="Virtual seconds in a real one, or max.  [max]")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, help="The same seed, the same receipts.  [0]")
@click.option("--format", "shape", type=click.Choice(("table", "json")), default="table", help="How to show it.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the receipts here.")
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Keep its database here.")
def simulate(scenario: str, speed: float, seed: int, shape: str, output: Path | None, data_dir: Path | None) -> None:
    """Run a scenario on a real line of its own, on a virtual clock, and show what it came to. No server is needed.

    SCENARIO is one of ideal, gate-failure, wip-overflow, heijunka, receipt-audit, kaizen.

    \b
    Examples:
      erlmcp tcps simulate gate-failure --speed 120
      erlmcp tcps simulate receipt-audit --seed 7 -o receipts.jsonl
    """
    screen = Screen(speed, board=sys.stdout.isatty(), silent=shape == "json")
    summary, receipts = _run(scenario, seed, data_dir, screen.watch)
    if output is not None:
        from erlmcp.cli.tcps.files import writing  # noqa: PLC0415 - it opens the store's modules

        with writing(output) as file:
            file.write(receipts)
    if shape == "json":
        from msgspec import to_builtins  # noqa: PLC0415 - the help does not need it

        click.echo(json.dumps({"schema": SCHEMA, "simulation": to_builtins(summary)}, indent=2))
    else:
        click.echo("\n" + as_text(summary_of(summary), width(), colour=colours()), color=colours())


@click.command(context_settings=CONTEXT)
@click.option("--speed", type=Speed(), default="max", help="Virtual seconds in a real one, or max.  [max]")
def example(speed: float) -> None:
    """Tell a day on the line: real commands on a store that is thrown away. No server is needed.

    \b
    Examples:
      erlmcp tcps example
      erlmcp tcps example --speed 60
    """
    told: set[str] = set()

    async def tell(floor: "Floor", event: "Event") -> None:
        await _pace(speed, floor, times)
        if event.command in TOLD and event.command not in told:
            click.echo(f"\n# {TOLD[event.command]}")
        told.add(event.command)
        if event.refused and "refused" not in told:
            click.echo("# The line says no, and why:")
            told.add("refused")
        click.echo(line_of(event))

    times: deque[datetime] = deque(maxlen=1)
    summary, _ = _run("gate-failure", 0, None, tell)
    click.echo(
        f"\n{summary.receipts} receipts, chain {summary.chain}. Next: `erlmcp serve`, then `erlmcp tcps status`."
    )


class Screen:
    """Shows a simulation as it goes: a board on a terminal, else a line for each event."""

    def __init__(self, speed: float, *, board: bool, silent: bool) -> None:
        self._speed, self._board, self._silent = speed, board, silent
        self._times: deque[datetime] = deque(maxlen=1)
        self._events: deque[str] = deque(maxlen=LAST)

    async def watch(self, floor: "Floor", event: "Event") -> None:
        """What just happened."""
        await _pace(self._speed, floor, self._times)
        if self._silent:
            return
        if not self._board:
            click.echo(line_of(event))
            return
        self._events.append(line_of(event)[: width()])
        from msgspec import to_builtins  # noqa: PLC0415 - the help does not need it

        blocks: list[Block] = [
            f"{event.at:%Y-%m-%d %H:%M} UTC, virtual",
            show.buckets(to_builtins(await floor.views.kanban())),
            "\n".join(self._events),
        ]
        click.echo(HOME, nl=False, color=True)  # no colour, but a place
        click.echo(as_text(blocks, width(), colour=colours()), color=colours())


async def _pace(speed: float, floor: "Floor", times: deque[datetime]) -> None:
    """Wait as long as the virtual time since the last event takes at this speed."""
    if speed and times:
        await asyncio.sleep((floor.now - times[0]).total_seconds() / speed)
    times.append(floor.now)


def _run(
    scenario: str, seed: int, place: Path | None, watch: "Callable[[Floor, Event], Awaitable[None]]"
) -> "tuple[Summary, bytes]":
    from erlmcp.tcps import simulator  # noqa: PLC0415 - most commands need no line

    if place is not None:
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise Refusal(Exit.CANNOT_BOOT, f"{place} can not be used: {fault.strerror or fault}") from fault
    try:
        return asyncio.run(simulator.simulate(scenario, seed, place=place, watch=watch))
    except FileExistsError as there:
        raise Refusal(Exit.CONFLICT, f"{there}\nnext: name a new directory with --data-dir") from there


def line_of(event: "Event") -> str:
    """An event in a line."""
    receipt = f"#{event.seq}" if event.seq else "-"
    said = f"REFUSED ({event.refused}): {event.text}" if event.refused else event.text
    return f"{event.at:%a %H:%M}  {receipt:>5}  {event.actor:<16} {event.command:<22} {said}".rstrip()


def summary_of(summary: "Summary") -> list[Block]:
    """What a scenario came to."""
    counts = {"refusals": summary.refusals, "work orders": summary.work_orders, "andons": summary.andons}
    facts = [
        ("virtual time", f"{summary.started} to {summary.ended}"),
        ("receipts", f"{summary.receipts}, chain {summary.chain}"),
        ("head", summary.head),
        *((word, ", ".join(f"{count} {name}" for name, count in each.items())) for word, each in counts.items()),
    ]
    outcome = [(name, json.dumps(value)) for name, value in summary.outcome.items()]
    return [
        Facts(f"{summary.scenario}  seed {summary.seed}", facts),
        Table(("outcome", "value"), outcome),
    ]
