"""Maintenance of the line: what it does, finds and records, while the line goes on."""

import asyncio
import shutil
import sqlite3
import stat
from contextlib import closing
from itertools import pairwise

import pytest
import pytest_asyncio

from erlmcp.store import backup
from erlmcp.tcps import (
    HOURS,
    STEPS,
    TENTHS,
    Ask,
    Broken,
    Code,
    Duties,
    Fault,
    Finding,
    Role,
    RunTpm,
    Step,
    TpmWindow,
    Weight,
    forged,
    key_of_pem,
    read_checkpoint,
    score,
)
from tests.tcps.keeping import kept_at
from tests.tcps.plant import refused, running


@pytest_asyncio.fixture
async def kept(plant, tmp_path):
    async with kept_at(plant, tmp_path / "data") as kept:
        yield kept


def finding(step, severity):
    return Finding(step, severity, "something", "mend it")


# Checkpoints


async def test_a_checkpoint_is_of_the_head_and_signed_and_is_put_out(kept):
    await kept.create(3)
    made = await kept.notary.make()
    head = await kept.plant.views.head()
    assert (made.head, made.count, made.first) == (head, 3, 1)
    key = key_of_pem((kept.folder / "checkpoint.pub").read_bytes())
    assert forged([made], [key]) is None
    for path in (kept.folder / "checkpoint.json", kept.folder / "shelf" / "checkpoint-000000000003.json"):
        assert read_checkpoint(path.read_bytes()) == made
    assert await kept.notary.make() == made == await kept.notary.newest()


async def test_the_key_is_made_once_for_its_owner_alone(kept):
    await kept.create()
    first = await kept.notary.make()
    path = kept.premises.key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_bytes()
    await kept.create()
    assert (await kept.notary.make()).key == first.key
    assert path.read_bytes() == text
    assert text not in kept.plant.path.read_bytes()


async def test_no_receipts_no_checkpoint(kept):
    assert await kept.notary.make() is None
    assert not await kept.notary.due(24)


async def test_a_checkpoint_is_due_when_the_newest_is_old_and_something_happened(kept):
    await kept.create()
    assert await kept.notary.due(24)
    await kept.notary.make()
    kept.plant.clock.turn(hours=25)
    assert not await kept.notary.due(24)
    await kept.create()
    assert await kept.notary.due(24)
    assert not await kept.notary.due(0)
    kept.plant.clock.turn(hours=-2)
    assert not await kept.notary.due(24)


@pytest.mark.parametrize("text", ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
async def test_a_key_that_is_none_is_a_finding_and_not_replaced(kept, text):
    await kept.create()
    kept.premises.key.write_text(text)
    run = await kept.maintain()
    (found,) = run.findings
    assert (found.step, found.severity) == (Step.CHECKPOINT, Weight.HIGH)
    assert "checkpoint.key holds no private key" in found.message
    assert run.score == "90"
    assert kept.premises.key.read_text() == text


# A maintenance


async def test_a_maintenance_leaves_one_receipt_that_says_what_it_found(kept):
    await kept.create(3)
    run = await kept.maintain()
    assert (run.window, run.score, run.findings, run.checkpoint, run.pruned) == ("daily", "100", (), 3, None)
    assert run.figures["verified"] == 3
    assert run.figures["connections"] == 2
    receipts = await kept.plant.receipts()
    assert [receipt.type for receipt in receipts[3:]] == ["tpm_run"]
    health = await kept.plant.views.tpm_health()
    assert (health.score, health.runs, health.checkpoint.seq) == ("100", (run,), 3)


@pytest.mark.parametrize("window", TpmWindow)
async def test_a_maintenance_is_not_done_again_inside_its_window_without_force(kept, window):
    await kept.create()
    await kept.maintain(window)
    kept.plant.clock.turn(hours=HOURS[window] - 1)
    async with refused(Code.CONFLICT, f"the {window} maintenance was done at", "or now with force"):
        await kept.maintain(window)
    assert len(await kept.plant.receipts()) == 2
    await kept.maintain(window, force=True)
    kept.plant.clock.turn(hours=HOURS[window])
    await kept.maintain(window)


async def test_the_same_key_is_one_maintenance(kept):
    await kept.create()
    first = await kept.ask(RunTpm(TpmWindow.WEEKLY), "k")
    backups = sorted((kept.folder / "backups").iterdir())
    assert await kept.ask(RunTpm(TpmWindow.WEEKLY), "k") == first
    assert sorted((kept.folder / "backups").iterdir()) == backups
    async with refused(Code.CONFLICT, "used for another call"):
        await kept.ask(RunTpm(TpmWindow.DAILY), "k")


async def test_maintenance_is_for_admins_and_needs_somebody_who_does_it(kept):
    ask = Ask("bob", "tpm_run", RunTpm(TpmWindow.DAILY), role=Role.OPERATOR)
    async with refused(Code.FORBIDDEN):
        await kept.line.execute(ask)
    async with refused(Code.INVALID_TRANSITION, "nobody maintains this line"):
        await kept.plant.ask(RunTpm(TpmWindow.DAILY))


async def test_commands_go_on_while_a_maintenance_takes_its_time(kept, monkeypatch):
    await kept.create(3)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_work):
        begun.set()
        await go_on.wait()

    monkeypatch.setitem(kept.upkeep._steps, Step.BACKUP, slow)
    running_ = asyncio.ensure_future(kept.maintain(TpmWindow.WEEKLY))
    await asyncio.wait_for(begun.wait(), 5)
    before = await kept.plant.views.head()
    await kept.create(20)
    assert (await kept.plant.views.head()).seq == before.seq + 20
    go_on.set()
    run = await asyncio.wait_for(running_, 5)
    assert run.checkpoint == before.seq
    assert (await kept.plant.views.receipt(before.seq + 21)).type == "tpm_run"


async def test_who_does_not_wait_asks_again_with_the_same_key(kept, monkeypatch):
    await kept.create()
    go_on, times = asyncio.Event(), []

    async def slow(_work):
        times.append(1)
        await go_on.wait()

    monkeypatch.setitem(kept.upkeep._steps, Step.DISK, slow)
    ask = Ask("local", "tpm_run", RunTpm(TpmWindow.DAILY), "k")
    with pytest.raises(TimeoutError):
        await kept.line.execute(ask, timeout=0.1)
    go_on.set()
    assert (await kept.line.execute(ask, timeout=5)).tpm_run.checkpoint == 1
    assert times == [1]


# What it finds


@pytest.mark.parametrize("window", TpmWindow)
async def test_a_tampered_chain_is_critical_and_neither_signed_nor_pruned(kept, window):
    await kept.create(5)
    kept.plant.tamper("UPDATE receipt SET actor = 'eve' WHERE seq = 2")
    kept.plant.clock.turn(days=400)
    run = await kept.maintain(window)
    assert run.findings[0].severity is Weight.CRITICAL
    assert "receipt 2 does not give its hash" in run.findings[0].message
    assert (run.checkpoint, run.pruned) == (None, None)
    assert (await kept.plant.views.tpm_health()).findings[0] == run.findings[0]


async def test_a_whole_verification_finds_what_was_edited_after_it_was_verified(kept):
    await kept.create(5)
    assert (await kept.maintain()).score == "100"
    kept.plant.tamper("UPDATE receipt SET actor = 'eve' WHERE seq = 2")
    kept.plant.clock.turn(days=1)
    assert (await kept.maintain()).score == "100"
    run = await kept.maintain(TpmWindow.WEEKLY)
    assert [found.severity for found in run.findings if found.step is Step.VERIFY_ALL] == [Weight.CRITICAL]


async def test_a_database_that_was_put_back_is_found_by_the_checkpoint_beside_it(kept):
    await kept.create(3)
    await kept.create(3)
    await kept.maintain()
    assert await kept.notary.contradiction() is None
    kept.plant.tamper(
        *[
            f"DELETE FROM {table} WHERE seq > 3"
            for table in ("receipt", "work_order", "checkpoint", "tpm_run", "verified")
        ]
    )
    assert await kept.notary.contradiction() == Broken(
        4,
        Fault.TRUNCATED,
        f"the chain ends with receipt 3, and had 6 at 2026-03-02T08:00:00.000Z, by {kept.folder}/checkpoint.json",
    )
    await kept.create(4)
    assert (await kept.notary.contradiction()).fault is Fault.REWRITTEN
    run = await kept.maintain()
    assert run.findings[0].severity is Weight.CRITICAL


async def test_a_checkpoint_that_another_key_signed_is_a_finding(kept):
    await kept.create(3)
    await kept.maintain()
    kept.premises.key.unlink()
    run = await kept.maintain(TpmWindow.WEEKLY)
    assert [(found.step, found.severity) for found in run.findings] == [(Step.VERIFY_ALL, Weight.HIGH)]
    assert "the checkpoint of receipt 3 was signed with" in run.findings[0].message


async def test_a_shelf_that_cannot_be_written_is_a_finding(kept):
    await kept.create()
    (kept.folder / "shelf").write_text("a file")
    run = await kept.maintain()
    assert [(found.step, found.severity) for found in run.findings] == [(Step.CHECKPOINT, Weight.HIGH)]
    assert run.checkpoint == 1


async def test_many_waiting_commands_are_a_finding(kept):
    kept.peers["commands_waiting"] = kept.options.mailbox // 2
    assert (await kept.maintain()).findings == ()
    kept.peers["commands_waiting"] += 1
    run = await kept.maintain(force=True)
    assert [(found.step, found.severity) for found in run.findings] == [(Step.CONNECTIONS, Weight.MEDIUM)]


@pytest.mark.parametrize(
    ("free", "severities"),
    [(10, ["critical"]), (64 << 20, ["high"]), (100 << 20, ["low"]), (160 << 20, [])],
)
async def test_a_disk_that_fills_is_a_finding(kept, monkeypatch, free, severities):
    state = type(kept.plant.database).state.fget
    size = 80 << 20

    def now(database):
        found = state(database)
        return type(found)(up=True, reason="", path=found.path, sqlite=found.sqlite, size=size, free=free)

    monkeypatch.setattr(type(kept.plant.database), "state", property(now))
    run = await kept.maintain()
    assert [found.severity for found in run.findings if found.step is Step.DISK] == severities


# Backups


async def test_backups_are_restored_to_check_them_and_only_the_newest_are_kept(kept):
    await kept.create(3)
    for _ in range(6):
        run = await kept.maintain(TpmWindow.WEEKLY, force=True)
        assert run.findings == ()
        kept.plant.clock.turn(hours=1)
    made = sorted((kept.folder / "backups").iterdir())
    assert [path.suffix for path in made] == [".db"] * 4
    with closing(sqlite3.connect(made[-1])) as copy:
        assert copy.execute("SELECT count(*) FROM receipt").fetchone() == (8,)


async def test_a_backup_that_cannot_be_restored_is_critical(kept, monkeypatch):
    await kept.create(3)

    def damaged(source, target):
        target.parent.mkdir(exist_ok=True)
        made = backup(source, target)
        with closing(sqlite3.connect(target)) as copy, copy:
            copy.execute("UPDATE receipt SET actor = 'eve' WHERE seq = 2")
        return made

    monkeypatch.setattr("erlmcp.tcps.upkeep._back_up", damaged)
    run = await kept.maintain(TpmWindow.WEEKLY)
    assert [(found.step, found.severity) for found in run.findings] == [(Step.BACKUP, Weight.CRITICAL)]
    assert "receipt 2 does not give its hash" in run.findings[0].message
    assert list((kept.folder / "backups").iterdir()) == []


async def test_a_disk_without_room_for_a_backup_is_a_finding(kept, monkeypatch):
    usage = type(shutil.disk_usage("/"))(100, 99, 1)
    monkeypatch.setattr("erlmcp.tcps.upkeep.shutil.disk_usage", lambda _path: usage)
    run = await kept.maintain(TpmWindow.WEEKLY)
    assert [(found.step, found.severity) for found in run.findings if found.step is Step.BACKUP] == [
        (Step.BACKUP, Weight.HIGH)
    ]


# By itself


async def next_of(check):
    for _ in range(500):
        if found := await check():
            return found
        await asyncio.sleep(0.01)
    raise TimeoutError


async def test_the_duty_signs_and_does_the_daily_maintenance_by_itself(kept):
    await kept.create(2)
    duties = Duties(
        kept.plant.database,
        kept.line,
        kept.options,
        interval=0.01,
        now=kept.plant.clock,
        keepers=(kept.notary, kept.upkeep),
    )
    async with running(duties.run):
        assert (await next_of(kept.notary.newest)).seq == 2
        kept.plant.clock.turn(days=1)

        async def runs():
            return (await kept.plant.views.tpm_health()).runs

        (run,) = await next_of(runs)
    assert run.window is TpmWindow.DAILY
    receipt = (await kept.plant.receipts())[-1]
    assert (receipt.type, receipt.actor) == ("tpm_run", "duties")


async def test_the_other_duties_do_not_wait_for_a_maintenance(kept, monkeypatch):
    plant, begun = kept.plant, asyncio.Event()

    async def endless(_work):
        begun.set()
        await asyncio.get_running_loop().create_future()

    monkeypatch.setitem(kept.upkeep._steps, Step.DISK, endless)
    await kept.create(2)
    plant.clock.turn(days=1)
    keepers = (kept.notary, kept.upkeep)
    async with running(
        Duties(plant.database, kept.line, kept.options, interval=0.01, now=plant.clock, keepers=keepers).run
    ):
        await asyncio.wait_for(begun.wait(), 5)
        await kept.create(2)

        async def verified():
            return (await plant.views.tpm_health()).verified == 4

        assert await next_of(verified)


async def test_a_line_that_does_without_is_not_maintained_by_itself(plant, tmp_path):
    async with kept_at(plant, tmp_path / "data", tpm_daily=False, checkpoint_hours=0) as kept:
        await kept.create()
        kept.plant.clock.turn(days=2)
        duties = Duties(
            plant.database, kept.line, kept.options, interval=0.01, now=plant.clock, keepers=(kept.notary, kept.upkeep)
        )
        async with running(duties.run):
            for _ in range(20):
                await asyncio.sleep(0)
                await plant.views.head()
        assert await kept.notary.newest() is None
        assert len(await plant.receipts()) == 1


# The figures


@pytest.mark.parametrize(
    ("severities", "expected"),
    [
        ([], "100"),
        ([Weight.INFO], "99.5"),
        ([Weight.LOW], "98"),
        ([Weight.MEDIUM], "95"),
        ([Weight.HIGH], "90"),
        ([Weight.CRITICAL], "80"),
        ([Weight.CRITICAL, Weight.HIGH, Weight.MEDIUM, Weight.LOW, Weight.INFO], "62.5"),
        ([Weight.CRITICAL] * 5, "0"),
        ([Weight.CRITICAL] * 6, "0"),
    ],
)
def test_the_score_is_a_hundred_less_what_was_found(severities, expected):
    assert score(finding(Step.DISK, severity) for severity in severities) == expected
    assert list(TENTHS) == list(Weight)


def test_every_window_does_at_least_what_the_one_before_does():
    steps = [{step.replace("verify_new", "verify_all") for step in STEPS[window]} for window in TpmWindow]
    assert all(less <= more for less, more in pairwise(steps))
    assert set().union(*STEPS.values()) == set(Step)
    for window in TpmWindow:
        order = STEPS[window]
        assert order.index(Step.CHECKPOINT) < order.index(Step.PRUNE)
        assert order[0] in {Step.VERIFY_NEW, Step.VERIFY_ALL}


async def test_what_is_late_by_a_whole_window_is_overdue(kept):
    views, clock = kept.plant.views, kept.plant.clock
    assert not any(due.overdue for due in (await views.tpm_health()).windows)
    await kept.create()
    clock.turn(hours=48, seconds=-1)
    assert (await views.tpm_health()).findings == ()
    clock.turn(seconds=1)
    (found,) = (await views.tpm_health()).findings
    assert (found.severity, found.next) == (Weight.MEDIUM, "call tpm_run with window daily")
    await kept.maintain()
    assert (await views.tpm_health()).findings == ()
    clock.turn(days=200)
    found = (await views.tpm_health()).findings
    assert [each.severity for each in found] == [Weight.MEDIUM, Weight.MEDIUM, Weight.LOW, Weight.LOW]
