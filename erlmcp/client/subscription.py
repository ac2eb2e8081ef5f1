"""Following what changes: `subscriptions/listen`, and what stood in its place before 2026-07-28. One face for both."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from erlmcp.client.call import Call
from erlmcp.client.errors import Garbled, RpcError, TimedOut
from erlmcp.client.message import Failed, Incoming, Notice, Outgoing, Reply
from erlmcp.client.results import Json, decode
from erlmcp.client.session import Session

__all__ = ["Change", "Subscription"]

MAX_WAITING: Final = 1000
"""Changes nobody took yet, before 2026-07-28; the oldest go first. Over the modern stream the server waits instead."""
ACKNOWLEDGED: Final = "notifications/subscriptions/acknowledged"
_FILTERS: Final = {
    "notifications/tools/list_changed": "toolsListChanged",
    "notifications/prompts/list_changed": "promptsListChanged",
    "notifications/resources/list_changed": "resourcesListChanged",
}


class Change(msgspec.Struct, frozen=True):
    """One notification; `uri` of the resource that was updated, if it is about one."""

    method: str
    params: Json

    @property
    def uri(self) -> str | None:
        uri = self.params.get("uri")
        return uri if isinstance(uri, str) else None


class Subscription:
    """An asynchronous context manager, and an iterator inside of it; it ends when the server ends it.

    `honoured`: what of the filter the server follows, as it said.
    """

    def __init__(self, session: Session, wanted: Json, call: Call) -> None:
        self.honoured: Json = {}
        self.session: Final = session
        self.wanted: Final = wanted
        self.call: Final = call
        self._source: _Source = _Listened(self) if session.era is not None and session.era.modern else _Heard(self)

    async def __aenter__(self) -> Self:
        """Returns once the server follows. Raises ClientError when it does not."""
        await self._source.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._source.stop()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change:
        """The next change. Raises ConnectionFailed when the stream breaks."""
        return await self._source.next()


class _Listened:
    """The stream of one `subscriptions/listen`."""

    def __init__(self, face: Subscription) -> None:
        self._face = face
        self._message: Outgoing | None = None
        self._messages: AsyncGenerator[Incoming, None] | None = None

    async def start(self) -> None:
        session, call = self._face.session, self._face.call
        self._message = session.dress("subscriptions/listen", {"notifications": self._face.wanted}, Call(None))
        self._messages = session.transport.exchange(self._message)
        try:
            async with asyncio.timeout(call.timeout):
                while (notice := await self._notice()).method != ACKNOWLEDGED:
                    pass
        except StopAsyncIteration:
            raise Garbled(f"{session.transport.url} ends a subscription before it begins") from None
        except TimeoutError:
            await self.stop()
            raise TimedOut(f"{session.transport.url} has not acknowledged within {call.timeout:g} s") from None
        except BaseException:
            await self.stop()
            raise
        self._face.honoured = _params(notice).get("notifications") or {}

    async def next(self) -> Change:
        notice = await self._notice()
        return Change(notice.method, _params(notice))

    async def stop(self) -> None:
        if self._messages is None or self._message is None:
            return
        await self._messages.aclose()
        await self._face.session.abandon(self._message)
        self._messages = None

    async def _notice(self) -> Notice:
        if self._messages is None:
            raise StopAsyncIteration
        async for each in self._messages:
            if isinstance(each, Notice):
                return each
            if isinstance(each, Failed):
                self._messages = None
                raise RpcError(each.code, each.message, each.data, each.status)
            if isinstance(each, Reply):
                break
        self._messages = None
        raise StopAsyncIteration


class _Heard:
    """The notifications of a session, of those kinds that were asked for."""

    def __init__(self, face: Subscription) -> None:
        self._face = face
        self._changes: deque[Change] = deque(maxlen=MAX_WAITING)
        self._woken = asyncio.Event()
        self._forget: Callable[[], None] | None = None
        self._uris: list[str] = []

    async def start(self) -> None:
        wanted = self._face.wanted
        self._forget = self._face.session.on_notice(self._hear)
        await self._face.session.follow()
        uris: Sequence[str] = wanted.get("resourceSubscriptions", ())
        try:
            for uri in uris:
                await self._face.session.request("resources/subscribe", {"uri": uri}, self._face.call)
                self._uris.append(uri)
        except BaseException:
            await self.stop()
            raise
        self._face.honoured = wanted

    async def next(self) -> Change:
        while not self._changes:
            self._woken.clear()
            await self._woken.wait()
        return self._changes.popleft()

    async def stop(self) -> None:
        if self._forget is not None:
            self._forget()
            self._forget = None
        for uri in self._uris:
            with contextlib.suppress(RpcError):
                await self._face.session.request("resources/unsubscribe", {"uri": uri}, self._face.call)
        self._uris.clear()

    def _hear(self, notice: Notice) -> None:
        wanted = self._face.wanted
        kind = _FILTERS.get(notice.method)
        change: Change | None = None
        if kind is not None and wanted.get(kind):
            change = Change(notice.method, _params(notice))
        elif notice.method == "notifications/resources/updated":
            change = Change(notice.method, _params(notice))
            if change.uri not in wanted.get("resourceSubscriptions", ()):
                return
        if change is not None:
            self._changes.append(change)
            self._woken.set()


_Source = _Listened | _Heard


def _params(notice: Notice) -> dict[str, Any]:
    return decode(notice.params, Json, notice.method)
