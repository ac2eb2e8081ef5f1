"""One transaction's worth of commands: each has its turn in its room, and leaves its receipt, or leaves nothing.

It does not know who waits for the answers, nor when the transaction commits; what a command does, its room knows.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from erlmcp.store import Transaction
from erlmcp.tcps import andons, dependencies, gates, kaizen_proposals, orders, skus, tpm_runs
from erlmcp.tcps.canonical import canonical
from erlmcp.tcps.commands import (
    AbortSku,
    AcknowledgeAndon,
    AddDependency,
    AddWhy,
    AdvanceSku,
    ApplyKaizen,
    Ask,
    Cancel,
    Command,
    Complete,
    CreateWorkOrder,
    EscalateAndon,
    FinalizeRootCause,
    MeasureKaizen,
    NoteBreach,
    ProposeKaizen,
    PublishSku,
    Pull,
    PullAndon,
    PullNext,
    Release,
    RemoveDependency,
    ResolveAndon,
    RunTpm,
    SetLimit,
    StartRootCause,
    StartWorkOrder,
    SubmitGate,
    UpdateWorkOrder,
)
from erlmcp.tcps.errors import Code, Refused, shown
from erlmcp.tcps.ids import Ids
from erlmcp.tcps.line import Done, Outputs, Payload
from erlmcp.tcps.moments import stamp
from erlmcp.tcps.options import Options
from erlmcp.tcps.receipt import NO_RECEIPT, Body, Head, Receipt, seal
from erlmcp.tcps.tpm import Report
from erlmcp.tcps.turn import Shift, Turn

__all__ = ["Execution"]

#: Refusals of pulls that are a fact about the line, and leave a receipt.
_RECORDED: Final = frozenset({Code.WIP_LIMIT, Code.LINE_STOPPED})
_PULLS: Final = (StartWorkOrder, Pull, PullNext)


class _Answered(Struct, frozen=True):
    fingerprint: bytes
    receipt_seq: int
    payload: str


_sorted_msgpack: Final = msgspec.msgpack.Encoder(order="sorted")
_payload: Final = msgspec.json.Decoder(Payload)


class Execution:
    """The commands of one transaction, one after the other, all at one moment: `now`."""

    def __init__(self, transaction: Transaction, head: Head, now: datetime, ids: Ids, options: Options) -> None:
        self.receipts: list[Receipt] = []
        self._shift = Shift(transaction, now, stamp(now), ids, options)
        self._tx = transaction
        self._head = head
        self._expired = stamp(now - timedelta(hours=options.idempotency_hours))

    @classmethod
    async def begin(cls, transaction: Transaction, now: datetime, ids: Ids, options: Options) -> "Execution":
        """Take up the chain where it ends."""
        head = await transaction.one("head", into=Head)
        return cls(transaction, head or NO_RECEIPT, now, ids, options)

    async def execute(self, ask: Ask, report: Report | None = None) -> Done:
        """Execute a command that was admitted; `report`: of the maintenance that it asks for.

        Raises Refused: then nothing was changed but, for some, a receipt.
        """
        command = ask.command
        try:
            async with self._tx.savepoint():
                if ask.idempotency_key is not None and (done := await self._done_before(ask, ask.idempotency_key)):
                    return done
                turn = Turn(self._shift, ask, self._head.seq + 1, report)
                outputs = await _HANDLERS[type(command)](turn, command)
                return await self._receipt(ask, command.name, outputs)
        except Refused as refused:
            if refused.code in _RECORDED and isinstance(command, _PULLS):
                await self._receipt(ask, f"{command.name}_refused", Outputs(refusal=refused.refusal))
            raise

    async def _done_before(self, ask: Ask, key: str) -> Done | None:
        """Note the key for the receipt to come; or, if it was used before, the answer it was given."""
        fingerprint = sha256(_sorted_msgpack.encode(ask.command)).digest()
        scope = {"actor": ask.actor, "tool": ask.tool, "key": key}
        claimed = await self._tx.run(
            "claim_key",
            receipt_seq=self._head.seq + 1,
            fingerprint=fingerprint,
            at=self._shift.at,
            expired=self._expired,
            **scope,
        )
        if claimed:
            return None
        before = await self._tx.one("answer_of_key", into=_Answered, **scope)
        if before is None or before.fingerprint != fingerprint:
            raise Refused(
                Code.CONFLICT,
                f"idempotency_key {shown(key)} was used for another call of {ask.tool} with other arguments",
                f"call {ask.tool} with a new idempotency_key, or with the arguments that belong to this one",
            )
        return Done.of(before.receipt_seq, _payload.decode(before.payload).outputs)

    async def _receipt(self, ask: Ask, kind: str, outputs: Outputs) -> Done:
        order_id, sku_id, stage = outputs.about()
        body = Body(
            actor=ask.actor,
            at=self._shift.at,
            id=self._shift.ids.new("RCPT", self._shift.now),
            payload=Raw(canonical(Payload(ask.command, outputs))),
            prev_hash=self._head.hash,
            seq=self._head.seq + 1,
            sku_id=sku_id,
            stage=stage,
            type=kind,
            work_order_id=order_id or (getattr(ask.command, "id", None) if outputs.refusal else None),
        )
        receipt = seal(body)
        await self._tx.run(
            "insert_receipt",
            seq=receipt.seq,
            id=receipt.id,
            type=receipt.type,
            at=receipt.at,
            actor=receipt.actor,
            work_order_id=receipt.work_order_id,
            sku_id=receipt.sku_id,
            stage=receipt.stage,
            payload=str(receipt.payload, "utf-8"),
            prev_hash=receipt.prev_hash,
            hash=receipt.hash,
        )
        self._head = Head(receipt.seq, receipt.hash)
        self.receipts.append(receipt)
        return Done.of(receipt.seq, outputs)


_HANDLERS: Final[dict[type[Command], Callable[[Turn, Any], Awaitable[Outputs]]]] = {
    CreateWorkOrder: orders.create,
    UpdateWorkOrder: orders.update,
    StartWorkOrder: orders.start,
    Pull: orders.pull,
    PullNext: orders.pull_next,
    Complete: orders.complete,
    Release: orders.release,
    Cancel: orders.cancel,
    SetLimit: orders.set_limit,
    AddDependency: dependencies.add,
    RemoveDependency: dependencies.remove,
    AdvanceSku: skus.advance,
    PublishSku: skus.publish,
    AbortSku: skus.abort,
    SubmitGate: gates.submit,
    PullAndon: andons.pull_andon,
    AcknowledgeAndon: andons.acknowledge,
    ResolveAndon: andons.resolve,
    EscalateAndon: andons.escalate,
    NoteBreach: andons.note_breach,
    StartRootCause: andons.start_root_cause,
    AddWhy: andons.add_why,
    FinalizeRootCause: andons.finalize,
    RunTpm: tpm_runs.run_tpm,
    ProposeKaizen: kaizen_proposals.propose,
    ApplyKaizen: kaizen_proposals.apply,
    MeasureKaizen: kaizen_proposals.measure,
}
