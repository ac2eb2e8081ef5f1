"""What the environment says: `ERLMCP_<SECTION>__<KEY>`, and `…_FILE`, which names a file that holds the value.

Every ERLMCP_ name must mean something, so that a typo is noticed; but for the names that others read, and the links
that Kubernetes makes up for a service called erlmcp (ERLMCP_PORT=tcp://…, ERLMCP_SERVICE_HOST and so on).
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from erlmcp.config.hints import unknown
from erlmcp.config.keys import Key

__all__ = ["RESERVED", "Given", "given_by_environment"]

PREFIX: Final = "ERLMCP_"
RESERVED: Final = frozenset({"ERLMCP_ENV", "ERLMCP_CONFIG", "ERLMCP_PURE", "ERLMCP_REQUIRE_SPEEDUPS", "ERLMCP_URL"})
MAX_FILE: Final = 64 * 1024  # bytes of a value kept in a file; the largest secrets, certificates, are below 10 KiB
_LINK: Final = re.compile(
    r"ERLMCP_(?:[A-Z0-9_]+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_[A-Z]+)?)"
)
_ADDRESS: Final = re.compile(r"(?:tcp|udp|sctp)://")


class Given(msgspec.Struct, frozen=True):
    """A value somebody gave for `section.key`, and where; `text` when it is yet to be read as the key's type."""

    name: str
    value: object
    origin: str
    text: bool = False


def given_by_environment(
    environ: Mapping[str, str], keys: Mapping[str, Key], sections: frozenset[str] | None
) -> Iterator[Given | str]:
    """What each ERLMCP_ name gives, or what is wrong with it; names outside of `sections` (None: all) are left."""
    for variable in sorted(environ):
        if variable.startswith(PREFIX) and variable not in RESERVED and not _is_link(variable, environ[variable]):
            section, _, rest = variable.removeprefix(PREFIX).lower().partition("__")
            if sections is None or section in sections:
                yield _given(variable, f"{section}.{rest.replace('__', '.')}" if rest else section, environ, keys)


def _given(variable: str, name: str, environ: Mapping[str, str], keys: Mapping[str, Key]) -> Given | str:
    if not _is_text(environ[variable]):
        return f"env {variable}: is not UTF-8"
    if name in keys:
        return Given(name, environ[variable], f"env {variable}", text=True)
    target = name.removesuffix("_file")
    if target == name or target not in keys:
        return f"env {variable}: {unknown(name, keys, _as_variable)}"
    if variable[: -len("_FILE")] in environ:
        return f"env {variable}: {variable[: -len('_FILE')]} is set as well; set only one of the two"
    return _from_file(variable, target, environ[variable])


def _from_file(variable: str, name: str, path: str) -> Given | str:
    """The text of the file without the newline at its end."""
    if not path:
        return f"env {variable}: names no file"
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        return f"env {variable}: {path} can not be read: {error.strerror}"
    if len(content) > MAX_FILE:
        return f"env {variable}: {path} is larger than {MAX_FILE} bytes"
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return f"env {variable}: {path} is not UTF-8"
    return Given(name, text.removesuffix("\n").removesuffix("\r"), f"env {variable}", text=True)


def _is_link(variable: str, value: str) -> bool:
    if "__" in variable:
        return False
    return _LINK.fullmatch(variable) is not None or (variable.endswith("_PORT") and _ADDRESS.match(value) is not None)


def _is_text(value: str) -> bool:
    """Whether the bytes of the environment were UTF-8: others come as lone surrogates (PEP 383)."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _as_variable(name: str) -> str:
    return PREFIX + name.upper().replace(".", "__")
