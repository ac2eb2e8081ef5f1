"""`App`: an author's tools, resources, prompts and completions, registered by decorators on plain typed functions.

It does not know how requests arrive: the protocol side asks it for pages of definitions and for members of results.
"""

import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar, Unpack

from erlmcp.jsonrpc import INVALID_PARAMS, RpcError
from erlmcp.mcp.assembly import Assembly
from erlmcp.mcp.caching import CacheScope, checked_hints
from erlmcp.mcp.callee import Members
from erlmcp.mcp.completion import CompletionOptions
from erlmcp.mcp.content import Icon
from erlmcp.mcp.context import Context
from erlmcp.mcp.errors import shorten
from erlmcp.mcp.lifespan import Lifespan, Opened
from erlmcp.mcp.middleware import Middleware
from erlmcp.mcp.options import Options
from erlmcp.mcp.registration import check_options
from erlmcp.mcp.skill_folder import read_skill, read_skills
from erlmcp.mcp.tool_error import ResourceNotFound
from erlmcp.mcp.types import Argument, PromptReference, Reference
from erlmcp.mcp.views import check_views

F = TypeVar("F", bound=Callable[..., Any])


class App(Assembly):
    """A set of tools, resources and prompts.

    `cache_ttl_ms` (milliseconds) and `cache_scope` tell clients how long lists and resources may be kept, and by whom.
    """

    def __init__(  # noqa: PLR0913 - an author's first line: each is a plain fact about the app
        self,
        name: str,
        *,
        version: str = "0.0.0",
        title: str | None = None,
        instructions: str | None = None,
        description: str | None = None,
        website_url: str | None = None,
        icons: Sequence[Icon] | None = None,
        cache_ttl_ms: int = 0,
        cache_scope: CacheScope = "private",
        lifespan: Lifespan | None = None,
        middleware: Iterable[Middleware] = (),
    ) -> None:
        """`lifespan(app)` gives an async context manager: opened once per process before serving, closed after the last
        call; what it yields is `ctx.lifespan`. `middleware`: as if each were registered with `@app.middleware`.
        """
        super().__init__(Opened(self, lifespan), middleware)
        if not name:
            raise ValueError("an app needs a name")
        checked_hints(cache_ttl_ms, cache_scope)
        self.name = name
        self.version = version
        self.title = title
        self.instructions = instructions
        self.description = description
        self.website_url = website_url
        self.icons = icons
        self.cache_ttl_ms = cache_ttl_ms
        self.cache_scope = cache_scope

    def completion(self, **options: Unpack[CompletionOptions]) -> Callable[[F], F]:
        """Register `function(value)` or `function(value, arguments)` as what completes one `argument` of a `prompt` or
        of a `resource` template; it returns a list of str, or a `Completion`."""
        check_options(options, CompletionOptions, "@app.completion")

        def register(function: F) -> F:
            self._completers.add(function, options, self)
            return function

        return register

    def skill(self, folder: str | os.PathLike[str], /, *, prefix: str = "") -> None:
        """Serve the skill in `folder`: its SKILL.md, every file beside and below it, and the skills inside it.

        Read once, now; `erlmcp reload` reads again. `prefix`: segments before its path, as in `acme/billing`. Raises
        ValueError, with the file and the reason, for what is no skill or more than hosts take (512 files, 16 MiB).
        """
        self.serve_skills(read_skill(folder, prefix))

    def skills(self, folder: str | os.PathLike[str], /, *, prefix: str = "") -> None:
        """Serve every skill below `folder`, at any depth. As `skill`."""
        self.serve_skills(read_skills(folder, prefix))

    # What follows is what the protocol side asks for.

    @property
    def completes(self) -> bool:
        """Whether any argument is completed."""
        return len(self._completers) > 0

    def read(self, uri: str, context: Context) -> Members | Awaitable[Members]:
        """The members of a resources/read result. Raises ResourceNotFound."""
        resource = self.resources.get(uri) or self.skill_set.file(uri)
        if resource is not None:
            return resource.read(uri, {}, context)
        for template in self.templates:
            variables = template.match(uri)
            if variables is not None:
                return template.read(uri, variables, context)
        raise ResourceNotFound(uri)

    def complete(
        self, ref: Reference, argument: Argument, arguments: dict[str, str], context: Context
    ) -> Members | Awaitable[Members]:
        """The members of a completion/complete result. Raises RpcError (-32602) when there is no such prompt or
        resource."""
        if isinstance(ref, PromptReference):
            key, known = ref.name, ref.name in self.prompts
        else:
            key, known = ref.uri, ref.uri in self.templates or ref.uri in self.resources
        if not known:
            raise RpcError(INVALID_PARAMS, f"nothing to complete: {shorten(key)} is not registered")
        return self._completers.start(ref, argument, arguments, context)

    def bind(self, options: Options) -> None:
        """Once per process, before serving. Raises ValueError for a completion, or a tool's view, that is not there."""
        if not self._providers:
            self._completers.check(self.prompts, self.templates)
            check_views(self.tools, self.resources)
        self.close()
        self._adopt(options)
        self._rearm()

    def close(self) -> None:
        """Let the threads end. Does not wait for functions that are still running."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None
