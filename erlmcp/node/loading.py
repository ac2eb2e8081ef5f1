"""Finds the app that `module:app` names, with the current directory first on the path; one line per mistake."""

import importlib
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Any

from erlmcp.node.exits import Exit, Refusal

if TYPE_CHECKING:
    from erlmcp.mcp import App

__all__ = ["load_app"]


def load_app(spec: str) -> "App":
    """The app. Refusal(CANNOT_BOOT) when the name is wrong; what the module itself raises goes through."""
    module_name, colon, attribute = spec.partition(":")
    if not colon or not attribute or not all(part.isidentifier() for part in module_name.split(".")):
        raise Refusal(Exit.CANNOT_BOOT, f"{spec!r} does not name an app: write module:app, as in mypackage.server:app")
    directory = os.getcwd()
    if sys.path[:1] != [directory]:
        sys.path.insert(0, directory)
    found: Any = _module(spec, module_name, directory)
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise Refusal(Exit.CANNOT_BOOT, f"{spec}: module {module_name} has no {attribute!r}{_apps_in(found)}")
        found = getattr(found, part)
    from erlmcp.mcp import App  # noqa: PLC0415 - after the module, whose own fault shall come first

    if not isinstance(found, App):
        raise Refusal(Exit.CANNOT_BOOT, f"{spec} is a {type(found).__name__}, not an erlmcp.App{_apps_in(found)}")
    return found


def _module(spec: str, name: str, directory: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as fault:
        if fault.name is None or not (name == fault.name or name.startswith(f"{fault.name}.")):
            raise  # the module is there, one that it imports is not: its traceback says which
        raise Refusal(
            Exit.CANNOT_BOOT, f"{spec}: there is no module {fault.name!r} (looked in {directory} first)"
        ) from fault


def _apps_in(module: Any) -> str:
    """A hint at the names that would have been right."""
    names = (
        [name for name, value in vars(module).items() if type(value).__name__ == "App"] if _is_module(module) else []
    )
    return f"; it has {', '.join(names)}" if names else ""


def _is_module(thing: Any) -> bool:
    return isinstance(thing, type(sys))
