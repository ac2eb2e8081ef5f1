"""No view walks through a table: what a read costs does not grow with the line."""

import sqlite3

import pytest

from erlmcp.tcps import Bucket, Status, schema

COMMANDS_THAT_READ = ("first_in_bucket", "first_with_a_slot", "answer_of_key")


def queries():
    return [
        query for query in schema().queries if query.origin.startswith("views.sql") or query.name in COMMANDS_THAT_READ
    ]


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
        # Six rows of kanban may be scanned, a page that was found, and the journal from its end, by its key.
        allowed = step.startswith(("SCAN kanban", "SCAN k", "SCAN page")) or (step, query.name) == (
            "SCAN receipt",
            "head",
        )
        assert allowed or not step.startswith("SCAN"), step


def test_the_only_sorts_are_of_a_few_rows_per_bucket(connection):
    sorting = {query.name for query in queries() if any("TEMP B-TREE" in step for step in plan_of(connection, query))}
    assert sorting == {"board_queued", "first_with_a_slot"}


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
        ("first_in_bucket", "work_order_queue (bucket=?)"),
    ],
)
def test_a_list_is_a_range_of_its_index(connection, name, index):
    (step,) = plan_of(connection, schema().queries[name])
    assert step.endswith(f"USING INDEX {index}")


@pytest.mark.parametrize(
    ("name", "parts"), [("work_orders_by_status", 6), ("work_orders_by_bucket", 4), ("board_in_progress", 6)]
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
    for name in ("first_with_a_slot", "board_queued"):
        steps = plan_of(connection, schema().queries[name])
        assert any(step == "SEARCH q USING INDEX work_order_queue (bucket=?)" for step in steps), steps
