"""Finds the app that `module:app` names, with the current directory first on the path; one line per mistake."""

import difflib
import gc
import importlib
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Any

from erlmcp.node.exits import Exit, Refusal

if TYPE_CHECKING:
    from erlmcp.mcp import App
    from erlmcp.node.link import LineLink
    from erlmcp.node.sections import Sections

__all__ = ["app_for", "load_app"]


def app_for(sections: "Sections", line: "LineLink") -> "App":
    """The app that this configuration names. The production line's commands go over the link, its views read the
    database. Refusal as `load_app`."""
    if not line.needed:
        return load_app(sections.node.app)
    from erlmcp import tcps  # noqa: PLC0415 - a node with another app has no use for these two
    from erlmcp.apps.tcps import build  # noqa: PLC0415

    if line.views is None:
        raise RuntimeError("who serves the line reads its database")
    return build(tcps.RemoteCoordinator(line.link), line.views, line.hear_facts)


def load_app(spec: str) -> "App":
    """The app. Refusal(CANNOT_BOOT) when the name is wrong; what the module itself raises goes through."""
    module_name, _, attribute = spec.partition(":")
    if fault := _misspelled(spec):
        raise Refusal(Exit.CANNOT_BOOT, fault)
    directory = os.getcwd()
    if sys.path[:1] != [directory]:
        sys.path.insert(0, directory)
    module = _module(spec, module_name, directory)
    from erlmcp.mcp import App  # noqa: PLC0415 - after the module, whose own fault shall come first

    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            hint = _apps(module, App, module_name, attribute)
            raise Refusal(Exit.CANNOT_BOOT, f"{spec}: module {module_name} has no {attribute!r}; {hint}")
        found = getattr(found, part)
    if not isinstance(found, App):
        hint = _apps(module, App, module_name, attribute)
        raise Refusal(Exit.CANNOT_BOOT, f"{spec} is of type {type(found).__name__}, not an erlmcp.App; {hint}")
    return found


def _misspelled(spec: str) -> str:
    """What is wrong with the name itself, and how it is written right; empty when nothing is."""
    module, _, attribute = spec.partition(":")
    dotted = module.removeprefix("./").removesuffix(".py").replace("/", ".")
    sound = all(part.isidentifier() for part in dotted.split("."))
    if module != dotted and sound:  # a path to a file, as a shell completes it
        return f"{spec!r} names a file, and a module is wanted: write {dotted}:{attribute or 'app'}"
    if sound and not attribute:
        return f"{spec!r} names a module, and no app in it: write {dotted}:app, or what it is called there"
    if not sound:
        return f"{spec!r} does not name an app: write module:app, as in mypackage.server:app"
    return ""


def _module(spec: str, name: str, directory: str) -> Any:
    collects = gc.isenabled()
    gc.disable()  # what is made now stays: 10,000 tools are there in two thirds of the time (bench/test_many.py)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as fault:
        if fault.name is None or not (name == fault.name or name.startswith(f"{fault.name}.")):
            raise  # the module is there, one that it imports is not: its traceback says which
        raise Refusal(
            Exit.CANNOT_BOOT, f"{spec}: there is no module {fault.name!r} (looked in {directory} first)"
        ) from fault
    finally:
        if collects:
            gc.enable()


def _apps(module: Any, kind: type, name: str, wanted: str) -> str:
    """What would have been right."""
    apps = [key for key, value in vars(module).items() if isinstance(value, kind)]
    if not apps:
        return "there is no erlmcp.App in that module"
    close = apps if len(apps) == 1 else difflib.get_close_matches(wanted, apps, 1)
    if close:
        return f"did you mean {name}:{close[0]}?"
    return f"the apps in it are {', '.join(apps)}"
