"""The shared memory of a node: what one process writes, the others read."""

import os

import pytest

from erlmcp import telemetry
from erlmcp.node.slab import BOARD_ROW, FIELDS, METRIC_BYTES, Row, Slab, resident_bytes
from erlmcp.node.sockets import anonymous_file


@pytest.fixture
def pair():
    """Two mappings of the same slab, as two processes have them."""
    fd = anonymous_file("slab", size=Slab.size(3))
    one, other = Slab(fd, 3), Slab(fd, 3)
    os.close(fd)
    yield one, other
    one.close()
    other.close()


def test_a_slot_holds_what_telemetry_wants_to_keep_there():
    assert METRIC_BYTES == telemetry.SLOT_BYTES


def test_a_row_has_room_for_every_field():
    assert len(FIELDS) * 8 <= BOARD_ROW


def test_a_row_written_by_one_process_is_read_by_another(pair):
    one, other = pair
    one.board.put(2, pid=7, number=1, memory=4096, connections=3)
    assert other.board.rows() == [
        Row(pid=7, number=1, restarts=0, memory=4096, children=0, connections=3, in_flight=0, listening=0, serving=0)
    ]


def test_rows_come_by_number_and_free_slots_do_not_appear(pair):
    one, other = pair
    one.board.put(0, pid=9, number=2)
    one.board.put(2, pid=8, number=1)
    assert [row.number for row in other.board.rows()] == [1, 2]


def test_a_cleared_slot_is_free_and_its_counters_stay(pair):
    one, other = pair
    one.board.put(1, pid=5, number=1, restarts=2)
    one.metrics[METRIC_BYTES] = 42
    one.clear(1)
    assert other.board.rows() == []
    assert other.metrics[METRIC_BYTES] == 42


def test_the_metrics_area_begins_behind_the_board(pair):
    one, other = pair
    one.metrics[:] = b"\xff" * len(one.metrics)
    assert other.board.rows() == []
    assert len(one.metrics) == 3 * METRIC_BYTES


def test_the_resident_set_of_this_process_is_some_megabytes():
    assert resident_bytes() > 1024 * 1024
