"""Did you mean? What to say of a name that nobody knows."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

__all__ = ["unknown"]


def unknown(name: str, keys: Mapping[str, Any], spell: Callable[[str], str] = str) -> str:
    """The complaint about `name`, which is no key of `keys` (all `section.key`), with the nearest one that is.

    `spell` writes the suggestion for a name without a section, as the place of the mistake would spell it.
    """
    sections = dict.fromkeys(key.partition(".")[0] for key in keys)
    section, dot, rest = name.partition(".")
    if dot and section not in sections:
        return f"unknown section {section}{_hint(_nearest(section, sections))}"
    if not dot:
        found = _elsewhere(name, keys)
        return f"unknown key {name}{_hint(spell(found) if found else None)}"
    exact = next((key for key in keys if key.endswith(f".{rest}")), None)
    same = _nearest(rest, (key.removeprefix(f"{section}.") for key in keys if key.startswith(f"{section}.")))
    return f"unknown key {name}{_hint(exact or (f'{section}.{same}' if same else _elsewhere(rest, keys)))}"


def _hint(name: str | None) -> str:
    return f" (did you mean {name}?)" if name else ""


def _nearest(name: str, names: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name, list(names), 1, 0.7)), None)


def _elsewhere(rest: str, keys: Iterable[str]) -> str | None:
    """The key that is called so in some section, or nearly so."""
    by_rest: dict[str, str] = {}
    for key in keys:
        by_rest.setdefault(key.partition(".")[2], key)
        by_rest.setdefault(key.replace(".", "_"), key)
    nearest = _nearest(rest, by_rest)
    return by_rest[nearest] if nearest else None
