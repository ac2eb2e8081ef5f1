"""`Registry`: where authors register tools, resources and prompts, by decorators on plain typed functions.

An app is one; a provider fills another each time it is asked. It does not know how what is in it is called.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, Literal, TypeVar, Unpack, overload

from erlmcp.mcp.callee import Room
from erlmcp.mcp.features import Features
from erlmcp.mcp.prompt import Prompt, PromptOptions
from erlmcp.mcp.registration import check_options
from erlmcp.mcp.resource import Resource, ResourceOptions, Template, is_template
from erlmcp.mcp.skill import SkillFile
from erlmcp.mcp.tool import Tool, ToolOptions
from erlmcp.mcp.views import ViewOptions, as_resource

__all__ = ["KINDS", "Kind", "Registry", "kind_of"]

F = TypeVar("F", bound=Callable[..., Any])

Kind = Literal["tools", "resources", "prompts"]
"""What lists there are, as clients are told of their changes; templates are resources."""

KINDS: Final[tuple[Kind, ...]] = ("tools", "resources", "prompts")


def kind_of(feature: object) -> Kind:
    """The list that a feature is in."""
    return "tools" if isinstance(feature, Tool) else "prompts" if isinstance(feature, Prompt) else "resources"


class Registry:
    """A set of tools, resources, templates and prompts, in the order of their registration."""

    def __init__(self) -> None:
        self.tools: Features[Tool] = Features("tools", "tool")
        self.resources: Features[Resource | SkillFile] = Features("resources", "resource")
        self.templates: Features[Template] = Features("resourceTemplates", "resource template")
        self.prompts: Features[Prompt] = Features("prompts", "prompt")

    @property
    def home(self) -> Room:
        """Whose functions these are."""
        raise NotImplementedError

    @overload
    def tool(self, function: F, /, **options: Unpack[ToolOptions]) -> F: ...
    @overload
    def tool(self, /, **options: Unpack[ToolOptions]) -> Callable[[F], F]: ...
    def tool(self, function: F | None = None, /, **options: Unpack[ToolOptions]) -> F | Callable[[F], F]:
        """Register a function as a tool, `@app.tool` or `@app.tool(title=…)`; it stays callable as itself.

        Parameters become the input schema, the docstring's first paragraph the description and the lines of its `Args:`
        section the parameters' descriptions; the return annotation becomes the output schema. A parameter annotated
        `Context` receives the call's, one marked with `Depends` what its factory makes. An async function runs on the
        loop, a sync one in a thread, and with `inline=True` on the loop. Raises TypeError for a function that cannot be
        a tool, ValueError for a bad name or schema.
        """
        check_options(options, ToolOptions, "@app.tool")

        def register(function: F) -> F:
            self.register(Tool(function, options, self.home))
            return function

        return register if function is None else register(function)

    def resource(self, uri: str, /, **options: Unpack[ResourceOptions]) -> Callable[[F], F]:
        """Register a function as the resource at `uri`, or, when the URI has variables (`user://{id}`), as a template
        whose variables are the function's parameters.

        It returns str (text), bytes (a blob), anything else that becomes JSON, or a list of `Embedded`.
        """
        check_options(options, ResourceOptions, "@app.resource")
        kind = Template if is_template(uri) else Resource

        def register(function: F) -> F:
            self.register(kind(uri, function, options, self.home))
            return function

        return register

    def ui(self, uri: str, /, **options: Unpack[ViewOptions]) -> Callable[[F], F]:
        """Register a function that returns HTML as the view at `uri`, `ui://…`, for `@app.tool(ui=…)` to name.

        A resource like any other, with what a host needs to show it (MCP Apps). Raises ValueError for what is no view.
        """
        check_options(options, ViewOptions, "@app.ui")
        return self.resource(uri, **as_resource(uri, options))

    @overload
    def prompt(self, function: F, /, **options: Unpack[PromptOptions]) -> F: ...
    @overload
    def prompt(self, /, **options: Unpack[PromptOptions]) -> Callable[[F], F]: ...
    def prompt(self, function: F | None = None, /, **options: Unpack[PromptOptions]) -> F | Callable[[F], F]:
        """Register a function as a prompt; it returns a str, a `Message`, content, or a list of them."""
        check_options(options, PromptOptions, "@app.prompt")

        def register(function: F) -> F:
            self.register(Prompt(function, options, self.home))
            return function

        return register if function is None else register(function)

    def register(self, feature: Tool | Resource | Template | Prompt) -> None:
        """Take a feature that is made already. Raises ValueError for a name or URI that is taken."""
        self.set_of(feature).add(feature)

    def set_of(self, feature: Tool | Resource | Template | Prompt) -> Features[Any]:
        """The set that a feature belongs to."""
        match feature:
            case Tool():
                return self.tools
            case Template():
                return self.templates
            case Prompt():
                return self.prompts
            case _:
                return self.resources

    def __iter__(self) -> Iterator[Any]:
        """Everything in it: tools, resources, templates, prompts."""
        for kind in KINDS:
            for features in self.of(kind):
                yield from features

    def of(self, kind: Kind) -> tuple[Features[Any], ...]:
        """The sets of one kind."""
        match kind:
            case "tools":
                return (self.tools,)
            case "prompts":
                return (self.prompts,)
            case "resources":
                return self.resources, self.templates
