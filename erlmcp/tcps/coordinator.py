"""The coordinator: one actor executes every command; those that wait share a transaction, and its one fsync.

Nobody is answered before the commit, not even with a refusal: it may rest on what the same transaction changed.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

import msgspec

from erlmcp.otp import Actor, Down
from erlmcp.store import Busy, Database, DiskFull, StoreError
from erlmcp.tcps.chain import catch_up
from erlmcp.tcps.commands import Ask, Bucket, Gate, SubmitGate
from erlmcp.tcps.errors import Refused
from erlmcp.tcps.execution import Execution
from erlmcp.tcps.ids import Ids
from erlmcp.tcps.limits import admit
from erlmcp.tcps.line import Done
from erlmcp.tcps.moments import utc_now
from erlmcp.tcps.options import Options
from erlmcp.tcps.tpm import Report

if TYPE_CHECKING:
    from erlmcp.otp.actor import Message  # what waits in a mailbox; only Actor makes one

__all__ = ["Coordinator"]

Publish = Callable[[list[bytes]], object]

_encode = msgspec.json.Encoder().encode


def _nobody(facts: list[bytes]) -> None:
    """For a line that nobody listens to."""


class Coordinator(Actor):
    """A `Line`. `publish` gets the receipts of each commit as JSON, in order, after the callers were answered."""

    refusals: ClassVar[tuple[type[Exception], ...]] = (Refused,)

    def __init__(
        self,
        database: Database,
        options: Options | None = None,
        *,
        publish: Publish = _nobody,
        now: Callable[[], datetime] = utc_now,
        ids: Ids | None = None,
    ) -> None:
        self.options = options or Options()
        super().__init__(name="coordinator", capacity=self.options.mailbox)
        self._database = database
        self._publish = publish
        self._now = now
        self._ids = ids or Ids()
        self._execution: Execution | None = None

    async def init(self) -> None:
        """Give a new store its buckets. An old one keeps the limits that were set."""
        async with self._database.transaction() as tx:
            for bucket in Bucket:
                await tx.run("seed_kanban", bucket=bucket, wip_limit=self.options.wip_limit(bucket))

    async def execute(self, ask: Ask, timeout: float = 10.0, report: Report | None = None) -> Done:
        """See `Line`. `report`: of the maintenance that is to be recorded."""
        admit(ask)
        if isinstance(ask.command, SubmitGate) and ask.command.gate is Gate.RELEASE_VERIFICATION:
            clock = asyncio.get_running_loop().time
            until = clock() + timeout
            await self._catch_up(timeout)
            timeout = max(until - clock(), 0.0)
        return await self.call(self._execute, ask, report, timeout=timeout)

    async def _catch_up(self, timeout: float) -> None:
        """Verify the chain that a gate is to vouch for before the transaction, which then has but a few to look at."""
        try:
            async with asyncio.timeout(timeout):
                await catch_up(self._database, self._now)
        except StoreError as error:
            raise Down(self.name, f"cannot verify the chain: {error}") from error

    async def _execute(self, ask: Ask, report: Report | None) -> Done:
        if self._execution is None:
            raise RuntimeError("a command is executed within a transaction")
        return await self._execution.execute(ask, report)

    async def _answer(self, message: "Message") -> None:
        """Answer a message, and all that wait by the time the transaction has begun (`options.batch` at most)."""
        batch = [message]
        try:
            receipts, replies = await self._commit(batch)
        except (Busy, DiskFull) as error:  # rolled back; the store is well otherwise
            self._abandon(batch, f"cannot write: {error}", error)
            return
        except BaseException as error:
            self._abandon(batch, "ended before it answered", error)
            raise
        for answered, outcome in replies:
            _reply(answered, outcome)
        if receipts:
            self._publish(receipts)

    async def _commit(self, batch: "list[Message]") -> "tuple[list[bytes], list[tuple[Message, Done | Refused]]]":
        async with self._database.transaction() as tx:
            while self._waiting and len(batch) < self.options.batch:
                batch.append(self._waiting.popleft())
            execution = self._execution = await Execution.begin(tx, self._now(), self._ids, self.options)
            present = [message for message in batch if message.reply is None or not message.reply.done()]
            replies = [(message, await _outcome(message)) for message in present]
        return [_encode(receipt) for receipt in execution.receipts], replies

    def _abandon(self, batch: "list[Message]", why: str, error: BaseException) -> None:
        for message in batch:
            if message.reply is not None and not message.reply.done():
                down = Down(self.name, why)
                down.__cause__ = error
                message.reply.set_exception(down)


async def _outcome(message: "Message") -> Done | Refused:
    try:
        done: Done = await message.work(*message.args)
    except Refused as refused:
        return refused
    return done


def _reply(message: "Message", outcome: Done | Refused) -> None:
    reply: asyncio.Future[Done] | None = message.reply
    if reply is None or reply.done():
        return
    if isinstance(outcome, Refused):
        reply.set_exception(outcome)
    else:
        reply.set_result(outcome)
