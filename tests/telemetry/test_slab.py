"""The slab: rows with their labels in shared memory."""

import mmap
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlmcp.telemetry import SLOT_BYTES, Slab, shapes
from erlmcp.telemetry.catalogue import CALLS, TOOLS_MOST
from erlmcp.telemetry.slab import KEY_BYTES, Shape

TWO = (Shape("first", rows=3, width=2), Shape("second", rows=1, width=1))


def rows(slab: Slab, slot: int, table: str) -> dict[tuple[str, ...], int]:
    return {labels: slab.slots[slot].cells[cell] for labels, cell in slab.slots[slot].tables()[table].read()}


def count(slab: Slab, slot: int, table: str, labels: tuple[str, ...]) -> None:
    cell = slab.slots[slot].tables()[table].row(labels)
    assert cell is not None
    slab.slots[slot].cells[cell] += 1


def test_what_is_counted_in_a_row_is_read_under_its_labels():
    slab = Slab.private(1, TWO)
    slab.slots[0].claim()
    count(slab, 0, "first", ("a", "b"))
    count(slab, 0, "first", ("a", "b"))
    count(slab, 0, "first", ("a", "c"))
    count(slab, 0, "second", ("",))
    assert rows(slab, 0, "first") == {("a", "b"): 2, ("a", "c"): 1}
    assert rows(slab, 0, "second") == {("",): 1}


def test_slots_do_not_touch_each_other():
    slab = Slab.private(2, TWO)
    slab.slots[0].claim()
    slab.slots[1].claim()
    count(slab, 0, "first", ("a", "b"))
    assert rows(slab, 1, "first") == {}


def test_a_slot_that_nobody_claimed_is_not_read():
    slab = Slab.private(2, TWO)
    slab.slots[0].claim()
    assert [slot.readable for slot in slab.slots] == [True, False]


def test_a_full_table_has_no_row_for_new_labels_and_keeps_the_old_ones():
    slab = Slab.private(1, TWO)
    slab.slots[0].claim()
    table = slab.slots[0].tables()["first"]
    taken = [table.row((name,)) for name in "abc"]
    assert None not in taken
    assert table.row(("d",)) is None
    assert table.row(("b",)) == taken[1]


@pytest.mark.parametrize(("length", "fits"), [(KEY_BYTES, True), (KEY_BYTES + 1, False)])
def test_labels_fit_up_to_the_room_for_a_key(length: int, fits: bool):
    slab = Slab.private(1, TWO)
    slab.slots[0].claim()
    assert (slab.slots[0].tables()["first"].row(("x" * length,)) is not None) is fits


def test_a_tool_name_of_the_longest_kind_fits_with_each_outcome():
    slab = Slab.private(1, shapes())
    slab.slots[0].claim()
    table = slab.slots[0].tables()[CALLS.name]
    assert all(table.row(("t" * 64, outcome)) is not None for outcome in ("ok", "input_required", "tool_error"))
    assert CALLS.rows > 5 * TOOLS_MOST


def test_the_next_worker_of_a_slot_goes_on_counting_where_the_last_one_stopped():
    memory = memoryview(mmap.mmap(-1, SLOT_BYTES))
    for _ in range(2):
        slab = Slab(memory, 1, TWO)
        slab.slots[0].claim()
        count(slab, 0, "first", ("a",))
    assert rows(Slab(memory, 1, TWO), 0, "first") == {("a",): 2}


def test_a_worker_of_another_layout_starts_the_slot_afresh():
    memory = memoryview(mmap.mmap(-1, SLOT_BYTES))
    old = Slab(memory, 1, TWO)
    old.slots[0].claim()
    count(old, 0, "first", ("a",))
    new = Slab(memory, 1, shapes())
    assert not new.slots[0].readable
    new.slots[0].claim()
    assert all(not list(table.read()) for table in new.slots[0].tables().values())


def test_another_process_reads_what_this_one_counts():
    fd = os.memfd_create("slab")
    os.ftruncate(fd, SLOT_BYTES)
    slab = Slab(memoryview(mmap.mmap(fd, SLOT_BYTES)), 1, TWO)
    slab.slots[0].claim()
    count(slab, 0, "first", ("a", "b"))
    script = f"""
import mmap
from erlmcp.telemetry.slab import Shape, Slab
slab = Slab(memoryview(mmap.mmap({fd}, {SLOT_BYTES})), 1, (Shape("first", 3, 2), Shape("second", 1, 1)))
print([(labels, slab.slots[0].cells[cell]) for labels, cell in slab.slots[0].tables()["first"].read()])
"""
    reader = subprocess.run(
        [sys.executable, "-c", script], pass_fds=(fd,), capture_output=True, text=True, check=True, timeout=30
    )
    os.close(fd)
    assert reader.stdout.strip() == "[(('a', 'b'), 1)]"


def test_shapes_beyond_a_slot_are_refused_with_both_numbers():
    with pytest.raises(ValueError, match=r"the metrics need \d+ bytes per worker and a slot has 131072"):
        Slab.private(1, (Shape("wide", rows=1000, width=100),))


def test_memory_below_the_slots_is_refused():
    with pytest.raises(ValueError, match="2 slots of 131072 bytes do not fit into 131072 bytes"):
        Slab(memoryview(bytearray(SLOT_BYTES)), 2, TWO)


@given(st.lists(st.tuples(st.text("abé/_-", max_size=5), st.text("xyz", max_size=3)), max_size=40))
def test_the_counts_of_every_row_are_those_of_a_dictionary(seen: list[tuple[str, str]]):
    slab = Slab.private(1, (Shape("many", rows=40, width=1),))
    slab.slots[0].claim()
    model: dict[tuple[str, ...], int] = {}
    for labels in seen:
        count(slab, 0, "many", labels)
        model[labels] = model.get(labels, 0) + 1
    assert rows(slab, 0, "many") == model
