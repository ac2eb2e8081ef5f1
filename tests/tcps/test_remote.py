"""The line from elsewhere: the same answers and refusals over bytes."""

import msgspec
import pytest

from erlmcp.otp import Declined, Down, Hub, Link, Overloaded
from erlmcp.tcps import (
    SERVICE,
    Ask,
    Bucket,
    Code,
    CreateWorkOrder,
    Filter,
    Line,
    Refused,
    RemoteCoordinator,
    SetLimit,
    SignalType,
    StartWorkOrder,
    service,
)
from tests.tcps.plant import refused, running

CREATE = CreateWorkOrder(
    SignalType.GITHUB_ISSUE, "Ä", labels=("bug", "high"), metadata={"a": [1, None, {"b": True}]}, description="long"
)


class Wire:
    """A link without a socket."""

    def __init__(self, line, fault=None):
        self.service = service(line)
        self.fault = fault
        self.calls = []

    async def call(self, service, payload, timeout=5.0):
        self.calls.append((service, timeout))
        if self.fault is not None:
            raise self.fault
        return await self.service(payload, timeout)


async def test_a_remote_line_answers_as_the_line_itself(plant):
    wire = Wire(plant.coordinator)
    remote: Line = RemoteCoordinator(wire)
    done = await remote.execute(Ask("ana", "t", CREATE, "k"), timeout=3.0)
    assert done == await plant.ask(CREATE, "k", actor="ana", tool="t")
    assert done.work_order == msgspec.structs.replace(
        await plant.views.work_order(done.work_order.id), sla=msgspec.UNSET
    )
    limit = await remote.execute(Ask("ana", "t", SetLimit(Bucket.COST, 9)))
    assert limit.kanban == (await plant.views.kanban(Bucket.COST))[0]
    assert wire.calls == [(SERVICE, 3.0), (SERVICE, 10.0)]


async def test_a_refusal_travels_whole(plant):
    remote = RemoteCoordinator(Wire(plant.coordinator))
    with pytest.raises(Refused) as far:
        await remote.execute(Ask("ana", "t", StartWorkOrder("WO-1")))
    with pytest.raises(Refused) as near:
        await plant.ask(StartWorkOrder("WO-1"))
    assert far.value.refusal == near.value.refusal


async def test_what_is_not_admitted_is_not_even_sent(plant):
    wire = Wire(plant.coordinator)
    async with refused(Code.INVALID, "title is empty"):
        await RemoteCoordinator(wire).execute(Ask("ana", "t", CreateWorkOrder(SignalType.INTERNAL, "")))
    assert wire.calls == []


@pytest.mark.parametrize("fault", [Down("coordinator", "did not answer"), Overloaded("link", 1), TimeoutError("late")])
async def test_what_the_link_says_reaches_the_caller(plant, fault):
    with pytest.raises(type(fault)) as caught:
        await RemoteCoordinator(Wire(plant.coordinator, fault)).execute(Ask("ana", "t", CREATE))
    assert caught.value is fault


class Shaky(Wire):
    """A line that dies under the first call: after it was carried out, and before it was answered."""

    async def call(self, service, payload, timeout=5.0):
        answer = await super().call(service, payload, timeout)
        if len(self.calls) == 1:
            raise Down("coordinator", "did not answer before its connection broke: the outcome is unknown")
        return answer


async def test_a_line_that_dies_under_a_command_with_a_key_is_asked_once_more_and_it_happens_once(plant):
    wire = Shaky(plant.coordinator)
    done = await RemoteCoordinator(wire).execute(Ask("ana", "t", CREATE, "k"), timeout=3.0)
    assert done == await plant.ask(CREATE, "k", actor="ana", tool="t")
    assert [service for service, _ in wire.calls] == [SERVICE, SERVICE]
    assert 0 < wire.calls[1][1] <= 3.0
    assert len((await plant.views.work_orders(Filter())).work_orders) == 1


async def test_without_a_key_the_caller_is_told_that_the_outcome_is_unknown(plant):
    wire = Shaky(plant.coordinator)
    with pytest.raises(Down, match="the outcome is unknown"):
        await RemoteCoordinator(wire).execute(Ask("ana", "t", CREATE))
    assert len(wire.calls) == 1


async def test_a_line_that_dies_again_under_the_repetition_is_not_asked_a_third_time(plant):
    wire = Wire(plant.coordinator, Down("coordinator", "did not answer"))
    with pytest.raises(Down):
        await RemoteCoordinator(wire).execute(Ask("ana", "t", CREATE, "k"))
    assert len(wire.calls) == 2


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc1",
        msgspec.msgpack.encode({"actor": "ana"}),
        msgspec.msgpack.encode({"actor": "a", "tool": "t", "command": {"command": "explode"}}),
        msgspec.msgpack.encode({"actor": "a", "tool": "t", "command": {"command": "work_order_pull", "bucket": "x"}}),
    ],
)
async def test_bytes_that_are_no_command_are_declined_and_the_line_goes_on(plant, payload):
    with pytest.raises(Declined) as declined:
        await service(plant.coordinator)(payload, 5.0)
    refusal = msgspec.msgpack.decode(declined.value.payload)
    assert refusal["code"] == "invalid"
    assert (await plant.create()).version == 1


async def test_it_works_over_a_real_link(plant, tmp_path):
    hub = Hub(tmp_path / "line.sock", {SERVICE: service(plant.coordinator)})
    link = Link(tmp_path / "line.sock")
    async with running(hub.run), running(link.run):
        remote = RemoteCoordinator(link)
        done = await remote.execute(Ask("ana", "t", CREATE, "k"))
        assert done == await plant.ask(CREATE, "k", actor="ana", tool="t")
        async with refused(Code.NOT_FOUND, "there is no work order WO-1", "work_order_list"):
            await remote.execute(Ask("ana", "t", StartWorkOrder("WO-1")))
