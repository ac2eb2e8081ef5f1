"""The steps of a maintenance, done: they look, sign, copy and tidy beside the line's commands, and say what they found.

Nothing here is in a transaction of commands, nor waits for one: reading goes page by page, copying in threads. It does
not record anything; what it reports, `maintenance` has written.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from msgspec import Struct

from erlmcp import store
from erlmcp.store import Database, Schema, SqliteReader, StoreError
from erlmcp.tcps.chain import catch_up, ends, last_before, verify_between
from erlmcp.tcps.checkpoint import Checkpoint, forged
from erlmcp.tcps.commands import TpmWindow
from erlmcp.tcps.moments import stamp, utc_now
from erlmcp.tcps.notary import KeyUnusable, Notary
from erlmcp.tcps.options import Options
from erlmcp.tcps.receipt import Broken, Head, Ok, Verifier
from erlmcp.tcps.schema import schema
from erlmcp.tcps.tpm import BROKEN, STEPS, Finding, Report, Step, Weight

__all__ = ["Keep", "Place", "Upkeep"]

_CHECKPOINTS: Final = 10_000  # the newest that are looked at: 27 years of daily ones
_SLICE: Final = 1_000  # pages given back at once: commands wait for some milliseconds
_MIB: Final = 1024 * 1024
_LITTLE: Final = 64 * _MIB  # free bytes below which the node says that it is degraded, too


class Keep(Database, Protocol):
    """What is asked of a `SqliteOwner`."""

    path: Path

    @property
    def state(self) -> store.State: ...
    async def give_back(self, pages: int) -> int: ...
    async def optimize(self) -> None: ...


class Place(Struct, frozen=True):
    """Where backups go, and what the database holds beside the line. `peers`: who is connected, by name."""

    backups: Path
    tables: Schema
    peers: Callable[[], Mapping[str, int]] = dict


class _Work:
    """One maintenance under way."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.figures: dict[str, int] = {}
        self.checkpoint: int | None = None
        self.prune: int | None = None
        self.whole = True

    def find(self, step: Step, severity: Weight, message: str, advice: str) -> None:
        self.findings.append(Finding(step, severity, message, advice))


class Upkeep:
    """Does the steps for one line."""

    def __init__(
        self,
        database: Keep,
        notary: Notary,
        place: Place,
        options: Options,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database, self._notary, self._place, self._options, self._now = database, notary, place, options, now
        self._steps: Final[Mapping[Step, Callable[[_Work], Awaitable[None]]]] = {
            Step.VERIFY_NEW: self._verify_new,
            Step.VERIFY_ALL: self._verify_all,
            Step.CHECKPOINT: self._checkpoint,
            Step.PRUNE: self._prune,
            Step.BACKUP: self._backup,
            Step.ANALYZE: self._analyze,
            Step.VACUUM: self._vacuum,
            Step.DISK: self._disk,
            Step.CONNECTIONS: self._connections,
        }

    async def run(self, window: TpmWindow) -> Report:
        """Do the steps of a window, whatever a single one comes to. Raises StoreDown, Corrupt."""
        work, started = _Work(), stamp(self._now())
        clock = asyncio.get_running_loop().time
        for step in STEPS[window]:
            began = clock()
            try:
                await self._steps[step](work)
            except (store.StoreDown, store.Corrupt):
                raise
            except (StoreError, KeyUnusable, OSError) as fault:
                work.find(step, Weight.HIGH, f"{step} could not be done: {fault}", "mend that, and call tpm_run again")
            work.figures[f"{step}_ms"] = round((clock() - began) * 1000)
        return Report(started, tuple(work.findings), work.figures, work.checkpoint, work.prune)

    async def settle(self) -> None:
        """After a pruning was recorded: say in a new checkpoint where the chain begins now, and let the rows go."""
        with suppress(KeyUnusable, OSError):  # the next maintenance says so
            await self._notary.make()
        await self.sweep()

    async def sweep(self, most: int | None = None) -> int:
        """Delete what the chain does not have any more, a few at a time, about `most`; how many."""
        total = 0
        while (most is None or total < most) and await self._database.one("pruned_receipt", into=int) is not None:
            async with self._database.transaction() as tx:
                total += await tx.run("delete_pruned", many=_SLICE // 2)
        return total

    async def _verify_new(self, work: _Work) -> None:
        await catch_up(self._database, self._now)
        known = await self._database.one("verified")
        work.figures["verified"] = known[0] if known else 0
        if known and known[2] is not None:
            self._broken(work, Step.VERIFY_NEW, known[2])
        await self._contradiction(work, Step.VERIFY_NEW)

    async def _verify_all(self, work: _Work) -> None:
        begin, head = await ends(self._database)
        noted = await self._database.all("newest_checkpoints", into=Checkpoint, many=_CHECKPOINTS)
        outcome = await verify_between(self._database, Verifier(begin, [one.head for one in noted]), head.seq)
        if isinstance(outcome, Broken):
            self._broken(work, Step.VERIFY_ALL, outcome.reason)
        else:
            work.figures["verified"] = outcome.head.seq
        if noted and (flaw := forged(noted, [await self._notary.key()])) is not None:
            advice = (
                "if the key was not changed on purpose, somebody else signed: verify an export against your own copies"
            )
            work.find(Step.VERIFY_ALL, Weight.HIGH, flaw.reason, advice)
        await catch_up(self._database, self._now)
        await self._contradiction(work, Step.VERIFY_ALL)

    def _broken(self, work: _Work, step: Step, reason: str) -> None:
        work.whole = False
        work.find(step, Weight.CRITICAL, reason, BROKEN)

    async def _contradiction(self, work: _Work, step: Step) -> None:
        if (found := await self._notary.contradiction()) is not None:
            advice = "if a backup was restored on purpose, move that file away"
            work.find(step, Weight.CRITICAL, found.reason, f"{advice}; else {BROKEN}")
            work.whole = False

    async def _checkpoint(self, work: _Work) -> None:
        if not work.whole:
            return  # what is broken is not signed
        made = await self._notary.make()
        work.checkpoint = made.seq if made else None
        if self._notary.fault:
            work.find(Step.CHECKPOINT, Weight.HIGH, self._notary.fault, "checkpoints are shipped from there: mend it")

    async def _prune(self, work: _Work) -> None:
        if not work.whole:
            return  # it is evidence
        begin, head = await ends(self._database)
        cutoff = stamp(self._now() - timedelta(days=self._options.receipt_days))
        last = await last_before(self._database, begin.seq, head.seq, cutoff)
        if last is None:
            return
        outcome = await verify_between(self._database, Verifier(begin), last.seq)
        if isinstance(outcome, Broken):
            self._broken(work, Step.PRUNE, outcome.reason)
        elif (made := await self._notary.make(Head(last.seq, last.hash))) is not None:
            work.prune = made.seq
            work.figures["pruned"] = made.seq - begin.seq

    async def _backup(self, work: _Work) -> None:
        if not work.whole:
            return  # it would take the place of a good one
        place = self._place.backups
        need, free = 2 * self._database.state.size, shutil.disk_usage(_existing(place)).free
        if free < need + _LITTLE:
            message = (
                f"there is no room for a backup: {free // _MIB} MiB are free at {place}, {need // _MIB} are needed"
            )
            work.find(Step.BACKUP, Weight.HIGH, message, "free some space, or name another tcps.tpm_backup_dir")
            return
        target = place / f"tpm-{stamp(self._now()).replace(':', '').replace('.', '')}.db"
        made = await asyncio.to_thread(_back_up, self._database.path, target)
        work.figures["backup_bytes"] = made.size
        if fault := await self._restored(target):
            target.unlink()
            work.find(
                Step.BACKUP, Weight.CRITICAL, f"the backup can not be restored: {fault}", "back up by other means"
            )
            return
        for old in sorted(place.glob("tpm-*.db"))[: -self._options.tpm_backups]:
            old.unlink()

    async def _restored(self, backup: Path) -> str:
        """Restore it elsewhere and verify the chain in there; what is wrong, "" for nothing."""
        with tempfile.TemporaryDirectory(prefix=".check-", dir=backup.parent) as folder:
            copy = Path(folder) / "erlmcp.db"
            try:
                await asyncio.to_thread(store.restore, backup, copy, self._place.tables)
                async with SqliteReader(copy, schema(), store.Options(readers=1)) as reader:
                    begin, head = await ends(reader)
                    outcome = await verify_between(reader, Verifier(begin), head.seq)
            except StoreError as fault:
                return str(fault)
        return "" if isinstance(outcome, Ok) else outcome.reason

    async def _analyze(self, _work: _Work) -> None:
        await self._database.optimize()

    async def _vacuum(self, work: _Work) -> None:
        before = self._database.state.size
        free = await self._database.give_back(_SLICE)
        while free > 0:
            left = await self._database.give_back(_SLICE)
            if left >= free:  # others free pages as fast
                break
            free = left
        if free < 0:
            message = "the database was made by an earlier release: it reuses free pages and does not give them back"
            work.find(Step.VACUUM, Weight.INFO, message, "nothing need be done")
        work.figures["given_back_bytes"] = max(before - self._database.state.size, 0)

    async def _disk(self, work: _Work) -> None:
        state = self._database.state
        work.figures |= {"database_bytes": state.size, "wal_bytes": state.wal_size, "free_bytes": state.free}
        message = f"{state.free // _MIB} MiB are free on the disk of the database, which has {state.size // _MIB}"
        if state.free < _LITTLE:
            work.find(Step.DISK, Weight.CRITICAL, message, "free some space now: the line stops when it is full")
        elif state.free < state.size:
            work.find(Step.DISK, Weight.HIGH, message, "free some space: not even a backup has room")
        elif state.free < 2 * state.size:
            work.find(Step.DISK, Weight.LOW, message, "free some space: a backup and its check need twice its size")

    async def _connections(self, work: _Work) -> None:
        peers = self._place.peers()
        work.figures |= peers
        waiting, room = peers.get("commands_waiting", 0), self._options.mailbox
        if waiting * 2 > room:
            message = f"{waiting} commands wait, and {room} may"
            work.find(Step.CONNECTIONS, Weight.MEDIUM, message, "see what asks so much, or raise tcps.mailbox")


def _existing(place: Path) -> Path:
    while not place.exists():
        place = place.parent
    return place


def _back_up(source: Path, target: Path) -> store.Backup:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    return store.backup(source, target)
