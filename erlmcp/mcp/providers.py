"""Lists that change: what an author's provider gives, asked for by every process for itself (docs/adr/0012).

The answer is kept until somebody says that it changed or until it is too old; then whoever lists or calls next waits
for a new one. All of it is swapped in one step of the loop, so that no list and no call sees half a change.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias

from erlmcp.mcp.call import Members, Perform
from erlmcp.mcp.callee import Room
from erlmcp.mcp.context import Context
from erlmcp.mcp.registry import KINDS, Kind, Registry
from erlmcp.mcp.signature import is_async

__all__ = ["Fill", "Given", "Provider", "Providers"]

_log: Final = logging.getLogger("erlmcp.mcp")

Fill: TypeAlias = Callable[["Given"], Awaitable[None] | None]
"""Registers what there is now."""

RETRY: Final = 1.0
"""Seconds during which a provider that failed is not asked again."""

PATIENCE: Final = 10.0
"""Seconds that a provider may take once the app serves: until it answers, everybody who lists or calls waits for it."""


class Given(Registry):
    """What a provider fills: `tool`, `resource` and `prompt` register here as they do on the app."""

    def __init__(self, home: Room) -> None:
        super().__init__()
        self._home = home

    @property
    def home(self) -> Room:
        return self._home


class Provider:
    """One function that tells what there is now. `clock` is monotonic, in seconds."""

    def __init__(
        self, fill: Fill, home: Room, kinds: Iterable[Kind], ttl: float | None, clock: Callable[[], float]
    ) -> None:
        """Raises ValueError for a kind that is none, and for a ttl that is no time."""
        self.kinds = tuple(kinds)
        if not self.kinds or set(self.kinds) - set(KINDS):
            raise ValueError(f"a provider gives kinds of {', '.join(KINDS)}, not {self.kinds!r}")
        if ttl is not None and not 0 < ttl < float("inf"):
            raise ValueError(f"ttl must be a number of seconds greater than 0, not {ttl}")
        self._fill, self._home, self._ttl, self._clock = fill, home, ttl, clock
        self._until: float | None = 0.0
        self._asked = 0
        self._path: tuple[tuple[str, Room], ...] = ()

    def moved(self, prefix: str, host: Room) -> "Provider":
        """The same for an app that its own is mounted in."""
        moved = Provider(self._fill, self._home, self.kinds, self._ttl, self._clock)
        moved._path = (*self._path, (prefix, host))
        return moved

    def placed(self, feature: Any) -> Any:
        """What it gave, as the app has it that it stands in."""
        for prefix, host in self._path:
            feature = feature.moved(prefix, host)
        return feature

    @property
    def fresh(self) -> bool:
        """Whether what it gave last still holds."""
        return self._until is None or self._clock() < self._until

    def stale(self) -> None:
        self._until = 0.0
        self._asked += 1

    def failed(self) -> None:
        """It gave no answer: it is not asked again at once."""
        self._until = self._clock() + RETRY

    async def ask(self) -> Given:
        """What there is now. What the function raises goes through, and is not asked for again at once."""
        asked = self._asked
        given = Given(self._home)
        self._until = self._clock() + RETRY
        if is_async(self._fill):
            await self._called(given)
        else:
            await asyncio.to_thread(self._fill, given)
        if undeclared := {kind for kind in KINDS if any(map(len, given.of(kind)))} - set(self.kinds):
            raise TypeError(f"a provider gave {undeclared.pop()} and did not say so; its kinds are {self.kinds!r}")
        if asked == self._asked:
            self._until = None if self._ttl is None else self._clock() + self._ttl
        else:
            self._until = 0.0
        return given

    async def _called(self, given: Given) -> None:
        waiting = self._fill(given)
        if waiting is not None:
            await waiting


class Providers:
    """The providers of an app, and what they gave."""

    def __init__(self, take: Callable[[Provider, Given], None]) -> None:
        """`take` swaps in what a provider gave; it raises ValueError for a name that is taken."""
        self._take = take
        self._providers: list[Provider] = []
        self._asking: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._providers)

    def __iter__(self) -> Iterator[Provider]:
        return iter(self._providers)

    def add(self, provider: Provider) -> None:
        self._providers.append(provider)

    def give(self, kind: Kind) -> bool:
        """Whether any may give this kind."""
        return any(kind in each.kinds for each in self._providers)

    def stale(self, kind: Kind) -> None:
        for each in self._providers:
            if kind in each.kinds:
                each.stale()

    @property
    def fresh(self) -> bool:
        return all(each.fresh for each in self._providers)

    async def start(self) -> None:
        """Ask all, so that nothing is served before there is an answer. What they raise goes through."""
        for each in self._providers:
            self._take(each, await each.ask())

    async def refresh(self) -> None:
        """Ask those that are not fresh; whoever comes meanwhile waits for the same answer."""
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._refresh(), name="providers")
            self._asking.add_done_callback(self._asked)
        await asyncio.shield(self._asking)

    def renewing(self, perform: Perform) -> Perform:
        """`perform` once everything is fresh."""
        if not self._providers:
            return perform

        async def later(params: Any, context: Context) -> bytes:
            await self.refresh()
            made = perform(params, context)
            return made if isinstance(made, bytes) else await made

        def renewed(params: Any, context: Context) -> Members:
            return perform(params, context) if self.fresh else later(params, context)

        return renewed

    def _asked(self, _task: "asyncio.Task[None]") -> None:
        self._asking = None

    async def _refresh(self) -> None:
        for each in self._providers:
            if not each.fresh:
                await self._renew(each)

    async def _renew(self, provider: Provider) -> None:
        """What was there stays when there is no new answer."""
        outcome = await asyncio.gather(asyncio.wait_for(provider.ask(), PATIENCE), return_exceptions=True)
        given = outcome[0]
        if isinstance(given, Given):
            try:
                self._take(provider, given)
            except ValueError as clash:
                _log.error("what a provider gave was not taken, the last it gave stays: %s", clash)
        elif isinstance(given, TimeoutError):
            provider.failed()
            told = "a provider gave no answer within %g s, or what it asked did not; what it gave last stays"
            _log.error(told, PATIENCE, exc_info=given)
        elif isinstance(given, Exception):
            _log.error("a provider failed, what it gave last stays", exc_info=given)
        else:
            raise given
