"""Roles: the least one that each command needs, in one table. Pure. Looking is `readonly`'s, like pulling the cord.

It does not know who has which role: whoever lets a caller in says so in the Ask.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from erlmcp.tcps.commands import (
    Ask,
    Command,
    EscalateAndon,
    MeasureKaizen,
    NoteBreach,
    ProposeKaizen,
    PublishSku,
    PullAndon,
    Role,
    RunTpm,
    SetLimit,
)
from erlmcp.tcps.errors import Code, Refused

__all__ = ["LEAST", "least", "permit"]

#: The commands that do not need `operator`.
LEAST: Final[Mapping[type[Command], Role]] = MappingProxyType(
    {
        PullAndon: Role.READONLY,
        SetLimit: Role.ADMIN,
        PublishSku: Role.ADMIN,
        EscalateAndon: Role.ADMIN,
        NoteBreach: Role.ADMIN,
        RunTpm: Role.ADMIN,
        ProposeKaizen: Role.ADMIN,
        MeasureKaizen: Role.ADMIN,
    }
)
_RANK: Final = {role: rank for rank, role in enumerate(Role)}


def least(command: type[Command]) -> Role:
    """The least role that may ask for this."""
    return LEAST.get(command, Role.OPERATOR)


def permit(ask: Ask) -> None:
    """Raise Refused(forbidden) if the caller's role is not enough."""
    needed = least(type(ask.command))
    if _RANK[ask.role] < _RANK[needed]:
        raise Refused(
            Code.FORBIDDEN,
            f"{ask.command.name} needs the role {needed}, and {ask.actor} has {ask.role}",
            f"ask somebody with the role {needed}; andon_pull is open to everybody, if the line must stop",
        )
