"""Tampering is caught, and located."""

import asyncio
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlmcp.tcps import NO_RECEIPT, Broken, Code, Fault, Head, Ok, Receipt, verify
from tests.tcps.chains import chain, edited, rehashed
from tests.tcps.plant import refused


def replaced(receipts, seq, receipt):
    return [*receipts[: seq - 1], receipt, *receipts[seq:]]


lengths = st.integers(2, 12)


@given(lengths)
def test_an_untouched_chain_is_whole(length):
    receipts = chain(length)
    head = Head(length, receipts[-1].hash)
    assert verify(receipts) == Ok(length, head)
    assert verify(receipts, expected=head) == Ok(length, head)
    assert verify(receipts[1:], after=Head(1, receipts[0].hash)) == Ok(length - 1, head)


CHANGES = {
    "actor": "eve",
    "at": "2026-03-02T08:00:00.001Z",
    "id": "RCPT-0",
    "payload": msgspec.Raw(b'{"inputs":{},"outputs":{}}'),
    "prev_hash": "f" * 64,
    "hash": "f" * 64,
    "sku_id": "SKU-1",
    "stage": "publication",
    "type": "work_order_cancel",
    "work_order_id": None,
}


def test_the_changes_below_are_of_every_field_but_the_sequence():
    assert {*CHANGES, "seq"} == set(Receipt.__struct_fields__)


@pytest.mark.parametrize("field", CHANGES)
@given(st.data())
def test_an_edit_of_any_field_is_located(field, data):
    receipts = chain(data.draw(lengths))
    seq = data.draw(st.integers(1, len(receipts)))
    broken = verify(replaced(receipts, seq, edited(receipts[seq - 1], **{field: CHANGES[field]})))
    assert isinstance(broken, Broken)
    assert (broken.seq, broken.fault) == (seq, Fault.EDITED)
    assert f"receipt {seq} does not give its hash" in broken.reason


@given(st.data())
def test_a_deletion_is_located(data):
    receipts = chain(data.draw(lengths))
    seq = data.draw(st.integers(1, len(receipts) - 1))
    broken = verify(receipts[: seq - 1] + receipts[seq:])
    reason = f"receipt {seq} is not in its place: {seq + 1} comes instead"
    assert broken == Broken(seq, Fault.MISSING, reason)


@given(st.data())
def test_an_insertion_is_located(data):
    receipts = chain(data.draw(lengths))
    seq = data.draw(st.integers(1, len(receipts)))
    forged = rehashed(receipts[seq - 1], id="RCPT-FORGED")
    after = [rehashed(receipt, seq=receipt.seq + 1) for receipt in receipts[seq - 1 :]]
    broken = verify([*receipts[: seq - 1], forged, *after])
    assert (broken.seq, broken.fault) == (seq + 1, Fault.UNLINKED)
    twice = verify([*receipts[:seq], *receipts[seq - 1 :]])
    assert (twice.seq, twice.fault) == (seq, Fault.OUT_OF_ORDER)


@given(st.data())
def test_two_that_changed_places_are_located(data):
    receipts = chain(data.draw(lengths))
    one, other = sorted(data.draw(st.sets(st.integers(1, len(receipts)), min_size=2, max_size=2)))
    swapped = list(receipts)
    swapped[one - 1], swapped[other - 1] = swapped[other - 1], swapped[one - 1]
    broken = verify(swapped)
    assert (broken.seq, broken.fault) == (one, Fault.MISSING)
    renumbered = [edited(receipt, seq=seq) for seq, receipt in enumerate(swapped, 1)]
    assert (verify(renumbered).seq, verify(renumbered).fault) == (one, Fault.EDITED)


@given(st.data())
def test_a_receipt_that_was_hashed_anew_is_located_by_the_one_after_it(data):
    receipts = chain(data.draw(lengths))
    seq = data.draw(st.integers(1, len(receipts) - 1))
    broken = verify(replaced(receipts, seq, rehashed(receipts[seq - 1], actor="eve")))
    assert (broken.seq, broken.fault) == (seq + 1, Fault.UNLINKED)
    assert f"receipt {seq + 1} does not follow receipt {seq}" in broken.reason


@given(st.data())
def test_a_cut_off_end_shows_against_a_noted_head(data):
    receipts = chain(data.draw(lengths))
    head = Head(len(receipts), receipts[-1].hash)
    left = data.draw(st.integers(0, len(receipts) - 1))
    assert isinstance(verify(receipts[:left]), Ok)
    reason = f"the chain ends with receipt {left}, and had {len(receipts)} when its head was noted"
    assert verify(receipts[:left], expected=head) == Broken(left + 1, Fault.TRUNCATED, reason)


@given(st.data())
def test_a_chain_that_was_written_anew_shows_against_a_noted_head(data):
    receipts = chain(data.draw(lengths))
    noted = receipts[data.draw(st.integers(0, len(receipts) - 1))]
    seq = data.draw(st.integers(1, noted.seq))
    anew = receipts[: seq - 1]
    for receipt in receipts[seq - 1 :]:
        before = anew[-1].hash if anew else NO_RECEIPT.hash
        anew.append(rehashed(receipt, actor="eve", prev_hash=before))
    assert isinstance(verify(anew), Ok)
    broken = verify(anew, expected=Head(noted.seq, noted.hash))
    assert (broken.seq, broken.fault) == (noted.seq, Fault.REWRITTEN)


def test_a_chain_that_begins_elsewhere_than_it_should_is_located():
    receipts = chain(5)
    assert verify(receipts[2:]).seq == 1
    assert verify(receipts[2:], after=Head(2, "f" * 64)).fault is Fault.UNLINKED


def test_receipts_are_looked_at_one_by_one_up_to_the_first_that_is_broken():
    seen = []

    def stream():
        for receipt in replaced(chain(9), 4, edited(chain(9)[3], actor="eve")):
            seen.append(receipt.seq)
            yield receipt

    assert verify(stream()).seq == 4
    assert seen == [1, 2, 3, 4]


# In the database


@dataclass
class Case:
    name: str
    statements: list[str]
    seq: int
    fault: Fault


COLUMNS = "id, type, at, actor, work_order_id, sku_id, stage, payload, prev_hash, hash"
COPY_OF_LAST = f"INSERT INTO receipt (seq, {COLUMNS}) SELECT 13, {COLUMNS} FROM receipt WHERE seq = 12"
TAMPERED = [
    Case("edit", ["UPDATE receipt SET payload = replace(payload, 'thing', 'think') WHERE seq = 7"], 7, Fault.EDITED),
    Case("edit a column", ["UPDATE receipt SET work_order_id = NULL WHERE seq = 7"], 7, Fault.EDITED),
    Case("respell", ["UPDATE receipt SET payload = payload || ' ' WHERE seq = 7"], 7, Fault.EDITED),
    Case("garble", ["UPDATE receipt SET payload = '{' WHERE seq = 7"], 7, Fault.EDITED),
    Case("delete", ["DELETE FROM receipt WHERE seq = 7"], 7, Fault.MISSING),
    Case("delete the first", ["DELETE FROM receipt WHERE seq = 1"], 1, Fault.MISSING),
    Case(
        "delete and close up",
        [
            "DELETE FROM receipt WHERE seq = 7",
            "UPDATE receipt SET seq = -seq WHERE seq > 7",
            "UPDATE receipt SET seq = -seq - 1 WHERE seq < 0",
        ],
        7,
        Fault.EDITED,
    ),
    Case(
        "insert",
        [
            "UPDATE receipt SET seq = -seq WHERE seq >= 7",
            "UPDATE receipt SET seq = -seq + 1 WHERE seq < 0",
            f"INSERT INTO receipt (seq, {COLUMNS}) SELECT 7, {COLUMNS} FROM receipt WHERE seq = 6",
        ],
        7,
        Fault.EDITED,
    ),
    Case("insert at the end", [COPY_OF_LAST], 13, Fault.EDITED),
    Case(
        "reorder",
        [
            "UPDATE receipt SET seq = -1 WHERE seq = 7",
            "UPDATE receipt SET seq = 7 WHERE seq = 8",
            "UPDATE receipt SET seq = 8 WHERE seq = -1",
        ],
        7,
        Fault.EDITED,
    ),
    Case("all from a place on", ["DELETE FROM receipt WHERE seq > 6"], 7, Fault.TRUNCATED),
]  # fmt: skip


@pytest.mark.parametrize("case", TAMPERED, ids=lambda case: case.name)
async def test_tampering_with_the_database_is_caught_and_located(plant, case):
    for number in range(1, 13):
        await plant.create(f"thing {number}")
    head = await plant.views.head()
    assert await plant.views.verify(expected=head) == Ok(12, head)
    plant.tamper(*case.statements)
    broken = await plant.views.verify(expected=head)
    assert isinstance(broken, Broken)
    assert (broken.seq, broken.fault) == (case.seq, case.fault)


async def test_a_receipt_of_the_database_that_was_hashed_anew_is_located(plant):
    for number in range(1, 13):
        await plant.create(f"thing {number}")
    forged = rehashed(await plant.views.receipt(7), actor="eve")
    plant.tamper(f"UPDATE receipt SET actor = 'eve', hash = '{forged.hash}' WHERE seq = 7")
    broken = await plant.views.verify()
    assert (broken.seq, broken.fault) == (8, Fault.UNLINKED)


async def test_a_part_of_the_chain_is_verified_by_itself(plant):
    for _ in range(12):
        await plant.create()
    receipts = await plant.receipts()
    plant.tamper("UPDATE receipt SET actor = 'eve' WHERE seq = 5")
    assert await plant.views.verify(6, 9) == Ok(4, Head(9, receipts[8].hash))
    assert (await plant.views.verify(2, 9)).seq == 5
    assert await plant.views.verify(1, 4) == Ok(4, Head(4, receipts[3].hash))
    plant.tamper("DELETE FROM receipt WHERE seq = 5")
    assert await plant.views.verify(6, 9) == Broken(5, Fault.MISSING, "receipt 5 is not there: 6 follows it")


async def test_a_chain_longer_than_a_stride_is_verified_to_its_end(plant):
    await asyncio.gather(*(plant.create() for _ in range(600)), *(plant.create() for _ in range(400)))
    head = await plant.views.head()
    assert await plant.views.verify() == Ok(1000, head)
    plant.tamper("UPDATE receipt SET actor = 'eve' WHERE seq = 1000")
    assert (await plant.views.verify()).seq == 1000


async def test_an_empty_chain_is_whole(plant):
    assert await plant.views.verify() == Ok(0, NO_RECEIPT)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (0, None, None),
        (-1, None, None),
        (4, None, None),
        (1, 3, None),
        (2, 0, None),
        (10**30, None, None),
        (1, 10**30, None),
        (2, None, Head(0, "0" * 64)),
        (1, 1, Head(2, "0" * 64)),
    ],
)
async def test_a_range_that_the_chain_has_not_is_invalid(plant, first, last, expected):
    for _ in range(2):
        await plant.create()
    async with refused(Code.INVALID, next_step="call receipt_verify"):
        await plant.views.verify(first, last, expected)
