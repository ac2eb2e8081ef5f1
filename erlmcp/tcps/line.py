"""The line as its callers see it, near or far: execute an Ask, and get Done or be Refused."""

from typing import Protocol

from msgspec import Struct

from erlmcp.tcps.andon import Andon
from erlmcp.tcps.commands import Ask, Command
from erlmcp.tcps.errors import Refusal
from erlmcp.tcps.gate import GateResult
from erlmcp.tcps.kaizen_proposal import KaizenProposal
from erlmcp.tcps.kanban import BucketStatus
from erlmcp.tcps.root_cause import RootCause
from erlmcp.tcps.sku import Sku
from erlmcp.tcps.tpm import TpmRun
from erlmcp.tcps.work_order import Status, WorkOrder

__all__ = ["Dependent", "Done", "Line", "Outputs", "Payload"]


class Dependent(Struct, frozen=True):
    """An order that changed because one it depends on did."""

    id: str
    status: Status
    version: int


class Outputs(Struct, frozen=True, omit_defaults=True):
    """What a command came to, each object under its word. `dependents`: the other orders that it changed."""

    work_order: WorkOrder | None = None
    kanban: BucketStatus | None = None
    refusal: Refusal | None = None
    sku: Sku | None = None
    gate: GateResult | None = None
    andon: Andon | None = None
    root_cause: RootCause | None = None
    proposal: KaizenProposal | None = None
    dependents: tuple[Dependent, ...] = ()
    tpm_run: TpmRun | None = None

    def about(self) -> tuple[str | None, str | None, str | None]:
        """The order, the sku and the stage that this is about."""
        if self.sku is not None:
            return self.sku.work_order_id, self.sku.id, self.sku.stage
        if self.work_order is not None:
            return self.work_order.id, self.work_order.sku_id, None
        if self.andon is not None:
            return self.andon.work_order_id, self.andon.sku_id, self.andon.stage
        return None, None, None


class Payload(Struct, frozen=True):
    """What a receipt carries: the command as it was asked, and what it came to."""

    inputs: Command
    outputs: Outputs


class Done(Struct, frozen=True, omit_defaults=True, tag_field="answer", tag="done"):
    """What a command came to: the objects after it under their words, and the receipt that proves it."""

    receipt_seq: int
    work_order: WorkOrder | None = None
    kanban: BucketStatus | None = None
    sku: Sku | None = None
    gate: GateResult | None = None
    andon: Andon | None = None
    root_cause: RootCause | None = None
    proposal: KaizenProposal | None = None
    dependents: tuple[Dependent, ...] = ()
    tpm_run: TpmRun | None = None

    @classmethod
    def of(cls, receipt_seq: int, outputs: Outputs) -> "Done":
        """The answer that a receipt is."""
        return cls(
            receipt_seq,
            outputs.work_order,
            outputs.kanban,
            outputs.sku,
            outputs.gate,
            outputs.andon,
            outputs.root_cause,
            outputs.proposal,
            outputs.dependents,
            outputs.tpm_run,
        )


class Line(Protocol):
    """Who executes commands: the Coordinator itself, or the RemoteCoordinator."""

    async def execute(self, ask: Ask, timeout: float = 10.0) -> Done:
        """Execute a command; when this returns, it is durable.

        Raises Refused (nothing was changed), otp.Overloaded (not even tried), otp.Down and TimeoutError (the outcome is
        unknown: ask again with the same idempotency key). `timeout` in seconds.
        """
