"""Receipts beyond their time go behind a signed checkpoint, and the chain begins there for everybody at once."""

from io import BytesIO

import pytest_asyncio

from erlmcp.tcps import NO_RECEIPT, Ask, Code, Fault, Gate, Head, Ok, RunTpm, TpmWindow, export, verify_file
from tests.tcps.keeping import kept_at
from tests.tcps.plant import refused


@pytest_asyncio.fixture
async def kept(plant, tmp_path):
    async with kept_at(plant, tmp_path / "data") as kept:
        yield kept


async def test_receipts_beyond_their_time_are_pruned_behind_a_checkpoint(kept):
    plant = kept.plant
    await kept.create(5)
    old = await plant.receipts()
    plant.clock.turn(days=300)
    await kept.create(3)
    plant.clock.turn(days=66)
    run = await kept.maintain()
    assert (run.pruned, run.figures["pruned"], run.checkpoint) == (5, 5, 8)
    assert await plant.views.begin() == Head(5, old[4].hash)
    assert [receipt.seq for receipt in await plant.receipts()] == [6, 7, 8, 9]
    newest = await kept.notary.newest()
    assert (newest.seq, newest.count, newest.first) == (9, 4, 6)
    assert await plant.views.verify() == Ok(4, newest.head)
    assert await plant.views.verify(3) == await plant.views.verify(6)
    assert await plant.views.verify(7) == Ok(3, newest.head)
    async with refused(Code.NOT_FOUND, "there is no receipt 5: the first one kept is 6"):
        await plant.views.receipt(5)
    assert (await plant.views.tpm_health()).begin == Head(5, old[4].hash)
    await kept.create()
    assert isinstance(await plant.views.verify(), Ok)
    assert (await kept.maintain(TpmWindow.WEEKLY)).findings == ()


async def test_nothing_younger_is_pruned_and_nothing_twice(kept):
    await kept.create(5)
    kept.plant.clock.turn(days=365)
    assert (await kept.maintain()).pruned is None
    kept.plant.clock.turn(seconds=1)
    assert (await kept.maintain(force=True)).pruned == 5
    assert (await kept.maintain(force=True)).pruned is None


async def test_pruning_is_crash_safe(kept):
    """Killed after the record: the chain begins where it says, and the next sweep goes on."""
    plant = kept.plant
    await kept.create(5)
    plant.clock.turn(days=366)
    report = await kept.upkeep.run(TpmWindow.DAILY)
    assert (report.prune, len(await plant.receipts())) == (5, 5)  # killed here, nothing has happened
    assert await plant.views.begin() == NO_RECEIPT
    await plant.coordinator.execute(Ask("local", "tpm_run", RunTpm(TpmWindow.DAILY)), 5.0, report)
    assert (await plant.views.begin()).seq == 5  # killed here, the rows are there still
    assert (len(await plant.receipts()), (await plant.views.verify()).count) == (6, 1)
    assert await kept.upkeep.sweep() == 5
    assert await kept.upkeep.sweep() == 0
    assert [receipt.seq for receipt in await plant.receipts()] == [6]
    assert isinstance(await plant.views.verify(), Ok)


async def test_an_order_whose_receipts_were_pruned_goes_on_through_its_gates(kept):
    plant = kept.plant
    sku = await plant.start()
    await plant.submit(sku.id, Gate.SHACL_VALIDATION)
    plant.clock.turn(days=366)
    assert (await kept.maintain()).pruned == 3
    status = await plant.views.gate_status(sku.id)
    assert (status[0].verdict, status[0].at) == ("passed", None)
    await plant.walk(sku.id)
    assert (await plant.views.gate_status(sku.id))[6].verdict == "passed"


async def test_an_export_of_a_pruned_chain_is_verified_by_the_newest_checkpoint(kept):
    await kept.create(5)
    before = await kept.notary.make()
    kept.plant.clock.turn(days=366)
    await kept.create(2)
    await kept.maintain()
    file = BytesIO()
    await export(kept.plant.database, file.write, 5, 8)
    newest = await kept.notary.newest()
    file.seek(0)
    assert verify_file(file, [before, newest]) == Ok(3, newest.head)
    file.seek(0)
    assert verify_file(file).fault is Fault.MISSING
