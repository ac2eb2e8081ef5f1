"""`App`: an author's tools, resources, prompts and completions, registered by decorators on plain typed functions.

It does not know how requests arrive: the protocol side asks it for pages of definitions and for members of results.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, Literal, TypeVar, Unpack, overload

from erlmcp.jsonrpc import INVALID_PARAMS, RpcError
from erlmcp.mcp.callee import Members
from erlmcp.mcp.completion import Completers, CompletionOptions
from erlmcp.mcp.context import Context
from erlmcp.mcp.errors import shorten
from erlmcp.mcp.features import Features
from erlmcp.mcp.lifespan import Lifespan, Opened, entered
from erlmcp.mcp.options import Options
from erlmcp.mcp.prompt import Prompt, PromptOptions
from erlmcp.mcp.registration import check_options
from erlmcp.mcp.resource import Resource, ResourceOptions, Template, is_template
from erlmcp.mcp.signals import Signals
from erlmcp.mcp.skill import Skill, SkillFile
from erlmcp.mcp.skill_folder import read_skill, read_skills
from erlmcp.mcp.skills import Skills
from erlmcp.mcp.threads import Pool
from erlmcp.mcp.tool import Tool, ToolOptions
from erlmcp.mcp.tool_error import ResourceNotFound
from erlmcp.mcp.types import Argument, PromptReference, Reference

F = TypeVar("F", bound=Callable[..., Any])

CacheScope = Literal["private", "public"]
Kind = Literal["tools", "resources", "prompts"]
"""What lists there are, as clients are told of their changes; templates are resources."""
_SCOPES: Final = ("private", "public")


class App(Signals):
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
        website_url: str | None = None,
        cache_ttl_ms: int = 0,
        cache_scope: CacheScope = "private",
        lifespan: Lifespan | None = None,
    ) -> None:
        """`lifespan(app)` gives an async context manager: opened once per process before serving, closed after the last
        call; what it yields is `ctx.lifespan`.
        """
        if not name:
            raise ValueError("an app needs a name")
        if cache_ttl_ms < 0:
            raise ValueError(f"cache_ttl_ms must be 0 or more, not {cache_ttl_ms}")
        if cache_scope not in _SCOPES:
            raise ValueError(f"cache_scope must be one of {', '.join(_SCOPES)}, not {cache_scope!r}")
        super().__init__()
        self.name = name
        self.version = version
        self.title = title
        self.instructions = instructions
        self.website_url = website_url
        self.cache_ttl_ms = cache_ttl_ms
        self.cache_scope = cache_scope
        self.tools: Features[Tool] = Features("tools", "tool")
        self.resources: Features[Resource | SkillFile] = Features("resources", "resource")
        self.templates: Features[Template] = Features("resourceTemplates", "resource template")
        self.prompts: Features[Prompt] = Features("prompts", "prompt")
        self.skill_set = Skills()
        self._completers = Completers()
        self._options = Options()
        self._pool: Pool | None = None
        self._opened = Opened(lifespan)

    @overload
    def tool(self, function: F, /, **options: Unpack[ToolOptions]) -> F: ...
    @overload
    def tool(self, /, **options: Unpack[ToolOptions]) -> Callable[[F], F]: ...
    def tool(self, function: F | None = None, /, **options: Unpack[ToolOptions]) -> F | Callable[[F], F]:
        """Register a function as a tool, `@app.tool` or `@app.tool(title=…)`; it stays callable as itself.

        Parameters become the input schema, the docstring's first paragraph the description and the lines of its `Args:`
        section the parameters' descriptions; the return annotation becomes the output schema. A parameter annotated
        `Context` receives the call's. An async function runs on the loop, a sync one in a thread, and with
        `inline=True` on the loop. Raises TypeError for a function that cannot be a tool, ValueError for a bad name or
        schema.
        """
        check_options(options, ToolOptions, "@app.tool")

        def register(function: F) -> F:
            self.tools.add(Tool(function, options, self))
            return function

        return register if function is None else register(function)

    def resource(self, uri: str, /, **options: Unpack[ResourceOptions]) -> Callable[[F], F]:
        """Register a function as the resource at `uri`, or, when the URI has variables (`user://{id}`), as a template
        whose variables are the function's parameters.

        It returns str (text), bytes (a blob), anything else that becomes JSON, or a list of `Embedded`.
        """
        check_options(options, ResourceOptions, "@app.resource")

        def register(function: F) -> F:
            if is_template(uri):
                self.templates.add(Template(uri, function, options, self))
            else:
                self.resources.add(Resource(uri, function, options, self))
            return function

        return register

    @overload
    def prompt(self, function: F, /, **options: Unpack[PromptOptions]) -> F: ...
    @overload
    def prompt(self, /, **options: Unpack[PromptOptions]) -> Callable[[F], F]: ...
    def prompt(self, function: F | None = None, /, **options: Unpack[PromptOptions]) -> F | Callable[[F], F]:
        """Register a function as a prompt; it returns a str, a `Message`, content, or a list of them."""
        check_options(options, PromptOptions, "@app.prompt")

        def register(function: F) -> F:
            self.prompts.add(Prompt(function, options, self))
            return function

        return register if function is None else register(function)

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
        self._serve(read_skill(folder, prefix))

    def skills(self, folder: str | os.PathLike[str], /, *, prefix: str = "") -> None:
        """Serve every skill below `folder`, at any depth. As `skill`."""
        self._serve(read_skills(folder, prefix))

    def _serve(self, skills: list[Skill]) -> None:
        self.skill_set.add(skills)
        for skill in skills:
            self.resources.add(skill.manifest)

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

    @property
    def options(self) -> Options:
        return self._options

    @property
    def pool(self) -> Pool:
        """The threads that sync functions run in, made when the first one is called."""
        if self._pool is None:
            self._pool = Pool(self._options.threads, self._options.thread_queue)
        return self._pool

    def bind(self, options: Options) -> None:
        """Once per process, before serving. Raises ValueError for a completion of what is not there."""
        self._completers.check(self.prompts, self.templates)
        self.close()
        self._options = options

    @property
    def lifespan(self) -> Any:
        """What the lifespan yielded: for handlers, which have it as `ctx.lifespan`."""
        return self._opened.value

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The app at work: within, its lifespan is open.

        Whoever serves an app holds this open: entered after `bind`, before the first request; left when the last call
        has ended, in the same task. What the lifespan raises at its start goes through: there is nothing to serve then.
        """
        async with entered(self, self._opened):
            yield

    def stale(self, kind: Kind) -> None:
        """What providers gave of this kind may have changed: it is asked for again before it is listed or used next.

        Called on the loop's thread, in every process, before clients are told of the change.
        """

    def close(self) -> None:
        """Let the threads end. Does not wait for functions that are still running."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None
