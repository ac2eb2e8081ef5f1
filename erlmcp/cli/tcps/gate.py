"""`erlmcp tcps gate`: evidence in, a verdict out. What a gate judges, the server knows."""

import functools
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from erlmcp.cli.grammar import CONTEXT, Words
from erlmcp.cli.tcps import show_making
from erlmcp.cli.tcps.grammar import GATES, asks, changes
from erlmcp.cli.tcps.sku import SKU
from erlmcp.cli.tcps.terminal import Terminal
from erlmcp.node.exits import Exit, Refusal

if TYPE_CHECKING:
    from erlmcp.cli.tcps.reports import Given, Report
    from erlmcp.cli.tcps.running import Ended

__all__ = ["gate"]

FILE = click.Path(dir_okay=False, path_type=Path)
BY_EXIT_CODE: Final = ("compilation", "smoke_test")  # gates that judge how a command ended
NEEDS_ROOT_CAUSE: Final = ("critical", "high")

gate = Words(
    "gate",
    help="""Take a sku through its gates, with evidence from the tools that built and tested it.

\b
Examples:
  erlmcp tcps gate run compilation --sku SKU-01J9ZK3M -- make
  erlmcp tcps gate status SKU-01J9ZK3M
""",
)


def evidence(command: Callable[..., Any]) -> Callable[..., Any]:
    """The flags that name files, given to the command as `given`; `--sku` and `--advance`."""

    @click.argument("gate", type=click.Choice(GATES), metavar="GATE")
    @click.option("--sku", type=SKU, metavar="ID", required=True, help="The sku, in the stage of this gate.")
    @click.option("--junit", type=FILE, multiple=True, help="A JUnit XML report; repeatable.")
    @click.option("--coverage", type=FILE, multiple=True, help="Cobertura XML or LCOV; repeatable.")
    @click.option("--sarif", type=FILE, multiple=True, help="A SARIF 2.1 log; repeatable.")
    @click.option("--sbom", type=FILE, multiple=True, help="CycloneDX or SPDX JSON; repeatable.")
    @click.option("--spec", type=FILE, multiple=True, help="JSON that is to conform to --schema; repeatable.")
    @click.option("--schema", type=FILE, help="The JSON Schema for --spec.")
    @click.option("--shacl", type=FILE, multiple=True, help="A SHACL report, JSON-LD or N-Triples; repeatable.")
    @click.option("--digests", type=FILE, nargs=2, metavar="A B", help="The artifacts of two builds.")
    @click.option("--advance", is_flag=True, help="Enter the next stage when the gate has passed.")
    @functools.wraps(command)
    def with_files(terminal: Terminal, gate: str, sku: str, advance: bool, **more: Any) -> Any:
        from erlmcp.cli.tcps.reports import Given  # noqa: PLC0415 - the help needs no readers

        names = [name for name in more if name in Given.__struct_fields__]
        given = Given(**{name: more.pop(name) for name in names})
        return command(_Gate(terminal, gate, sku, advance), given, **more)

    return changes(with_files)


class _Gate:
    """One gate of one sku, to be submitted to."""

    def __init__(self, terminal: Terminal, gate: str, sku: str, advance: bool) -> None:
        self.terminal: Final = terminal
        self.gate: Final = gate
        self._sku: Final = sku
        self._advance: Final = advance

    def check_stage(self) -> None:
        """Raises Refusal before a command runs for an hour in vain."""
        found = self.terminal.look("sku_get", id=self._sku)["sku"]
        if found["stage"] == self.gate:
            return
        gates = {name: f"`erlmcp tcps gate run {name} --sku {self._sku}`" for name in GATES}
        advice = gates.get(found["stage"], f"`erlmcp tcps sku get {self._sku}`")
        raise Refusal(
            Exit.CONFLICT,
            f"sku {self._sku} is in {found['stage']}, not in {self.gate}: nothing was run (invalid_transition)\n"
            f"next: run {advice}; `erlmcp tcps sku advance {self._sku}` leaves a stage whose gate has passed",
        )

    def submit(self, found: Sequence["Report"], ended: "Ended | None" = None) -> int:
        """Show the figures, have them judged, show the verdict; the exit code."""
        from erlmcp.cli.tcps.reports import pieces  # noqa: PLC0415 - as above
        from erlmcp.cli.tcps.show_evidence import evidence as drawn  # noqa: PLC0415

        terminal = self.terminal
        if terminal.for_people and found:
            terminal.tell(drawn(found))
            click.echo()
        answer = terminal.call("gate_submit", sku_id=self._sku, gate=self.gate, evidence=pieces(found))
        document = {**answer, "evidence": [_entry(one) for one in found]}
        if ended is not None:
            document["command"] = {"line": ended.command, "code": ended.code, "duration_ms": ended.duration_ms}
        passed = answer["gate"]["verdict"] == "passed"
        refusal = self._enter_next(document) if passed and self._advance else None
        terminal.show(document, lambda: show_making.verdict(document))
        if refusal is not None:
            raise refusal
        if not passed:
            for advice in _advice(document):
                click.echo(f"next: {advice}", err=True)
            return Exit.NEGATIVE
        if not self._advance and terminal.for_people:
            order = answer["sku"]["work_order_id"]
            then = f"work-order complete {order}" if self.gate == GATES[-1] else f"sku advance {self._sku}"
            click.echo(f"next: run `erlmcp tcps {then}`", err=True)
        return Exit.OK

    def _enter_next(self, document: dict[str, Any]) -> Refusal | None:
        """Note the sku in its next stage; or why it is not, once the verdict is shown."""
        try:
            moved = self.terminal.call("sku_advance", id=self._sku, idempotency_key=f"{self.terminal.key}-advance")
        except Refusal as refusal:
            return refusal
        document["sku"], document["advanced"] = moved["sku"], True
        return None


@gate.command(context_settings=CONTEXT)
@evidence
def submit(at: _Gate, given: "Given") -> int:
    """Have GATE judged by files that tools wrote before: exit code 0 passed, 1 failed.

    The gates in their order, and what each takes: shacl_validation --spec and --schema, or --shacl; compilation
    --sarif; test_execution --junit and --coverage; security_scan --sarif; deterministic_build --digests;
    quality_metrics nothing; release_verification --sbom; smoke_test --junit. `gate run` runs a command first.

    \b
    Examples:
      erlmcp tcps gate submit security_scan --sku SKU-1 --sarif bandit.sarif
      erlmcp tcps gate submit quality_metrics --sku SKU-1 --advance
    """
    from erlmcp.cli.tcps.reports import reports  # noqa: PLC0415 - as above

    return at.submit(reports(given))


@gate.command(context_settings=CONTEXT)
@evidence
@click.option("--allow-stale", is_flag=True, help="Take files that COMMAND did not write.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
def run(at: _Gate, given: "Given", allow_stale: bool, command: tuple[str, ...]) -> int:
    """Run COMMAND here, then have GATE judged by the files it wrote: exit code 0 passed, 1 failed.

    The command's output passes through. compilation and smoke_test judge how it ended; the other gates judge only its
    files, so a linter that ends with 1 for a note may still pass. A file that is missing, empty, malformed, or that the
    command did not write is refused with exit code 65, and nothing is submitted.

    \b
    Examples:
      erlmcp tcps gate run compilation --sku SKU-1 -- make -j4
      erlmcp tcps gate run smoke_test --sku SKU-1 --advance -- ./smoke.sh
    """
    from erlmcp.cli.tcps import reports as files  # noqa: PLC0415 - as above

    if not command:
        return at.submit(files.reports(given))
    at.check_stage()
    before, began = files.seen(given.reports()), time.time()
    ended = _ran(at, command)
    if not allow_stale:
        files.check_fresh(before, began)
    found = files.reports(given)
    if at.gate in BY_EXIT_CODE:
        found.insert(0, files.ended(ended.code, ended.command, ended.duration_ms, ended.log))
    at.terminal.client.wait_anew()
    return at.submit(found, ended)


@gate.command(context_settings=CONTEXT)
@click.argument("sku_id", type=SKU, metavar="SKU_ID")
@asks
def status(terminal: Terminal, sku_id: str) -> None:
    """Show where each of the eight gates of a sku stands, and what failed.

    The first one that has not passed is the one to submit evidence to.

    \b
    Examples:
      erlmcp tcps gate status SKU-01J9ZK3M
      erlmcp tcps gate status SKU-01J9ZK3M --format csv
    """
    document = terminal.call("gate_status", sku_id=sku_id)
    terminal.show(document, lambda: show_making.gates(document), "gates")


def _ran(at: _Gate, command: tuple[str, ...]) -> "Ended":
    """Its end. What a program reads on our standard output is not mixed with what the command writes there."""
    from erlmcp.cli.tcps.running import ran  # noqa: PLC0415 - as above

    out = sys.stdout.buffer if at.terminal.shape == "table" else sys.stderr.buffer
    ended = ran(command, out, sys.stderr.buffer)
    if ended.interrupted:
        raise Refusal(Exit.INTERRUPTED, f"{ended.command} was interrupted: nothing was submitted")
    if ended.code and at.gate not in BY_EXIT_CODE:
        click.echo(f"{ended.command} ended with {ended.code}; {at.gate} judges its files", err=True)
    return ended


def _entry(one: "Report") -> dict[str, Any]:
    from msgspec import to_builtins  # noqa: PLC0415 - as above

    return {"from": one.source, **to_builtins(one.figures)}


def _advice(document: dict[str, Any]) -> list[str]:
    """What to do about a failed gate, in the words of the command line."""
    gate, sku, stop = document["gate"]["gate"], document["sku"]["id"], document.get("andon")
    again = f"repair it, and submit {gate} of {sku} again"
    if stop is None:
        return [again]
    resolve = f"`erlmcp tcps andon resolve {stop['id']}`, and go on with `erlmcp tcps sku advance {sku}`"
    if stop["severity"] not in NEEDS_ROOT_CAUSE:
        return [again, resolve]
    first = f"`erlmcp tcps root-cause start {stop['id']} --problem TEXT`, five times `erlmcp tcps root-cause add-why`"
    return [again, f"{first}, then `erlmcp tcps root-cause finalize`", resolve]
