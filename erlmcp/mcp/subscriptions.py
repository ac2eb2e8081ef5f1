"""`subscriptions/listen` (2026-07-28, basic/patterns/subscriptions): a request whose stream tells what changes.

It stays open until its client leaves or the server does; then it ends with a result. What a client asked for and we can
serve is acknowledged first; nothing else is sent on its stream, and everything carries the subscription's id. A reader
that is behind never holds up who tells: of each interest, only the last change waits for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import msgspec

from erlmcp.jsonrpc import INVALID_PARAMS, RpcError
from erlmcp.mcp.app import App
from erlmcp.mcp.call import Perform
from erlmcp.mcp.changes import PROMPTS, RESOURCES, TOOLS, UPDATED, Change, Changes, Interest
from erlmcp.mcp.context import Context
from erlmcp.mcp.declared import has_prompts, has_resources, has_tools
from erlmcp.mcp.identity import Server
from erlmcp.mcp.sink import Sink
from erlmcp.mcp.task_methods import TASK_NEWS, has_tasks, known_tasks, knows_tasks
from erlmcp.mcp.threads import Overloaded
from erlmcp.mcp.types import PREFIX, ListenParams, SubscriptionFilter

__all__ = ["FLAGS", "KEYED", "Flag", "Keyed", "listen"]

ACKNOWLEDGED: Final = "notifications/subscriptions/acknowledged"
SUBSCRIPTION_ID: Final = PREFIX + "subscriptionId"

KEY_LIMIT: Final = 2048
"""Characters of a URI or an id that is listened for: what browsers and proxies take of a URL."""

ALL_KEYS: Final = 200_000
"""URIs and ids that all streams of one worker listen for together: some 40 MiB."""

WAITING: Final = 4 * 1024 * 1024
"""Bytes of changes that wait for one reader: tasks are told with their results, and a thousand of those can be a
gigabyte. A stream whose reader is further behind ends, with its result: who listens again is told how everything is."""


class Flag(msgspec.Struct, frozen=True):
    """A member of the filter that is true or false."""

    member: str
    method: str
    offered: Callable[[App], bool]


class Keyed(msgspec.Struct, frozen=True):
    """A member of the filter that lists what is listened for."""

    member: str
    method: str
    offered: Callable[[App], bool]
    admit: Callable[[Server, Context, list[str]], list[str]] = lambda _server, _context, keys: keys
    """Those that this client may listen for. Raises RpcError where it may not ask at all."""
    narrow: Callable[[Server, Context, list[str]], Awaitable[list[str]]] | None = None
    """The same where it takes a look at what is stored. How each of these is now is told at once."""


FLAGS: Final = (
    Flag("toolsListChanged", TOOLS, has_tools),
    Flag("promptsListChanged", PROMPTS, has_prompts),
    Flag("resourcesListChanged", RESOURCES, has_resources),
)
KEYED: Final = (
    Keyed("resourceSubscriptions", UPDATED, has_resources),
    Keyed("taskIds", TASK_NEWS, has_tasks, knows_tasks, known_tasks),
)
"""What can be listened for. An extension adds its row, and its member to `types.SubscriptionFilter`."""


def listen(server: Server) -> Perform:
    """The handler of the method."""
    changes, most = server.backplane.changes, server.options.max_subscriptions
    streams: set[Subscription] = set()

    def opened(honoured: dict[str, Any], context: Context) -> asyncio.Future[bytes]:
        if len(streams) >= most:
            raise Overloaded(f"{most} streams of notifications are open in this worker")
        _make_room(changes, honoured)
        subscription = Subscription(context.facts.id, context.sink, changes)
        streams.add(subscription)
        subscription.ended.add_done_callback(lambda _: streams.discard(subscription))
        subscription.open(honoured)
        return subscription.ended

    async def narrowed(honoured: dict[str, Any], narrow: list[Keyed], context: Context) -> bytes:
        for keyed in narrow:
            if keyed.narrow is not None:
                honoured[keyed.member] = await keyed.narrow(server, context, honoured[keyed.member])
        ended = opened({member: value for member, value in honoured.items() if value}, context)
        for keyed in narrow:
            for key in honoured[keyed.member]:
                changes.again(keyed.method, key)
        return await ended

    def perform(params: ListenParams, context: Context) -> Awaitable[bytes]:
        honoured = _honoured(server, params.notifications, context)
        narrow = [keyed for keyed in KEYED if keyed.narrow is not None and keyed.member in honoured]
        return narrowed(honoured, narrow, context) if narrow else opened(honoured, context)

    return perform


def _honoured(server: Server, asked: SubscriptionFilter, context: Context) -> dict[str, Any]:
    """The part of a filter that this app can serve, by the members' names."""
    honoured: dict[str, Any] = {}
    for flag in FLAGS:
        if asked.has(flag.member) and flag.offered(server.app):
            honoured[flag.member] = True
    for keyed in KEYED:
        keys = asked.keys(keyed.member)
        _check(keyed.member, keys, server.options.max_subscribed)
        if keys and keyed.offered(server.app) and (admitted := keyed.admit(server, context, keys)):
            honoured[keyed.member] = admitted
    return honoured


def _check(member: str, keys: list[str], most: int) -> None:
    where = f"params.notifications.{member}"
    if len(keys) > most:
        raise RpcError(INVALID_PARAMS, f"{where} lists {len(keys)}; one subscription takes {most}, open another one")
    if any(len(key) > KEY_LIMIT for key in keys):
        raise RpcError(INVALID_PARAMS, f"{where} has an entry of more than {KEY_LIMIT} characters")


def _make_room(changes: Changes, honoured: dict[str, Any]) -> None:
    if changes.interests + sum(1 for _ in _interests(honoured)) > ALL_KEYS:
        raise Overloaded(f"the streams of this worker listen for {changes.interests} things already")


def _interests(honoured: dict[str, Any]) -> Iterator[Interest]:
    for flag in FLAGS:
        if flag.member in honoured:
            yield flag.method, ""
    for keyed in KEYED:
        for key in honoured.get(keyed.member, ()):
            yield keyed.method, key


class Subscription:
    """One open stream: a `Listener` that writes to its request's sink. `ended` is the members of its result."""

    __slots__ = ("_behind", "_changes", "_leaving", "_meta", "_sink", "_size", "_waiting", "ended")

    def __init__(self, id_: bytes, sink: Sink, changes: Changes) -> None:
        """`id_`: the request's, as raw JSON."""
        self._meta = b'"_meta":{"%b":%b}' % (SUBSCRIPTION_ID.encode(), id_)
        self._sink = sink
        self._changes = changes
        self._behind = False
        self._waiting: dict[Interest, Change] = {}
        self._size = 0
        self._leaving = False
        self.ended: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.ended.add_done_callback(self._left)

    def open(self, honoured: dict[str, Any]) -> None:
        """Acknowledge, and listen: nothing can come in between."""
        self.hear(Change(ACKNOWLEDGED, "", b'"notifications":' + msgspec.json.encode(honoured)))
        self._changes.attach(self, _interests(honoured))

    def hear(self, change: Change) -> None:
        """See `Listener`."""
        if not self._behind:
            room = self._sink.room()
            if room is None:
                self._send(change)
                return
            self._behind = True
            asyncio.ensure_future(room).add_done_callback(self._caught_up)
        self._wait(change)

    def end(self) -> None:
        """See `Listener`. The result follows what waits for the reader."""
        self._leaving = True
        self._end_if_done()

    def _send(self, change: Change) -> None:
        params = b"{%b,%b}" % (change.members, self._meta) if change.members else b"{%b}" % self._meta
        self._sink.emit(change.method, params)

    def _wait(self, change: Change) -> None:
        if self.ended.done():
            return
        interest = change.method, change.key
        before = self._waiting.get(interest)
        self._size += len(change.members) - (0 if before is None else len(before.members))
        self._waiting[interest] = change
        if self._size > WAITING and len(self._waiting) > 1:
            self._waiting.clear()
            self.ended.set_result(self._meta)

    def _caught_up(self, _room: "asyncio.Future[None]") -> None:
        self._behind = False
        waiting, self._waiting, self._size = self._waiting, {}, 0
        for change in waiting.values():
            self.hear(change)
        self._end_if_done()

    def _end_if_done(self) -> None:
        if self._leaving and not self._behind and not self.ended.done():
            self.ended.set_result(self._meta)

    def _left(self, _ended: "asyncio.Future[bytes]") -> None:
        """The result is on its way, or the client has gone."""
        self._changes.detach(self)
        self._waiting.clear()
