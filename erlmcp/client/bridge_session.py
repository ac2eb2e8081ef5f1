"""The older era's session of a bridge: remembered as the client opened it, opened anew where the server forgot it."""

import asyncio
from typing import Final

import msgspec

from erlmcp.client.errors import HttpError
from erlmcp.client.message import Failed, Reply
from erlmcp.client.passing import Passing
from erlmcp.client.streamable import Streamable
from erlmcp.client.transport import Aside, answer_to

__all__ = ["INITIALIZED", "OlderSession"]

INITIALIZED: Final = "notifications/initialized"


class _Initialized(msgspec.Struct):
    version: str = msgspec.field(name="protocolVersion")


class _Subscription(msgspec.Struct):
    uri: str


class _Body(msgspec.Struct):
    params: _Subscription


class OlderSession:
    """The session of the older era, as the server knows it; opened anew when the server has forgotten it."""

    def __init__(self, transport: Streamable, aside: Aside) -> None:
        self.transport: Final = transport
        self.version = ""
        self._aside = aside
        self._handshake: Passing | None = None
        self._settings: dict[bytes, Passing] = {}
        self._opening = asyncio.Lock()

    @property
    def can_reopen(self) -> bool:
        return self._handshake is not None

    async def ask(self, passing: Passing) -> Reply | Failed:
        """The answer. Raises ClientError."""
        answer = await answer_to(self.transport, passing, self._aside)
        if isinstance(answer, Reply):
            self._remember(passing, answer)
        return answer

    async def tell(self, line: bytes, *, opened: bool) -> None:
        """Send what gets no answer; with `opened` it was the end of the handshake. Raises ClientError."""
        await self.transport.tell(line)
        if opened and self.version:
            await self.transport.listen()

    async def reopen(self, lost: bytes) -> None:
        """Open another session than the one that was `lost`, on the same terms. Raises ClientError."""
        async with self._opening:
            if self.transport.session != lost or self._handshake is None:
                return  # somebody was faster
            version = self.version
            answer = await self.ask(self._handshake)
            if not isinstance(answer, Reply) or self.version != version:
                raise HttpError(404, f"{self.transport.url} forgot the session, and opens no other like it")
            await self.transport.tell(b'{"jsonrpc":"2.0","method":"%b"}' % INITIALIZED.encode())
            await self.transport.listen()
            for setting in list(self._settings.values()):
                await answer_to(self.transport, setting, self._aside)

    def _remember(self, passing: Passing, answer: Reply) -> None:
        """What has to be said again in another session."""
        if passing.method == "initialize":
            self._handshake = passing
            self.version = msgspec.json.decode(answer.result, type=_Initialized).version
            self.transport.settle(self.version, modern=False)
        elif passing.method == "logging/setLevel":
            self._settings[b"level"] = passing
        elif passing.method == "resources/subscribe":
            self._settings[_uri(passing)] = passing
        elif passing.method == "resources/unsubscribe":
            self._settings.pop(_uri(passing), None)


def _uri(passing: Passing) -> bytes:
    return msgspec.json.decode(passing.body, type=_Body).params.uri.encode()
