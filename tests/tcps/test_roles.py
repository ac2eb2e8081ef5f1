"""Who may ask for what."""

from typing import get_args

import pytest

from erlmcp.tcps import (
    LEAST,
    AndonType,
    Ask,
    Bucket,
    Code,
    Command,
    Complete,
    PublishSku,
    PullAndon,
    Refused,
    ResolveAndon,
    Role,
    SetLimit,
    least,
)
from erlmcp.tcps.roles import permit
from tests.tcps.plant import refused

CORD = PullAndon("WO-1", AndonType.MANUAL, "stop")


@pytest.mark.parametrize(
    ("command", "roles"),
    [
        (CORD, [Role.READONLY, Role.OPERATOR, Role.ADMIN]),
        (Complete("WO-1"), [Role.OPERATOR, Role.ADMIN]),
        (SetLimit(Bucket.COST, 1), [Role.ADMIN]),
        (PublishSku("SKU-1"), [Role.ADMIN]),
    ],
)
def test_the_least_role_and_those_above_it_are_let_in(command, roles):
    for role in Role:
        ask = Ask("ana", command.name, command, role=role)
        if role in roles:
            permit(ask)
            continue
        with pytest.raises(Refused, match=f"{command.name} needs the role {roles[0]}, and ana has {role}") as caught:
            permit(ask)
        assert caught.value.code is Code.FORBIDDEN


def test_every_command_has_a_least_role_and_only_the_cord_is_anyones():
    assert {command: least(command) for command in get_args(Command)}.keys() >= LEAST.keys()
    assert [command for command in get_args(Command) if least(command) is Role.READONLY] == [PullAndon]


async def test_a_reader_may_stop_the_line_and_nothing_else(plant):
    order = await plant.create()
    async with refused(Code.FORBIDDEN, "andon_resolve needs the role operator"):
        await plant.ask(ResolveAndon("ANDON-1", "a", "b", "c"), role=Role.READONLY)
    done = await plant.ask(PullAndon(order.id, AndonType.MANUAL, "stop"), role=Role.READONLY, actor="eve")
    assert (done.andon.raised_by, done.andon.stops) == ("eve", True)


async def test_whoever_is_local_is_admin(plant):
    assert (await plant.ask(SetLimit(Bucket.COST, 3))).kanban.limit == 3
