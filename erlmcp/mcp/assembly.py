"""What an app is put together of: what was registered, what providers give, the apps mounted in it, and middleware.

Whatever it comes from, a feature gets one composed way in. What is not used is not in the way. It does not know how
requests arrive.
"""

import functools
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, Self, TypeVar, overload

from erlmcp.mcp.caching import CacheScope
from erlmcp.mcp.call import Perform
from erlmcp.mcp.callee import Callee
from erlmcp.mcp.changes import PROMPTS, RESOURCES, TOOLS, UPDATED, Change, Changes, updated
from erlmcp.mcp.completion import Completers
from erlmcp.mcp.features import Features
from erlmcp.mcp.lifespan import Opened
from erlmcp.mcp.limits import Limit, Limits, LocalLimits
from erlmcp.mcp.middleware import Middleware, checked
from erlmcp.mcp.options import Options
from erlmcp.mcp.param_headers import ParamHeader
from erlmcp.mcp.prompt import Prompt
from erlmcp.mcp.providers import Fill, Given, Provider, Providers
from erlmcp.mcp.registry import KINDS, Kind, Registry, kind_of
from erlmcp.mcp.resource import Resource, Template, is_template, under
from erlmcp.mcp.signals import Signals
from erlmcp.mcp.skill import Skill
from erlmcp.mcp.skills import Skills
from erlmcp.mcp.threads import Pool
from erlmcp.mcp.tool import Tool

__all__ = ["Assembly"]

M = TypeVar("M", bound=Middleware)
P = TypeVar("P", bound=Fill)

LISTS: Final[Mapping[Kind, str]] = {"tools": TOOLS, "resources": RESOURCES, "prompts": PROMPTS}
"""By kind, the notification that its list has changed."""

_PREFIX: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Assembly(Registry, Signals):
    """A part of `App`."""

    name: str
    cache_ttl_ms: int
    cache_scope: CacheScope

    def __init__(self, opened: Opened, middleware: Iterable[Middleware]) -> None:
        Registry.__init__(self)
        Signals.__init__(self)
        self.skill_set = Skills()
        self.headers: dict[str, tuple[ParamHeader, ...]] = {}
        """Tool → the arguments that clients repeat as headers; only tools that want some."""
        self.limits: Limits = LocalLimits()
        """Where calls are counted."""
        self._options = Options()
        self._pool: Pool | None = None
        self._lender: Self | None = None
        self._opened = opened
        self._around = [checked(each) for each in middleware]
        self._completers = Completers()
        self._providers = Providers(self._take)
        self._mounted: list[Self] = []
        self._hosts: list[tuple[Self, str]] = []
        self._processes = 0
        self._offered: frozenset[Kind] = frozenset()

    def middleware(self, function: M, /) -> M:
        """Register `async def m(invocation, proceed)` around every call of a tool, prompt, resource or completion.

        `reply = await proceed(invocation)` goes on; instead of it, raising ToolError or RpcError refuses. What is
        registered first is outermost; of mounted apps, the outer app's goes around the inner's. Raises TypeError for
        what is no async function.
        """
        self._around.append(checked(function))
        self._rearm()
        return function

    @overload
    def provider(self, function: P, /) -> P: ...
    @overload
    def provider(self, /, *, kinds: Iterable[Kind] = ..., ttl: float | None = ...) -> Callable[[P], P]: ...
    def provider(
        self, function: P | None = None, /, *, kinds: Iterable[Kind] = ("tools",), ttl: float | None = None
    ) -> P | Callable[[P], P]:
        """Register `def p(given)`, sync or async, which registers on `given` what there is now: `given.tool(…)`.

        Every process asks it for itself, before it serves and again once `tools_changed()` (or `resources_changed()`,
        `prompts_changed()`) was called in any of them or `ttl` seconds have passed; what it gave stays while it fails.
        `kinds`: what it may give; clients are told at the start that the app has those. Raises ValueError for others.
        """

        def register(function: P) -> P:
            self._provide(Provider(function, self, kinds, ttl, time.monotonic))
            return function

        return register if function is None else register(function)

    def mount(self, other: Self, prefix: str) -> None:
        """Serve what another app has, and will have, as part of this one.

        Its tool `now` becomes `prefix_now`, its prompts likewise, its resource `notes://all` becomes
        `notes://prefix/all`. Its lifespan, its middleware and its providers stay around what is its own; its skills
        keep their URIs. Raises ValueError, and mounts nothing, for a name or URI that is taken, and for a bad prefix.
        """
        if not _PREFIX.fullmatch(prefix):
            raise ValueError(f"{prefix!r} is no prefix: letters, digits, _ and -")
        if self in other.all():
            raise ValueError(f"{other.name} cannot be mounted in {self.name}, which is mounted in it")
        if self._processes or other._processes:
            raise RuntimeError(f"{other.name} cannot be mounted once serving has begun: mount it before")
        moved = [each.moved(prefix, self) for each in other if isinstance(each, Tool | Resource | Template | Prompt)]
        for feature in moved:
            self.set_of(feature).check(feature.key)
        self._completers.mount(other._completers, prefix, self)
        other._hosts.append((self, prefix))
        self._mounted.append(other)
        for feature in moved:
            self.register(feature)
        for provider in other._providers:
            self._provide(provider.moved(prefix, self))
        other.relay(lambda change: self.tell(_told_above(change, prefix)))
        self.serve_skills(list(other.skill_set.entries))

    def register(self, feature: Tool | Resource | Template | Prompt) -> None:
        """Take a feature that is made already. Raises ValueError for a name or URI that is taken, RuntimeError once
        several processes serve: the others would not have it."""
        self._refuse_change(feature)
        features = self.set_of(feature)
        features.check(feature.key)
        for host, prefix in self._hosts:
            host.register(feature.moved(prefix, host))
        features.add(feature)
        self._arm(feature)
        self._changed(feature)

    def remove_tool(self, name: str) -> None:
        """Take back what was registered. Raises KeyError for what was not, RuntimeError as `register`."""
        self._remove(self.tools, name)

    def remove_resource(self, uri: str) -> None:
        """As `remove_tool`, for a resource or, by its text, a template."""
        self._remove(self.templates if is_template(uri) else self.resources, uri)

    def remove_prompt(self, name: str) -> None:
        """As `remove_tool`."""
        self._remove(self.prompts, name)

    def serve_skills(self, skills: list[Skill]) -> None:
        """Serve these, with their SKILL.md in the list of resources."""
        self.skill_set.add(skills)
        for skill in skills:
            self.resources.add(skill.manifest)

    # What follows is for those who serve the app.

    @property
    def home(self) -> Self:
        return self

    @property
    def options(self) -> Options:
        return self._options

    @property
    def pool(self) -> Pool:
        """The threads that sync functions run in, made when the first one is called."""
        if self._lender is not None:
            return self._lender.pool
        if self._pool is None:
            self._pool = Pool(self._options.threads, self._options.thread_queue)
        return self._pool

    @property
    def lifespan(self) -> Any:
        """What the lifespan yielded: for handlers, which have it as `ctx.lifespan`."""
        return self._opened.value

    @property
    def around(self) -> Sequence[Middleware]:
        """Its middleware, the outermost first."""
        return self._around

    def _remove(self, features: Features[Any], key: str) -> None:
        feature = features.get(key)
        if feature is None:
            raise KeyError(f"{self.name} has no {key!r} to remove")
        self._refuse_change(feature)
        features.remove(key)
        for host, prefix in self._hosts:
            moved = feature.moved(prefix, host)
            host._remove(host.set_of(moved), moved.key)
        self._changed(feature)

    def _refuse_change(self, feature: Any) -> None:
        kind = kind_of(feature)
        if self._processes > 1:
            raise RuntimeError(
                f"{feature.key} cannot be added or removed: {self._processes} processes serve {self.name}, and this one"
                f" alone would know. Give what changes from an @app.provider, which every process asks, and call"
                f" app.{kind}_changed(); or register it before serving, and `erlmcp reload`"
            )
        if self._processes and kind not in self._offered:
            raise RuntimeError(
                f"{feature.key} cannot be added: {self.name} had no {kind} when serving began, so no client asks for"
                f" any. Register one before, or declare @app.provider(kinds=[{kind!r}])"
            )

    def _changed(self, feature: Any) -> None:
        """Tell clients, where there are some already."""
        if isinstance(feature, Tool) and (feature.headers or self.headers):
            self._note_headers()
        if self._processes and not self._hosts:
            self.tell(Change(LISTS[kind_of(feature)]))

    def _note_headers(self) -> None:
        self.headers.clear()
        self.headers.update({tool.key: tool.headers for tool in self.tools if tool.headers})

    def _provide(self, provider: Provider) -> None:
        self._providers.add(provider)
        for kind in provider.kinds:
            for features in self.of(kind):
                features.give(provider, ())
        for host, prefix in self._hosts:
            host._provide(provider.moved(prefix, host))

    def _take(self, provider: Provider, given: Given) -> None:
        """Swap in what a provider gave, all of it or, with a ValueError, nothing."""
        plan: list[tuple[Features[Any], list[Any]]] = []
        for kind in provider.kinds:
            for own, theirs in zip(self.of(kind), given.of(kind), strict=True):
                plan.append((own, [provider.placed(each) for each in theirs]))
                own.merged(provider, plan[-1][1])
        for own, features in plan:
            for feature in features:
                self._arm(feature)
            own.give(provider, features)
        self._note_headers()

    def _rearm(self) -> None:
        """After a change of middleware: of this app, and of those that it is mounted in."""
        for features in (self.tools, self.resources, self.templates, self.prompts, self._completers):
            for feature in features:
                self._arm(feature)
        for host, _ in self._hosts:
            host._rearm()

    def _adopt(self, options: Options, lender: Self | None = None) -> None:
        """Live by these options; in the threads of `lender`, where that is the app that is served."""
        self._options, self._lender = options, lender
        for app in self._mounted:
            app._adopt(options, self)

    def _arm(self, feature: object) -> None:
        """Compose the way into a feature: limits first, then this app's middleware, then that of the app it is from."""
        if isinstance(feature, Callee):
            middleware = [each for room in reversed(feature.rooms) for each in room.around]
            usual = self._options.tool_limit if isinstance(feature, Tool) else Limit()
            feature.arm(middleware, feature.limit.otherwise(usual), self.counting)

    def counting(self) -> Limits:
        """Where calls are counted."""
        return self.limits

    @asynccontextmanager
    async def running(self, processes: int = 1) -> AsyncIterator[None]:
        """The app at work, in one of so many processes: within, its lifespan is open, and those of the apps mounted in
        it, and its providers have answered.

        Whoever serves an app holds this open: entered after `bind`, before the first request; left when the last call
        has ended, in the same task. What lifespan or provider raises at the start goes through: there is nothing to
        serve then.
        """
        async with AsyncExitStack() as stack:
            for app in self.all():
                await stack.enter_async_context(app._opened.entered())
            await self._providers.start()
            self._serve_in(processes)
            stack.callback(self._serve_in, 0)
            yield

    async def inquire(self) -> None:
        """Ask the providers, without running: for those who look at what an app offers."""
        await self._providers.start()

    def _serve_in(self, processes: int) -> None:
        for app in self.all():
            app._processes = processes
            app._offered = frozenset(kind for kind in KINDS if app.provides(kind))

    def all(self) -> Iterator[Self]:
        """This app and those mounted in it, at any depth."""
        yield self
        for app in self._mounted:
            yield from app.all()

    def provides(self, kind: Kind) -> bool:
        """Whether it has, or may come to have, features of this kind."""
        return any(map(len, self.of(kind))) or self._providers.give(kind)

    def renewing(self, perform: Perform) -> Perform:
        """`perform` behind fresh answers of the providers; itself where there are none."""
        return self._providers.renewing(perform)

    def join(self, changes: Changes) -> None:
        """Tell what changes here by `changes`, and take what they tell for a reason to ask providers again."""
        self.relay(changes.tell)
        for kind, method in LISTS.items():
            changes.heed(method, functools.partial(self.stale, kind))

    def stale(self, kind: Kind) -> None:
        """What providers gave of this kind may have changed: they are asked again before it is listed or used next.

        Called on the loop's thread, in every process, before clients are told of the change.
        """
        self._providers.stale(kind)


def _told_above(change: Change, prefix: str) -> Change:
    """What a mounted app tells, in the words of the app that it is mounted in."""
    return updated(under(prefix, change.key), change.here) if change.method == UPDATED else change
