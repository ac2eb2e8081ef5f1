"""What the scrape tells of the production line, read from a real store at that moment."""

import asyncio
from collections.abc import Awaitable
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from erlmcp.http import Response
from erlmcp.tcps import Bucket, Cancel, CreateWorkOrder, Pull, SetLimit, SignalType
from erlmcp.telemetry import Exposition, LineFacts, Slab, line_facts, metrics_handler, shapes
from erlmcp.telemetry.line import LOOKED_AT
from erlmcp.telemetry.node import About
from tests.tcps.plant import Plant, plant_at
from tests.telemetry.watched import OPENMETRICS, node, request

Samples = dict[tuple[str, ...], float]


def exposition() -> Exposition:
    return Exposition(Slab.private(1, shapes()), node, About("0.7.0", "compiled"))


def samples(text: bytes) -> Samples:
    """Those of the line, by name and label values."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in parse_text(text.decode())
        for sample in family.samples
        if sample.name.startswith("tcps_")
    }


async def scrape(plant: Plant) -> Samples:
    return samples(exposition().render(line=await line_facts(plant.views))[0])


@pytest.fixture
async def plant(tmp_path: Path):
    async with plant_at(tmp_path / "erlmcp.db") as plant:
        yield plant


async def test_a_new_line_has_limits_and_nothing_else(plant: Plant):
    found = await scrape(plant)
    assert found["tcps_wip_limit", "features"] == 10
    assert (found["tcps_receipts_total",], found["tcps_receipt_chain_valid",]) == (0, 1)
    assert not any(value for (name, *_), value in found.items() if name in {"tcps_wip", "tcps_work_orders_total"})


async def test_every_bucket_is_told_with_its_orders_its_limit_and_what_became_of_them(plant: Plant):
    orders = [await plant.create(bucket=Bucket.COST) for _ in range(5)]
    for _ in range(3):
        await plant.ask(Pull(Bucket.COST))
    await plant.complete(orders[0].id)
    await plant.ask(Cancel(orders[4].id, "not needed"))
    await plant.ask(SetLimit(Bucket.COST, 2))
    found = await scrape(plant)
    assert {key[1] for key in found if key[0] == "tcps_wip"} == {*Bucket}
    assert found["tcps_wip", "cost"] == found["tcps_wip_limit", "cost"] == 2
    assert found["tcps_queued", "cost"] == 1
    assert found["tcps_work_orders_total", "cost", "completed"] == 1
    assert found["tcps_work_orders_total", "cost", "cancelled"] == 1
    assert found["tcps_receipts_total",] == 26


@pytest.mark.parametrize(("edited", "valid"), [(1, 1), (2, 0)])
async def test_the_newest_receipts_are_verified_at_the_scrape_and_no_more(plant: Plant, edited: int, valid: int):
    make = CreateWorkOrder(SignalType.INTERNAL, "a thing")
    await asyncio.gather(*(plant.ask(make) for _ in range(LOOKED_AT + 1)))
    assert (await scrape(plant))["tcps_receipt_chain_valid",] == 1
    plant.tamper(f"UPDATE receipt SET actor = 'mallory' WHERE seq = {edited}")
    assert (await scrape(plant))["tcps_receipt_chain_valid",] == valid


async def test_the_line_is_asked_anew_at_every_scrape(plant: Plant):
    handler = metrics_handler(exposition(), lambda: line_facts(plant.views))
    told = []
    for _ in range(2):
        answer = handler(request(b"GET", b"/metrics"))
        assert isinstance(answer, Awaitable)
        response = await answer
        assert isinstance(response, Response)
        told.append(samples(response.body)["tcps_receipts_total",])
        await plant.create()
    assert told == [0, 1]


async def test_a_line_that_can_not_be_read_is_left_out_and_the_rest_is_told():
    async def away() -> LineFacts | None:
        return None

    answer = metrics_handler(exposition(), away)(request(b"GET", b"/metrics"))
    assert isinstance(answer, Awaitable)
    response = await answer
    assert isinstance(response, Response)
    assert samples(response.body) == {}
    assert b"erlmcp_workers" in response.body


async def test_openmetrics_takes_the_line_too(plant: Plant):
    body, _ = exposition().render(OPENMETRICS, await line_facts(plant.views))
    names = {family.name for family in parse_openmetrics(body.decode())}
    assert {"tcps_wip", "tcps_work_orders", "tcps_receipts", "tcps_receipt_chain_valid"} <= names
