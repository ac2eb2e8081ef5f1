"""One transaction's worth of commands: each loads, decides, writes and leaves its receipt, or leaves nothing.

It does not know who waits for the answers, nor when the transaction commits.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from erlmcp.store import Transaction, Value
from erlmcp.tcps import kanban
from erlmcp.tcps.canonical import canonical
from erlmcp.tcps.commands import (
    Ask,
    Cancel,
    Command,
    Complete,
    CreateWorkOrder,
    Pull,
    PullNext,
    Release,
    SetLimit,
    StartWorkOrder,
    UpdateWorkOrder,
)
from erlmcp.tcps.errors import Code, Refusal, Refused, shown
from erlmcp.tcps.ids import Ids
from erlmcp.tcps.kanban import BucketStatus, Counters
from erlmcp.tcps.line import Done
from erlmcp.tcps.moments import stamp
from erlmcp.tcps.options import Options
from erlmcp.tcps.receipt import NO_RECEIPT, Body, Head, Receipt, seal
from erlmcp.tcps.routing import priority_number, route
from erlmcp.tcps.work_order import Move, Signal, Status, WorkOrder, moved, no_such_order, updated

__all__ = ["Execution", "Outputs", "Payload"]

#: Refusals that are a fact about the line, and leave a receipt.
_RECORDED: Final = frozenset({Code.WIP_LIMIT})


class Outputs(Struct, frozen=True, omit_defaults=True):
    """What a command came to, each object under its word."""

    work_order: WorkOrder | None = None
    kanban: BucketStatus | None = None
    refusal: Refusal | None = None


class Payload(Struct, frozen=True):
    """What a receipt carries: the command as it was asked, and what it came to."""

    inputs: Command
    outputs: Outputs


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
        self._tx = transaction
        self._head = head
        self._now = now
        self._at = stamp(now)
        self._expired = stamp(now - timedelta(hours=options.idempotency_hours))
        self._ids = ids
        self._options = options

    @classmethod
    async def begin(cls, transaction: Transaction, now: datetime, ids: Ids, options: Options) -> "Execution":
        """Take up the chain where it ends."""
        head = await transaction.one("head", into=Head)
        return cls(transaction, head or NO_RECEIPT, now, ids, options)

    async def execute(self, ask: Ask) -> Done:
        """Execute a command that was admitted. Raises Refused: then nothing was changed but, for some, a receipt."""
        command = ask.command
        try:
            async with self._tx.savepoint():
                if ask.idempotency_key is not None and (done := await self._done_before(ask, ask.idempotency_key)):
                    return done
                outputs = await _HANDLERS[type(command)](self, command)
                return await self._receipt(ask, command.name, outputs)
        except Refused as refused:
            if refused.code in _RECORDED:
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
            at=self._at,
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
        outputs = _payload.decode(before.payload).outputs
        return Done(before.receipt_seq, outputs.work_order, outputs.kanban)

    async def _receipt(self, ask: Ask, kind: str, outputs: Outputs) -> Done:
        order = outputs.work_order
        body = Body(
            actor=ask.actor,
            at=self._at,
            id=self._ids.new("RCPT", self._now),
            payload=Raw(canonical(Payload(ask.command, outputs))),
            prev_hash=self._head.hash,
            seq=self._head.seq + 1,
            sku_id=None,
            stage=None,
            type=kind,
            work_order_id=order.id if order else getattr(ask.command, "id", None),
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
        return Done(receipt.seq, order, outputs.kanban)

    async def _create(self, command: CreateWorkOrder) -> Outputs:
        bucket, priority = route(command, self._options.default_priority)
        hours = self._options.sla_hours(bucket)
        order = WorkOrder(
            id=self._ids.new("WO", self._now),
            title=command.title,
            description=command.description,
            bucket=bucket,
            priority=priority,
            status=Status.QUEUED,
            signal=Signal(command.signal_type, command.source, command.description, command.labels, command.metadata),
            sla_deadline=stamp(self._now + timedelta(hours=hours)) if hours else None,
            assignee=command.assignee or None,
            version=1,
            created_at=self._at,
        )
        await self._count(order.bucket, None, order.status)
        await self._tx.run(
            "insert_work_order",
            seq=self._head.seq + 1,
            id=order.id,
            title=order.title,
            description=order.description,
            bucket=order.bucket,
            priority=order.priority,
            status=order.status,
            signal=canonical(order.signal).decode(),
            sla_deadline=order.sla_deadline,
            assignee=order.assignee,
            version=order.version,
            created_at=order.created_at,
            metadata=canonical(order.metadata).decode(),
        )
        return Outputs(order)

    async def _update(self, command: UpdateWorkOrder) -> Outputs:
        priority = None if command.priority is None else priority_number(command.priority)
        order = updated(await self._load(command.id), command, priority)
        await self._save(order)
        return Outputs(order)

    async def _move_named(self, command: StartWorkOrder | Complete | Release | Cancel) -> Outputs:
        return await self._move(await self._load(command.id), command)

    async def _pull(self, command: Pull) -> Outputs:
        order = await self._tx.one("first_in_bucket", into=WorkOrder, bucket=command.bucket)
        if order is None:
            raise _nothing_queued(f"bucket {command.bucket}", "work_order_pull_next to take work from any bucket")
        return await self._move(order, command)

    async def _pull_next(self, command: PullNext) -> Outputs:
        order = await self._tx.one("first_with_a_slot", into=WorkOrder)
        if order is not None:
            return await self._move(order, command)
        waiting = [row for row in await self._tx.all("counters", into=Counters) if row.queued]
        if not waiting:
            raise _nothing_queued("any bucket", "work_order_create when there is a signal")
        raise kanban.all_full([row.bucket for row in waiting])

    async def _set_limit(self, command: SetLimit) -> Outputs:
        bucket, limit = command.bucket, command.limit
        counters = await self._tx.one("set_limit", into=Counters, bucket=bucket, wip_limit=limit)
        if counters is None:
            counters = await self._counters(bucket)
            raise Refused(
                Code.CONFLICT,
                f"bucket {bucket} has {counters.wip} work orders in progress: its limit cannot be {limit}",
                f"call kanban_set_limit with {counters.wip} or more, or finish or release work in {bucket} first",
            )
        return Outputs(kanban=kanban.status(counters, self._options.wip_limit(bucket)))

    async def _move(self, order: WorkOrder, command: Move) -> Outputs:
        after = moved(order, command, self._at)
        await self._count(order.bucket, order.status, after.status)
        await self._save(after)
        return Outputs(after)

    async def _load(self, order_id: str) -> WorkOrder:
        order = await self._tx.one("work_order", into=WorkOrder, id=order_id)
        if order is None:
            raise no_such_order(order_id)
        return order

    async def _save(self, order: WorkOrder) -> None:
        await self._tx.run(
            "save_work_order",
            id=order.id,
            title=order.title,
            description=order.description,
            priority=order.priority,
            status=order.status,
            assignee=order.assignee,
            version=order.version,
            started_at=order.started_at,
            completed_at=order.completed_at,
            cancelled_at=order.cancelled_at,
            cancellation_reason=order.cancellation_reason,
        )

    async def _count(self, bucket: str, before: Status | None, after: Status) -> None:
        """Move an order from one count to the other. Raises Refused(wip_limit): the statement holds the guard."""
        if not await self._tx.run("count_move", bucket=bucket, **_DELTAS[before, after]):
            raise kanban.full(await self._counters(bucket))

    async def _counters(self, bucket: str) -> Counters:
        counters = await self._tx.one("counters_of_bucket", into=Counters, bucket=bucket)
        if counters is None:
            raise LookupError(f"bucket {bucket} was never seeded")
        return counters


def _nothing_queued(where: str, otherwise: str) -> Refused:
    return Refused(
        Code.NOT_FOUND, f"no work order is queued in {where}", f"call kanban_status to see the buckets; {otherwise}"
    )


def _delta(before: Status | None, after: Status) -> dict[str, Value]:
    return {status: (status is after) - (status is before) for status in Status}


_DELTAS: Final = {(before, after): _delta(before, after) for before in (None, *Status) for after in Status}
_HANDLERS: Final[dict[type[Command], Callable[[Execution, Any], Awaitable[Outputs]]]] = {
    CreateWorkOrder: Execution._create,
    UpdateWorkOrder: Execution._update,
    StartWorkOrder: Execution._move_named,
    Pull: Execution._pull,
    PullNext: Execution._pull_next,
    Complete: Execution._move_named,
    Release: Execution._move_named,
    Cancel: Execution._move_named,
    SetLimit: Execution._set_limit,
}
