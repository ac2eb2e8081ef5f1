"""What a client sees before it calls anything: tools, their arguments, hints and resources; and what those hold."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from erlmcp.mcp import lint
from erlmcp.store import SqliteReader
from erlmcp.tcps import Views, schema
from tests.apps.plant import Failing, Plant, plant
from tests.mcp import posts

# tcps.md §9: the tools and their arguments, the required ones first. Lists of andons are walked like all others, so
# that tool takes limit and cursor as well.
ARGUMENTS = {
    "work_order_create": "signal_type* title* description source labels bucket priority dependencies assignee metadata",
    "work_order_get": "id*",
    "work_order_list": "status bucket assignee limit cursor",
    "work_order_start": "id* assignee",
    "work_order_pull": "bucket* assignee",
    "work_order_pull_next": "assignee",
    "work_order_complete": "id*",
    "work_order_release": "id* reason*",
    "work_order_cancel": "id* reason*",
    "work_order_add_dependency": "id* depends_on*",
    "work_order_remove_dependency": "id* depends_on*",
    "work_order_update": "id* version* title description priority assignee",
    "kanban_status": "bucket",
    "kanban_set_limit": "bucket* limit*",
    "heijunka_schedule": "size",
    "sku_get": "id*",
    "sku_advance": "id*",
    "sku_publish": "id*",
    "sku_abort": "id* reason*",
    "gate_submit": "sku_id* gate* evidence",
    "gate_status": "sku_id*",
    "andon_pull": "work_order_id* type* message* severity",
    "andon_acknowledge": "id* assignee",
    "andon_resolve": "id* root_cause* fix_applied* prevention_added*",
    "andon_list": "status work_order_id sku_id limit cursor",
    "andon_get": "id*",
    "root_cause_start": "andon_id* problem*",
    "root_cause_add_why": "id* n* text*",
    "root_cause_finalize": "id* root_cause* prevention*",
    "receipt_get": "seq*",
    "receipt_list": "sku_id work_order_id type limit cursor",
    "receipt_verify": "from_seq to_seq",
    "kaizen_report": "period",
    "kaizen_proposals": "min_roi limit",
    "kaizen_apply": "id*",
    "tpm_health": "",
    "tpm_run": "window* force",
}
LOOKS = {
    name
    for name in ARGUMENTS
    if name.endswith(("_get", "_list", "_status", "_schedule", "_verify", "_report", "_proposals", "_health"))
}


@pytest.fixture
def idle(tmp_path: Path) -> Plant:
    """An app that is only looked at."""
    return Plant(Failing(TimeoutError()), Views(SqliteReader(tmp_path / "none.db", schema())))


async def tools(plant: Plant) -> dict[str, dict[str, Any]]:
    listed = (await plant.ask(posts.modern("tools/list")))["result"]["tools"]
    return {tool["name"]: tool for tool in listed}


async def test_the_tools_and_their_arguments_are_those_of_the_vocabulary(idle: Plant) -> None:
    found = {}
    for name, tool in (await tools(idle)).items():
        taken = tool["inputSchema"]
        arguments = [
            each + "*" * (each in taken["required"]) for each in taken["properties"] if each != "idempotency_key"
        ]
        found[name] = " ".join(arguments)
    assert found == ARGUMENTS


async def test_whatever_changes_something_takes_an_idempotency_key(idle: Plant) -> None:
    keyed = {
        name for name, tool in (await tools(idle)).items() if "idempotency_key" in tool["inputSchema"]["properties"]
    }
    assert keyed == ARGUMENTS.keys() - LOOKS


async def test_every_tool_and_every_argument_says_what_it_is(idle: Plant) -> None:
    for tool in (await tools(idle)).values():
        assert tool["title"]
        assert len(tool["description"]) > 20
        assert all(each.get("description") for each in tool["inputSchema"]["properties"].values()), tool["name"]


async def test_the_hints_tell_looking_changing_and_undoing_apart(idle: Plant) -> None:
    listed = await tools(idle)
    assert {name for name, tool in listed.items() if tool["annotations"]["readOnlyHint"]} == LOOKS
    assert {name for name, tool in listed.items() if tool["annotations"]["destructiveHint"]} == {
        "work_order_cancel",
        "sku_abort",
    }
    assert not any(tool["annotations"]["openWorldHint"] for tool in listed.values())


async def test_the_six_buckets_are_told_in_the_schema(idle: Plant) -> None:
    choices = (await tools(idle))["work_order_pull"]["inputSchema"]["$defs"]["Bucket"]["enum"]
    assert set(choices) == {"security", "reliability", "cost", "compliance", "features", "technical_debt"}


async def test_the_server_says_how_to_work_on_the_line(idle: Plant) -> None:
    told = (await idle.ask(posts.modern("server/discover")))["result"]["instructions"]
    assert all(word in told for word in ("idempotency_key", "next", "tcps://board"))
    loop = ("work_order_create", "work_order_pull_next", "gate_submit", "sku_advance", "andon_pull", "root_cause_start")
    assert all(tool in told for tool in (*loop, "andon_resolve", "work_order_complete", "sku_publish"))


async def test_the_resources_are_those_of_the_vocabulary(idle: Plant) -> None:
    listed = (await idle.ask(posts.modern("resources/list")))["result"]["resources"]
    templates = (await idle.ask(posts.modern("resources/templates/list")))["result"]["resourceTemplates"]
    assert [resource["uri"] for resource in listed] == ["tcps://board"]
    assert [each["uriTemplate"] for each in templates] == [
        "tcps://work-orders/{id}",
        "tcps://kanban/{bucket}",
        "tcps://skus/{id}",
        "tcps://andons/{id}",
        "tcps://receipts/{seq}",
    ]
    assert all(each["description"] and each["title"] for each in listed + templates)


def test_there_is_nothing_to_mend(idle: Plant) -> None:
    assert list(lint(idle.app)) == []


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Plant]:
    async with plant(tmp_path) as opened:
        yield opened


async def test_the_board_shows_what_waits_what_is_made_and_what_was_made(line: Plant) -> None:
    waits, made, done = [await line.order(title) for title in ("waits", "made", "done")]
    for order in (made, done):
        await line.call("work_order_start", id=order)
    await line.made(done)
    await line.call("work_order_complete", id=done)
    board = await line.read("tcps://board")
    columns = {name: [card["id"] for card in board[name]] for name in ("queued", "in_progress", "completed")}
    assert columns == {"queued": [waits], "in_progress": [made], "completed": [done]}
    assert (board["buckets"][0]["current"], board["head"]["seq"]) == (1, 21)


async def test_a_work_order_is_read_as_its_tool_shows_it(line: Plant) -> None:
    order = await line.order()
    assert {"work_order": await line.read(f"tcps://work-orders/{order}")} == await line.call("work_order_get", id=order)


@pytest.mark.parametrize(
    "uri", ["tcps://work-orders/WO-1", "tcps://receipts/1", "tcps://skus/SKU-1", "tcps://andons/A"]
)
async def test_what_is_not_there_is_a_resource_that_is_not_found(line: Plant, uri: str) -> None:
    error = (await line.ask(posts.modern("resources/read", {"uri": uri})))["error"]
    assert (error["code"], error["data"]) == (-32602, {"uri": uri})
    older = (await line.ask(posts.legacy("resources/read", {"uri": uri})))["error"]
    assert older["code"] == -32002


async def test_a_store_that_cannot_be_read_is_not_a_missing_resource(idle: Plant) -> None:
    error = (await idle.ask(posts.legacy("resources/read", {"uri": "tcps://receipts/1"})))["error"]
    assert "unavailable" in error["message"]
