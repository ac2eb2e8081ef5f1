"""No view walks through a table: what a read costs does not grow with the line."""

import re
import sqlite3

import pytest

from erlmcp.tcps import Bucket, Status, schema

#: What commands change rows with.
WRITES = ("INSERT", "UPDATE", "DELETE")


def queries():
    return [query for query in schema().queries if not re.sub("--.*", "", query.sql).strip().startswith(WRITES)]


@pytest.fixture(scope="module")
def connection():
    connection = sqlite3.connect(":memory:")
    for migrations in schema().migrations:
        for step in migrations.steps:
            connection.executescript(step.script)
    yield connection
    connection.close()


def plan_of(connection, query):
    rows = connection.execute(f"EXPLAIN QUERY PLAN {query.sql}", dict.fromkeys(query.parameters, 1)).fetchall()
    return [row[3] for row in rows]


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.name)
def test_a_read_uses_an_index_wherever_rows_may_be_many(connection, query):
    for step in plan_of(connection, query):
        # Six rows of kanban may be scanned, a page that was found, dependencies that were reached, and the journal from
        # its end, by its key.
        few = step.startswith(("SCAN kanban", "SCAN k", "SCAN page", "SCAN CONSTANT")) or step in {
            "SCAN r",
            "SCAN reached",
        }
        ends = {
            ("SCAN receipt", "head"),
            ("SCAN checkpoint", "newest_checkpoint"),
            ("SCAN checkpoint", "newest_checkpoints"),
        }
        allowed = few or (step, query.name) in ends
        assert allowed or not step.startswith("SCAN"), step


def test_the_only_sorts_are_of_a_few_rows_per_bucket(connection):
    sorting = {query.name for query in queries() if any("TEMP B-TREE" in step for step in plan_of(connection, query))}
    assert sorting == {"board_queued", "heads", "stop_of_bucket"}


@pytest.mark.parametrize("name", ["work_orders", "receipts", "receipts_between", "receipt"])
def test_walks_by_sequence_are_walks_by_key(connection, name):
    (step,) = plan_of(connection, schema().queries[name])
    assert "USING INTEGER PRIMARY KEY" in step


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("work_orders_by_bucket_and_status", "work_order_by_bucket_and_status (bucket=? AND status=? AND seq<?)"),
        ("work_orders_by_assignee", "work_order_by_assignee (assignee=? AND seq<?)"),
        ("receipts_by_work_order", "receipt_by_work_order (work_order_id=? AND seq<?)"),
        ("receipts_by_type", "receipt_by_type (type=? AND seq<?)"),
        ("andons_by_status", "andon_by_status (status=? AND seq<?)"),
        ("andons_by_work_order", "andon_by_work_order (work_order_id=? AND seq<?)"),
        ("andons_by_sku", "andon_by_sku (sku_id=? AND seq<?)"),
        ("receipts_by_sku", "receipt_by_sku (sku_id=? AND seq<?)"),
        ("stops_of_order", "andon_stop (work_order_id=?)"),
        ("unacknowledged", "andon_unacknowledged (level=? AND raised_at<?)"),
    ],
)
def test_a_list_is_a_range_of_its_index(connection, name, index):
    (step,) = plan_of(connection, schema().queries[name])
    assert step.endswith(f"USING INDEX {index}")


@pytest.mark.parametrize(
    ("name", "parts"), [("work_orders_by_status", 6), ("work_orders_by_bucket", 5), ("board_in_progress", 6)]
)
def test_a_list_that_has_no_index_of_its_own_merges_ranges_of_another(connection, name, parts):
    steps = plan_of(connection, schema().queries[name])
    index = "SEARCH work_order USING COVERING INDEX work_order_by_bucket_and_status (bucket=? AND status=?"
    assert sum(step.startswith(index) for step in steps) == parts
    assert sum(step == "MERGE (UNION ALL)" for step in steps) == parts - 1


def test_the_merged_lists_name_every_bucket_and_every_status():
    for name, words in (
        ("work_orders_by_status", Bucket),
        ("board_in_progress", Bucket),
        ("work_orders_by_bucket", Status),
    ):
        assert all(f"'{word}'" in schema().queries[name].sql for word in words)


def test_the_heads_of_the_queues_come_from_the_index_of_the_queue(connection):
    for name, rows in (("heads", "q"), ("board_queued", "q"), ("first_in_bucket", "o")):
        steps = plan_of(connection, schema().queries[name])
        assert any(step == f"SEARCH {rows} USING INDEX work_order_queue (bucket=?)" for step in steps), steps


@pytest.mark.parametrize("name", ["count_start", "start_work_order", "save_sku", "first_in_bucket", "heads"])
def test_the_guards_of_the_line_look_at_open_stops_alone(connection, name):
    steps = plan_of(connection, schema().queries[name])
    looks = [step for step in steps if step.startswith(("SEARCH a ", "SEARCH c ", "SEARCH s "))]
    assert looks
    assert all(" andon_stop" in step for step in looks), steps


def test_overdue_orders_are_looked_for_among_the_open_ones_of_their_bucket(connection):
    steps = plan_of(connection, schema().queries["breached"])
    assert steps[0] == "SEARCH o USING INDEX work_order_by_bucket_and_status (bucket=? AND status=?)"
