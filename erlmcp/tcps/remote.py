"""The line from another process: the same `execute`, over a link. An Ask goes out and Done or a Refusal comes back."""

import asyncio
from typing import Final, Protocol

import msgspec

from erlmcp.otp import Declined, Down, Service
from erlmcp.tcps.commands import Ask
from erlmcp.tcps.errors import Code, Refusal, Refused
from erlmcp.tcps.limits import admit
from erlmcp.tcps.line import Done, Line

__all__ = ["SERVICE", "RemoteCoordinator", "service"]

#: The name that the line goes by at the hub.
SERVICE: Final = "coordinator"

_encode: Final = msgspec.msgpack.Encoder().encode
_ask: Final = msgspec.msgpack.Decoder(Ask)
_done: Final = msgspec.msgpack.Decoder(Done)
_refusal: Final = msgspec.msgpack.Decoder(Refusal)


class Caller(Protocol):
    """What is used of an `otp.Link`."""

    async def call(self, service: str, payload: bytes, timeout: float = 5.0) -> bytes: ...


class RemoteCoordinator:
    """A `Line` that is somewhere else."""

    def __init__(self, link: Caller) -> None:
        self._link = link

    async def execute(self, ask: Ask, timeout: float = 10.0) -> Done:
        """See `Line`. With an idempotency key it asks once more when the line went down under it: it happens once."""
        admit(ask)
        clock = asyncio.get_running_loop().time
        until = clock() + timeout
        try:
            return await self._execute(ask, timeout)
        except Down:
            if ask.idempotency_key is None:
                raise
        return await self._execute(ask, max(until - clock(), 0.0))

    async def _execute(self, ask: Ask, timeout: float) -> Done:
        try:
            return _done.decode(await self._link.call(SERVICE, _encode(ask), timeout))
        except Declined as declined:
            raise Refused.of(_refusal.decode(declined.payload)) from None


def service(line: Line) -> Service:
    """The line as a service of a hub."""

    async def answer(payload: bytes, seconds: float) -> bytes:
        try:
            return _encode(await line.execute(_read(payload), seconds))
        except Refused as refused:
            raise Declined(_encode(refused.refusal)) from None

    return answer


def _read(payload: bytes) -> Ask:
    try:
        return _ask.decode(payload)
    except msgspec.DecodeError as error:
        raise Refused(
            Code.INVALID, f"the command is none: {error}", "call again with arguments of the right type"
        ) from None
