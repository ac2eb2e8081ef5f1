"""The snapshot of a tree is what a person wants to see of it."""

import msgspec
import pytest

import erlmcp.otp
from erlmcp.otp import Actor, Node, Pool, Restart, Strategy, Supervisor, snapshot
from tests.otp.company import Company, running

pytestmark = pytest.mark.both_loops


async def test_a_snapshot_shows_the_tree_as_it_stands():
    company = Company()
    actor, pool = Actor(name="coordinator"), Pool(9, name="visitors")
    doors = Supervisor(Strategy.ONE_FOR_ONE, 5, 30.0, [company.child("http")], name="doors")
    children = [company.child("a"), company.child("t", Restart.TRANSIENT), actor.child(), pool.child(), doors.child()]
    root = Supervisor(Strategy.ONE_FOR_ONE, 3, 60.0, children)
    assert snapshot(root).state == "new"
    async with running(root):
        company.crash("a")
        company.end("t")
        pool.start("guest", company.run_as("guest"))
        await company.until(lambda: company.story.count("+a") == 2)
        assert snapshot(root) == Node(
            "root",
            "supervisor",
            "running",
            strategy="one_for_one",
            children=(
                Node("a", "child", "running", restarts=1),
                Node("t", "child", "down"),
                Node("coordinator", "actor", "running"),
                Node("visitors", "pool", "running", size=1),
                Node(
                    "doors",
                    "supervisor",
                    "running",
                    strategy="one_for_one",
                    children=(Node("http", "child", "running"),),
                ),
            ),
        )
    assert snapshot(root).state == "closed"


async def test_a_child_that_waits_for_its_turn_is_restarting():
    company = Company()
    root = Supervisor(Strategy.REST_FOR_ONE, 3, 60.0, [company.child("a"), company.child("b")])
    seen: list[str] = []
    async with running(root):
        company.crash("a")
        await company.until(lambda: "-b" in company.story)
        seen += [child.state for child in snapshot(root).children]
        await company.until(lambda: company.story.count("+b") == 2)
    assert seen == ["restarting", "stopping"]


async def test_a_snapshot_is_json():
    root = Supervisor(Strategy.ONE_FOR_ALL, 3, 60.0, [Company().child("a")])
    assert msgspec.json.decode(msgspec.json.encode(snapshot(root)), type=Node) == snapshot(root)


def test_the_door_has_every_name_it_promises_and_no_other():
    assert all(getattr(erlmcp.otp, name) is not None for name in erlmcp.otp.__all__)
    assert dir(erlmcp.otp) == erlmcp.otp.__all__
    with pytest.raises(AttributeError, match="has no attribute 'GenServer'"):
        _ = erlmcp.otp.GenServer
