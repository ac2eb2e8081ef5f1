"""The layers: flags over environment over one file over the defaults of the Options. All mistakes are told at once."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from erlmcp.config.environment import Given, given_by_environment
from erlmcp.config.hints import unknown
from erlmcp.config.keys import Key, keys_of
from erlmcp.config.toml import Document, TomlError, read

__all__ = ["Config", "ConfigError", "Row", "load"]

Sections = Mapping[str, type[msgspec.Struct]]

DIRECTORIES: Final = (Path("config"), Path("/etc/erlmcp"))
USUAL: Final = ("dev", "staging", "production")  # these may go without a file: the defaults serve
MASK: Final = '"********"'
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class ConfigError(Exception):
    """The configuration is wrong; `problems` are one line each, with file and line, variable or flag."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Row(msgspec.Struct, frozen=True):
    """One key for `config show`: its value as JSON text (masked when secret), and where that came from."""

    key: str
    value: str
    origin: str


class Config(msgspec.Struct, frozen=True):
    """A checked configuration. `path` is the file that was read, if any."""

    path: Path | None
    sections: dict[str, Any]
    origins: dict[str, str]
    secrets: frozenset[str]

    def section(self, name: str) -> Any:
        """The Options of a section, of the type that `load` was given for it."""
        return self.sections[name]

    def origin(self, key: str) -> str:
        """Where `section.key` got its value: `flag --port`, `env ERLMCP_…`, `config/dev.config:12` or `default`."""
        return self.origins[key]

    def rows(self) -> list[Row]:
        """Every key with value and origin, in the order of the sections; a secret that is set is masked."""
        return [Row(key, self._shown(key), origin) for key, origin in self.origins.items()]

    def _shown(self, key: str) -> str:
        section, _, name = key.partition(".")
        options = self.sections[section]
        field = next(field.name for field in msgspec.structs.fields(options) if field.encode_name == name)
        value = getattr(options, field)
        if key in self.secrets and value not in (None, ""):
            return MASK
        return msgspec.json.encode(value, enc_hook=str).decode()


def load(
    sections: Sections,
    *,
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    path: Path | None = None,
    spelled: Mapping[str, str] | None = None,
    partial: bool = False,
) -> Config:
    """Read and check everything. ConfigError tells all that is wrong with it.

    `sections`: the Options of each section. `flags`: what the command line said, by `section.key`; `spelled`: how it
    spells them (`{"http.port": "--port"}`), for messages. `path`: the file that was asked for; else ERLMCP_CONFIG, else
    `config/$ERLMCP_ENV.config` (default dev) here, then in /etc/erlmcp. `partial`: other sections are nobody's mistake.
    """
    keys = keys_of(sections)
    known = frozenset(sections) if partial else None
    problems: list[str] = []
    file: Path | None = None
    layers: list[Given | str] = []
    try:
        file = _file(path, environ)
        if file is not None:
            layers += _given_by_file(read(file), keys, known)
    except (TomlError, ConfigError) as error:
        problems.append(str(error))
    layers += given_by_environment(environ, keys, known)
    layers += _given_by_flags(flags, keys, spelled or {})
    values, origins = _settle(layers, keys, problems)
    options = {name: _options(name, type_, (values, origins), keys, problems) for name, type_ in sections.items()}
    if problems:
        raise ConfigError(problems)
    secrets = frozenset(key.name for key in keys.values() if key.secret)
    return Config(file, options, {key: origins.get(key, "default") for key in keys}, secrets)


def _file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Which file to read, if any."""
    asked = path or (Path(environ["ERLMCP_CONFIG"]) if environ.get("ERLMCP_CONFIG") else None)
    if asked is not None:
        return asked
    name = environ.get("ERLMCP_ENV") or "dev"
    if not _PLAIN_NAME.fullmatch(name):
        raise ConfigError([f"env ERLMCP_ENV: must be a plain name like production, not {name!r}"])
    candidates = [directory / f"{name}.config" for directory in DIRECTORIES]
    found = next((candidate for candidate in candidates if candidate.exists()), None)
    if found is None and name not in USUAL:
        places = " nor ".join(map(str, candidates))
        raise ConfigError([f"env ERLMCP_ENV: there is no environment {name}: neither {places} exists"])
    return found


def _given_by_file(
    document: Document, keys: Mapping[str, Key], sections: frozenset[str] | None
) -> Iterator[Given | str]:
    known = {key.partition(".")[0] for key in keys} | (sections or set())
    for section, values in document.values.items():
        if sections is not None and section not in sections:
            continue
        if not isinstance(values, dict):
            place = document.place(section)
            said = f"{section} is a section: write [{section}]" if section in known else unknown(section, keys)
            yield f"{place}: {said}"
        elif section not in known:
            yield f"{document.place(section)}: {unknown(f'{section}.', keys)}"
        else:
            for key, value in values.items():
                name, place = f"{section}.{key}", document.place(section, key)
                yield Given(name, value, place) if name in keys else f"{place}: {unknown(name, keys)}"


def _given_by_flags(
    flags: Mapping[str, object], keys: Mapping[str, Key], spelled: Mapping[str, str]
) -> Iterator[Given | str]:
    for name, value in flags.items():
        flag = spelled.get(name) or f"--{name.rpartition('.')[2].replace('_', '-')}"
        text = isinstance(value, str)
        yield Given(name, value, f"flag {flag}", text=text) if name in keys else f"flag {flag}: {unknown(name, keys)}"


def _settle(
    layers: Sequence[Given | str], keys: Mapping[str, Key], problems: list[str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The value of each key that was given, and its origin: a later layer wins, but a fault in any is a fault."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for given in layers:
        if isinstance(given, str):
            problems.append(given)
            continue
        key = keys[given.name]
        origins[given.name] = given.origin
        try:
            values[given.name] = key.read(str(given.value)) if given.text else key.check(given.value)
        except ValueError as error:
            values.pop(given.name, None)
            problems.append(f"{given.origin}: {error}")
    return values, origins


def _options(
    section: str,
    type_: type[msgspec.Struct],
    settled: tuple[dict[str, Any], dict[str, str]],
    keys: Mapping[str, Key],
    problems: list[str],
) -> msgspec.Struct | None:
    """The Options of one section, or None with what is wrong added to `problems`."""
    values, origins = settled
    mine = [key for key in keys.values() if key.name.startswith(f"{section}.")]
    missing = [key for key in mine if key.required and key.name not in origins]
    problems += [f"{key.name} must be set: {key.expected()}" for key in missing]
    if missing or any(key.name in origins and key.name not in values for key in mine):
        return None
    try:
        return type_(**{key.attribute: values[key.name] for key in mine if key.name in values})
    except (TypeError, ValueError) as error:
        problems.append(_complaint(section, str(error), origins))
        return None


def _complaint(section: str, message: str, origins: Mapping[str, str]) -> str:
    """What the Options themselves refuse, with the place of the key that the message begins with, if it does."""
    key = f"{section}.{message.partition(' ')[0]}"
    return f"{origins[key]}: {section}.{message}" if key in origins else f"[{section}]: {message}"
