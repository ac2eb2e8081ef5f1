"""How a log line looks: JSON for machines, one short line for people; secrets masked in both.

Pure: records in, text out. It does not know where lines go or when.
"""

import io
import re
import time
import traceback
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import TracebackType
from typing import Any, NamedTuple

import orjson
from msgspec import Struct

__all__ = [
    "AccessEntry",
    "Entry",
    "human",
    "human_access",
    "json_bound",
    "json_line",
    "masked",
    "timestamp",
]

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

SECRET_FIELD = re.compile(r"authorization|cookie|password|secret|token(?!s)|api[_-]?key", re.IGNORECASE)
SECRET_TEXT = (
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{4,}", re.IGNORECASE), r"\1 ***"),
    (
        re.compile(
            r"(\b[\w-]*(?:password|secret|token|api[_-]?key)[\"']?\s*[=:]\s*[\"']?)[^\s\"',;&}]+", re.IGNORECASE
        ),
        r"\1***",
    ),
    (re.compile(r"(\w+://[^\s/:@]+:)[^\s/@]+(?=@)"), r"\1***"),
)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
FIELDS_FIRST = ("ts", "level", "logger", "msg")


class Entry(Struct):
    """One record, whoever made it. `created` is Unix time; `fields` are the extras that the caller named.

    `template` is the message before its arguments were put in: lines that share it are of one kind.
    """

    created: float
    level: str
    logger: str
    message: str
    template: str
    fields: Mapping[str, Any]
    exc_info: ExcInfo | None = None


class AccessEntry(NamedTuple):
    """One answered request: what the loop hands over, as a plain tuple. `ended` is monotonic, `elapsed` in seconds."""

    ended: float
    elapsed: float
    method: bytes
    path: bytes
    status: int
    sent: int
    peer: str
    request_id: bytes | None


def timestamp(created: float) -> str:
    """RFC 3339 in UTC with milliseconds, for Unix time."""
    second, millis = divmod(int(created * 1000), 1000)
    return f"{_second(second)}.{millis:03d}Z"


@lru_cache(maxsize=4)  # lines come in batches of the same second; strftime takes longer than the rest of the line
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def masked(text: str) -> str:
    """The text without what looks like a credential: bearer tokens, `password=…`, passwords in URLs."""
    for pattern, mask in SECRET_TEXT:
        text = pattern.sub(mask, text)
    return text


def json_line(entry: Entry, bound: Mapping[str, Any]) -> str:
    """One JSON object and a newline. `bound` are the fields that every line of this process has."""
    values: dict[str, Any] = {
        "ts": timestamp(entry.created),
        "level": entry.level,
        "logger": entry.logger,
        "msg": masked(entry.message),
        **bound,
        **{key: _presentable(key, value) for key, value in entry.fields.items() if key not in FIELDS_FIRST},
    }
    if entry.exc_info is not None:
        values["exception"] = masked(_stack(entry.exc_info))
    return _dumps(values) + "\n"


def human(entry: Entry, bound: Mapping[str, Any]) -> str:
    """`2026-11-23T12:00:00.123Z INFO    erlmcp.node  message key=value`, a traceback on lines of its own."""
    extras = {**bound, **{key: _presentable(key, value) for key, value in entry.fields.items()}}
    tail = "".join(f" {key}={_plain(str(value))}" for key, value in extras.items())
    head = f"{timestamp(entry.created)} {entry.level.upper():7} {_plain(entry.logger)}"
    line = f"{head}  {_plain(masked(entry.message))}{tail}\n"
    if entry.exc_info is not None:
        line += "".join(f"    {_plain(row)}\n" for row in masked(_stack(entry.exc_info)).splitlines())
    return line


def json_bound(bound: Mapping[str, Any]) -> bytes:
    """The bound fields as `access_lines` (`erlmcp._speedups`) inserts them, which writes the access log in JSON."""
    return f",{_dumps(bound)[1:-1]}".encode() if bound else b""


def human_access(entries: Iterable[AccessEntry], wall: float, _bound: bytes) -> bytes:
    """Access lines for people; `wall` turns the monotonic clock into Unix time."""
    lines = []
    for ended, elapsed, method, path, status, sent, peer, _ in entries:
        head = f"{timestamp(ended + wall)} INFO    erlmcp.access  {peer} {_plain(_text(method))} {_plain(_text(path))}"
        lines.append(f"{head} {status} {sent}B {elapsed * 1000:.3f}ms\n")
    return "".join(lines).encode()


def _presentable(key: str, value: object) -> object:
    if SECRET_FIELD.search(key):
        return "***"
    if isinstance(value, str):
        return masked(value)
    return value if isinstance(value, (bool, int, float, type(None))) else masked(_text_of(value))


def _text_of(value: object) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _dumps(values: Mapping[str, Any]) -> str:
    try:
        return orjson.dumps(values).decode()
    except TypeError:  # a lone surrogate, or an integer beyond 64 bits: as text, escaped
        return orjson.dumps({key: _clean(str(value)) for key, value in values.items()}).decode()


def _clean(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _plain(text: str) -> str:
    """Without characters that could draw on a terminal or forge a line."""
    return CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", _clean(text))


def _stack(exc_info: ExcInfo) -> str:
    out = io.StringIO()
    traceback.print_exception(*exc_info, file=out)
    return out.getvalue().rstrip("\n")
