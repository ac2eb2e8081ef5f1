"""What can be seen: orders and their deadlines, pages, the board, receipts."""

import msgspec
import pytest

from erlmcp import store, tcps
from erlmcp.tcps import (
    MAX_LIMIT,
    NO_RECEIPT,
    AdvanceSku,
    AndonType,
    Bucket,
    Card,
    Code,
    Filter,
    Gate,
    Head,
    Pull,
    PullAndon,
    PullNext,
    Release,
    SetLimit,
    SlaState,
    StartWorkOrder,
    Status,
    Views,
    WorkOrder,
)
from erlmcp.tcps.cursor import read, write
from erlmcp.tcps.limits import DESCRIPTION
from erlmcp.tcps.pages import PAGE
from tests.tcps.plant import QUICK, plant_at, refused


async def all_pages(view, limit, **which):
    rows, cursor, pages = [], None, 0
    while True:
        page = await view(limit=limit, cursor=cursor, **which)
        rows += getattr(page, "work_orders", None) or getattr(page, "receipts", [])
        pages, cursor = pages + 1, page.next_cursor
        if cursor is None:
            return rows, pages


@pytest.mark.parametrize(
    ("hours", "state"),
    [(0, "on_time"), (18, "on_time"), (18.001, "warning"), (24, "warning"), (24.001, "breached"), (999, "breached")],
)
async def test_a_deadline_warns_below_a_quarter_of_the_time_and_is_breached_after_it(plant, hours, state):
    order = await plant.create(bucket=Bucket.SECURITY)
    plant.clock.turn(hours=hours)
    assert (await plant.views.work_order(order.id)).sla == state
    (listed,) = (await plant.views.work_orders()).work_orders
    (card,) = (await plant.views.board()).queued
    assert (listed.sla, card.sla) == (state, state)


@pytest.mark.parametrize(("hours", "state"), [(24, SlaState.ON_TIME), (24.001, SlaState.BREACHED)])
async def test_a_completed_order_keeps_how_it_met_its_deadline(plant, hours, state):
    order = await plant.create(bucket=Bucket.SECURITY)
    await plant.ask(StartWorkOrder(order.id))
    plant.clock.turn(hours=hours)
    await plant.complete(order.id)
    plant.clock.turn(hours=1000)
    assert (await plant.views.work_order(order.id)).sla is state


async def test_without_a_deadline_or_once_cancelled_there_is_no_state(plant):
    debt = await plant.create(bucket=Bucket.TECHNICAL_DEBT)
    gone = await plant.create(bucket=Bucket.SECURITY)
    await plant.ask(tcps.Cancel(gone.id, "why"))
    plant.clock.turn(hours=100)
    assert [(await plant.views.work_order(order.id)).sla for order in (debt, gone)] == [None, None]


async def test_an_answer_and_a_receipt_do_not_say_how_the_deadline_stands(plant):
    await plant.create(bucket=Bucket.SECURITY)
    assert b'"sla"' not in plant.facts[0]


@pytest.fixture
async def mixed(plant):
    """Twelve orders: two in each bucket, one of the two in progress; those in progress are ana's."""
    for bucket in Bucket:
        for title in ("one", "two"):
            await plant.create(f"{bucket} {title}", bucket=bucket)
        await plant.ask(Pull(bucket, "ana"))
    return plant


FILTERS = [
    Filter(),
    *(Filter(status=status) for status in Status),
    *(Filter(bucket=bucket) for bucket in Bucket),
    *(Filter(status=status, bucket=Bucket.COST) for status in Status),
    Filter(assignee="ana"),
    Filter(assignee="ben"),
    Filter(assignee="ana", bucket=Bucket.COST),
    Filter(assignee="ana", status=Status.QUEUED),
    Filter(assignee="ana", status=Status.IN_PROGRESS, bucket=Bucket.COST),
]


@pytest.mark.parametrize("which", FILTERS, ids=str)
async def test_every_filter_gives_what_it_says_newest_first_page_by_page(mixed, which):
    everything, _ = await all_pages(mixed.views.work_orders, 200)
    assert [order.id for order in everything] == sorted((order.id for order in everything), reverse=True)
    expected = [
        order
        for order in everything
        if which.status in {None, order.status}
        and which.bucket in {None, order.bucket}
        and which.assignee in {None, order.assignee}
    ]
    for limit in (1, 5, 200):
        rows, pages = await all_pages(mixed.views.work_orders, limit, which=which)
        assert (rows, pages) == (expected, max(1, -(-len(expected) // limit)))


async def test_a_page_does_not_shift_when_new_orders_come(plant):
    for title in ("a", "b", "c"):
        await plant.create(title)
    first = await plant.views.work_orders(limit=2)
    await plant.create("d")
    second = await plant.views.work_orders(limit=2, cursor=first.next_cursor)
    assert [order.title for order in first.work_orders + second.work_orders] == ["c", "b", "a"]


async def test_a_page_has_from_1_to_200_rows(plant):
    for view in (plant.views.work_orders, plant.views.receipts):
        await view(limit=1)
        await view(limit=MAX_LIMIT)
        for wrong in (0, -1, MAX_LIMIT + 1, 10**30):
            async with refused(Code.INVALID, "limit is", f"from 1 to {MAX_LIMIT}"):
                await view(limit=wrong)


@pytest.mark.parametrize("character", ["x", "\n", "検"])
async def test_a_page_is_cut_where_it_would_be_too_long_to_send_and_the_next_one_goes_on(plant, character):
    many = [(await plant.create(description=character * DESCRIPTION)).id for _ in range(100)]
    for view in (plant.views.work_orders, plant.views.receipts):
        page = await view(limit=200)
        assert 500_000 < len(msgspec.json.encode(page)) <= PAGE + 100_000
        assert page.next_cursor is not None
        rows, pages = await all_pages(view, 200)
        assert pages > 1
        assert [getattr(row, "work_order_id", None) or row.id for row in rows] == many[::-1]


async def test_a_page_has_one_row_at_least(plant, monkeypatch):
    monkeypatch.setattr("erlmcp.tcps.pages.PAGE", 1)
    for title in ("a", "b", "c"):
        await plant.create(title)
    rows, pages = await all_pages(plant.views.work_orders, 200)
    assert ([order.title for order in rows], pages) == (["c", "b", "a"], 3)


CURSORS = [
    "",
    "x",
    "x=",
    "é",
    "\ud800",
    write("receipts", 5),
    write("work_orders", 5) + "=",
    write("work_orders", 10**17),
]


@pytest.mark.parametrize("cursor", [*CURSORS, write("work_orders", 5)[:-1], "A" * 5000], ids=range(10))
async def test_a_cursor_that_is_none_of_ours_is_refused(plant, cursor):
    async with refused(Code.INVALID, "is none of this list", "without a cursor"):
        await plant.views.work_orders(cursor=cursor)


def test_a_cursor_comes_back_as_it_was_written():
    for before in (0, 1, 2**53 - 1):
        assert read("receipts", write("receipts", before)) == before


async def test_an_order_that_is_not_there_is_not_found(plant):
    for name in ("WO-1", "", "\ud800", "x" * 10_000):
        async with refused(Code.NOT_FOUND, "there is no work order", "work_order_list"):
            await plant.views.work_order(name)


async def test_the_board_shows_one_moment(mixed):
    board = await mixed.views.board()
    assert board.at == mixed.clock()
    assert board.buckets == await mixed.views.kanban()
    assert board.head == await mixed.views.head()
    assert [card.title for card in board.in_progress] == [f"{bucket} one" for bucket in Bucket]
    by_priority = sorted(Bucket, key=lambda bucket: -tcps.Options().default_priority(bucket))
    assert [card.title for card in board.queued] == [f"{bucket} two" for bucket in by_priority]
    assert board.completed == []


async def test_the_board_shows_the_last_completed_first(plant):
    made = [await plant.create(str(number), bucket=Bucket.FEATURES) for number in range(10)]
    for order in made:
        await plant.ask(StartWorkOrder(order.id))
    for order in reversed(made):
        await plant.complete(order.id)
    assert [card.title for card in (await plant.views.board()).completed] == [str(number) for number in range(10)]


async def test_a_card_has_what_the_order_has(plant):
    order = await plant.create(bucket=Bucket.SECURITY, assignee="ana", description="long")
    (card,) = (await plant.views.board()).queued
    seen = await plant.views.work_order(order.id)
    shared = [name for name in Card.__struct_fields__ if name in WorkOrder.__struct_fields__]
    assert card == Card(**{name: getattr(seen, name) for name in shared})
    await plant.ask(StartWorkOrder(order.id))
    (card,) = (await plant.views.board()).in_progress
    seen = await plant.views.work_order(order.id)
    sku = await plant.views.sku(seen.sku_id)
    about_sku = {"stage": sku.stage, "moved_at": sku.moved_at}
    assert card == Card(**{name: getattr(seen, name) for name in shared}, **about_sku)


async def test_the_board_shows_only_the_next_few_of_a_queue_and_counts_all(plant):
    for number in range(8):
        await plant.create(str(number), bucket=Bucket.COST, priority=number + 1)
    board = await plant.views.board()
    assert [card.title for card in board.queued] == ["7", "6", "5", "4", "3"]
    assert {row.bucket: row.queued for row in board.buckets}[Bucket.COST] == 8


async def test_an_empty_line_has_an_empty_board(plant):
    board = await plant.views.board()
    assert (board.queued, board.in_progress, board.completed, board.head) == ([], [], [], NO_RECEIPT)
    assert [row.bucket for row in board.buckets] == list(Bucket)


async def test_receipts_are_listed_newest_first_by_order_and_by_type(mixed):
    order = (await mixed.views.work_orders(Filter(Status.IN_PROGRESS, Bucket.COST))).work_orders[0]
    everything, _ = await all_pages(mixed.views.receipts, 200)
    assert [receipt.seq for receipt in everything] == list(range(18, 0, -1))
    for which in (
        {"work_order_id": order.id},
        {"kind": "work_order_pull"},
        {"work_order_id": order.id, "kind": "work_order_pull"},
        {"work_order_id": "WO-\ud800"},
        {"kind": "nothing"},
    ):
        expected = [
            receipt
            for receipt in everything
            if which.get("work_order_id") in {None, receipt.work_order_id} and which.get("kind") in {None, receipt.type}
        ]
        for limit in (1, 4, 200):
            rows, _ = await all_pages(mixed.views.receipts, limit, **which)
            assert rows == expected


async def test_a_receipt_is_found_by_its_sequence(mixed):
    for seq in (1, 18):
        assert (await mixed.views.receipt(seq)).seq == seq
    for wrong in (0, -1, 19, 10**30):
        async with refused(Code.NOT_FOUND, "the last one is 18", "receipt_list"):
            await mixed.views.receipt(wrong)


async def test_receipts_of_a_sku_are_listed_by_it(plant):
    sku = await plant.start()
    await plant.start()
    await plant.submit(sku.id, Gate.SHACL_VALIDATION)
    await plant.ask(AdvanceSku(sku.id))
    for which, expected in (
        ({"sku_id": sku.id}, [6, 5, 2]),
        ({"sku_id": sku.id, "kind": "gate_submit"}, [5]),
        ({"sku_id": sku.id, "work_order_id": sku.work_order_id}, [6, 5, 2]),
        ({"sku_id": sku.id, "work_order_id": "WO-1"}, []),
        ({"sku_id": "SKU-\ud800"}, []),
    ):
        for limit in (1, 200):
            rows, _ = await all_pages(plant.views.receipts, limit, **which)
            assert [receipt.seq for receipt in rows] == expected


async def test_what_is_idle_beyond_its_stage_s_budget_is_shown(tmp_path):
    options = tcps.Options(stage_minutes_compilation=10)
    async with plant_at(tmp_path / "erlmcp.db", options) as plant:
        slow, quick = await plant.start(title="slow"), await plant.start(title="quick")
        plant.clock.turn(minutes=1)
        await plant.submit(quick.id, Gate.SHACL_VALIDATION)
        await plant.ask(AdvanceSku(quick.id))
        for minutes, idle in ((10, []), (0.1, ["quick"]), (48.9, ["quick"]), (0.1, ["slow", "quick"])):
            plant.clock.turn(minutes=minutes)
            assert [card.title for card in await plant.views.idle()] == idle
            assert [card.title for card in (await plant.views.board()).in_progress if card.idle] == idle
        await plant.submit(quick.id, Gate.COMPILATION)
        await plant.ask(Release(slow.work_order_id, "nobody is there"))
        assert await plant.views.idle() == []


async def test_the_board_shows_stages_stops_and_andons(plant):
    sku = await plant.start(title="made")
    waits = await plant.create("waits")
    stop = (await plant.ask(PullAndon(waits.id, AndonType.MANUAL, "wait"))).andon
    over = (await plant.ask(PullAndon(sku.work_order_id, AndonType.MANUAL, "wait"))).andon
    await plant.resolve(over.id)
    board = await plant.views.board()
    assert [(card.title, card.stage, card.sku_id) for card in board.in_progress] == [("made", sku.stage, sku.id)]
    assert [(card.title, card.stopped) for card in board.queued] == [("waits", True)]
    assert board.andons == [stop]


async def test_a_reader_in_another_process_sees_what_was_committed(plant):
    reader = store.SqliteReader(plant.path, tcps.schema(), QUICK)
    async with reader:
        views = Views(reader, plant.options, now=plant.clock)
        order = await plant.create()
        assert (await views.work_order(order.id)).title == order.title
        await plant.ask(PullNext())
        assert (await views.kanban(Bucket.FEATURES))[0].current == 1
        assert await views.head() == Head(2, (await plant.receipts())[-1].hash)
        await plant.ask(SetLimit(Bucket.COST, 9))
        assert await views.board() == await plant.views.board()
