"""JSON-RPC framing, the specification: bytes in, spans (as texts) and frames out; `_jsonrpc.pyx` is its compiled twin.

`scan` is where the grammar of JSON is checked, completely and only once: later decoders may skip what they do not need
(msgspec's `Raw` does not look into skipped strings, keys or numbers). It does not recurse and knows no meaning: what a
valid message is, `erlmcp.jsonrpc` decides.
"""

import re
from typing import Final, TypeAlias

from erlmcp._speedups.tables import (
    JSON_COLON,
    JSON_COMMA,
    JSON_CONTROL,
    JSON_DEPTH,
    JSON_DIGITS,
    JSON_DUPLICATE,
    JSON_EMPTY,
    JSON_ENDED,
    JSON_ESCAPE,
    JSON_KEY,
    JSON_MARK,
    JSON_MAX_DEPTH,
    JSON_MAX_DIGITS,
    JSON_MEMBERS,
    JSON_NUMBER,
    JSON_NUMBER_BYTES,
    JSON_SURROGATE,
    JSON_TRAILING,
    JSON_UTF8,
    JSON_VALUE,
    JSON_WHITESPACE,
    FramingError,
    json_refusal,
)

__all__ = ["frame_event", "frame_reply", "scan", "split_lines"]

Message: TypeAlias = tuple[int, bytes, bytes, bytes, bytes, bool]
Keys: TypeAlias = list[tuple[bytes, int]]  # of one open object: decoded name, where it starts

_SPACE: Final = re.compile(b"[" + JSON_WHITESPACE + b"]*")
_PLAIN: Final = re.compile(rb'[^"\\\x00-\x1f]*')
_NUMBER: Final = re.compile(rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?")
_SIMPLE: Final = re.compile(rb'\\["\\/bfnrt]')
_UNICODE: Final = re.compile(rb"\\u([0-9a-fA-F]{4})")
_LOW: Final = re.compile(rb"\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_ESCAPED: Final = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[0-9a-fA-F]{4}|\\u[0-9a-fA-F]{4}|\\.")
_UNESCAPED: Final = {b"\\b": b"\b", b"\\f": b"\f", b"\\n": b"\n", b"\\r": b"\r", b"\\t": b"\t"}
_OBJECT: Final = ord("{")
_MINUS: Final = ord("-")
_LITERALS: Final = {b"t": b"true", b"f": b"false", b"n": b"null"}
_BYTE_ORDER_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def split_lines(buffer: bytes, limit: int) -> tuple[list[bytes], bytes]:
    """The complete lines of `buffer` (without their LF or CR LF; blank ones dropped), and the rest after the last LF.

    A line or rest of more than `limit` bytes is a FramingError, but only when it comes first: else it starts the rest,
    and the lines before it are not lost. After the error the caller drops everything up to the next LF and goes on.
    """
    lines: list[bytes] = []
    start = 0
    while True:
        end = buffer.find(b"\n", start)
        size = (len(buffer) if end < 0 else end) - start
        if size > limit and not lines:
            raise FramingError(400, f"a line is longer than {limit} bytes")
        if end < 0 or size > limit:
            return lines, buffer[start:]
        line = buffer[start : end - 1] if size and buffer[end - 1] == 13 else buffer[start:end]
        if line:
            lines.append(line)
        start = end + 1


def frame_reply(id: bytes, members: bytes, more: bytes = b"") -> bytes:  # noqa: A002 - JSON-RPC's word
    """A JSON-RPC reply: the raw text of the id, and the inner members of the result object (docs/adr/0004), in one text
    or in two that are put together."""
    return b'{"jsonrpc":"2.0","id":%b,"result":{%b%b}}' % (id, members, more)


def frame_event(json: bytes) -> bytes:
    """One server-sent event, one data line (WHATWG HTML 9.2). A raw CR or LF (mere space in JSON) becomes a blank."""
    if b"\n" in json or b"\r" in json:
        json = json.replace(b"\n", b" ").replace(b"\r", b" ")
    return b"data: %b\n\n" % json


def scan(body: bytes, max_depth: int) -> Message:
    """Check one JSON text and find the members of a JSON-RPC message, in one pass and without recursion.

    Gives the first byte of the root value, then the raw texts (a string with its quotes) of the root object's
    `jsonrpc`, `id`, `method` and `params`, b"" for those absent, then whether it has a `result` or `error`.
    A FramingError refuses whatever RFC 8259 does not allow, text that is not UTF-8, halves of surrogate pairs and names
    that occur twice in an object (both RFC 7493), numbers of more than JSON_MAX_DIGITS characters, and more than
    `max_depth` open arrays and objects.
    """
    if not 1 <= max_depth <= JSON_MAX_DEPTH:
        raise ValueError(f"max_depth is {max_depth}, but must be 1 to {JSON_MAX_DEPTH}")
    start = at = _start(body)
    foul = _first_foul_byte(body)
    spans = [0] * (2 * len(JSON_MEMBERS))
    member: int | None = None  # which of JSON_MEMBERS the root object's current value is
    stack: list[Keys | None] = []  # one entry per open container; None for an array
    while True:
        fresh = body[at : at + 1] in {b"{", b"["}  # just opened: may close at once, and needs no comma
        if fresh:
            if len(stack) == max_depth:
                raise json_refusal(JSON_DEPTH, at, max_depth)
            stack.append([] if body[at] == _OBJECT else None)
            at += 1
        else:
            at = _scalar(body, at, foul)
        while stack:
            keys = stack[-1]
            if len(stack) == 1 and member is not None and not fresh:
                spans[2 * member + 1] = at
            at = _space(body, at)
            if body[at : at + 1] == (b"]" if keys is None else b"}"):
                _refuse_duplicates(keys)
                stack.pop()
                fresh = False
                at += 1
                continue
            if not fresh:
                at = _space(body, _expect(body, at, b",", JSON_COMMA))
            if keys is not None:
                at = _name(body, at, foul, keys)
                member = _note(keys, at, spans) if len(stack) == 1 else member
            break
        else:
            return _found(body, start, at, spans)


def _note(keys: Keys, at: int, spans: list[int]) -> int | None:
    """Note where the value of the newest name starts, if the name is one of JSON_MEMBERS; gives which."""
    name = keys[-1][0]
    if name not in JSON_MEMBERS:
        return None
    member: int = JSON_MEMBERS.index(name)
    spans[2 * member] = at
    return member


def _found(body: bytes, start: int, end: int, spans: list[int]) -> Message:
    end = _space(body, end)
    if end != len(body):
        raise json_refusal(JSON_TRAILING, end, 0)
    version, id_, method, params, result, error = (body[spans[k] : spans[k + 1]] for k in range(0, len(spans), 2))
    return body[start], version, id_, method, params, bool(result or error)


def _start(body: bytes) -> int:
    if body.startswith(_BYTE_ORDER_MARKS):
        raise json_refusal(JSON_MARK, 0, 0)
    at = _space(body, 0)
    if at == len(body):
        raise json_refusal(JSON_EMPTY, 0, 0)
    return at


def _first_foul_byte(body: bytes) -> int:
    """Where the text stops being UTF-8, or its length. Outside strings the grammar refuses such bytes by itself."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return error.start
    return len(body)


def _space(body: bytes, at: int) -> int:
    found = _SPACE.match(body, at)
    return found.end() if found else at


def _expect(body: bytes, at: int, byte: bytes, fault: int) -> int:
    if body[at : at + 1] != byte:
        raise json_refusal(JSON_ENDED if at == len(body) else fault, at, 0)
    return at + 1


def _name(body: bytes, at: int, foul: int, keys: Keys) -> int:
    """Read a member name and its colon into `keys`; gives where the value starts."""
    start = _expect(body, at, b'"', JSON_KEY)
    end = _string(body, start, foul)
    keys.append((_unescape(body[start : end - 1]), at))
    return _space(body, _expect(body, _space(body, end), b":", JSON_COLON))


def _refuse_duplicates(keys: Keys | None) -> None:
    if not keys or len({name for name, _ in keys}) == len(keys):
        return
    seen: set[bytes] = set()
    for name, at in keys:
        if name in seen:
            raise json_refusal(JSON_DUPLICATE, at, 0)
        seen.add(name)


def _scalar(body: bytes, at: int, foul: int) -> int:
    first = body[at : at + 1]
    if first == b'"':
        return _string(body, at + 1, foul)
    if first and first in b"-0123456789":
        return _number(body, at)
    literal = _LITERALS.get(first)
    if literal is None or not body.startswith(literal, at):
        raise json_refusal(JSON_VALUE if first else JSON_ENDED, at, 0)
    return at + len(literal)


def _number(body: bytes, at: int) -> int:
    found = _NUMBER.match(body, at)
    end = found.end() if found else at
    if end == at or (end < len(body) and body[end] in JSON_NUMBER_BYTES):
        raise json_refusal(JSON_NUMBER, at, 0)
    if end - at - (body[at] == _MINUS) > JSON_MAX_DIGITS:
        raise json_refusal(JSON_DIGITS, at, 0)
    return end


def _string(body: bytes, at: int, foul: int) -> int:
    """The end of a string whose opening quote is just before `at`."""
    while True:
        plain = _PLAIN.match(body, at)
        end = plain.end() if plain else at
        if foul < end:
            raise json_refusal(JSON_UTF8, foul, 0)
        byte = body[end : end + 1]
        if byte == b'"':
            return end + 1
        if byte != b"\\":
            raise json_refusal(JSON_CONTROL if byte else JSON_ENDED, end, 0)
        at = _escape(body, end)


def _escape(body: bytes, at: int) -> int:
    if _SIMPLE.match(body, at):
        return at + 2
    found = _UNICODE.match(body, at)
    if found is None:
        raise json_refusal(JSON_ESCAPE, at, 0)
    unit = int(found[1], 16)
    if not 0xD800 <= unit <= 0xDFFF:
        return at + 6
    if unit >= 0xDC00 or not _LOW.match(body, at + 6):
        raise json_refusal(JSON_SURROGATE, at, 0)
    return at + 12


def _unescape(text: bytes) -> bytes:
    """The string that `text` (already checked, without its quotes) spells, in UTF-8."""
    if b"\\" not in text:
        return text
    return _ESCAPED.sub(lambda found: _character(found[0]), text)


def _character(escape: bytes) -> bytes:
    if escape[1:2] != b"u":
        return _UNESCAPED.get(escape, escape[1:])
    units = b"".join(int(unit, 16).to_bytes(2, "big") for unit in escape.split(b"\\u")[1:])
    return units.decode("utf-16-be").encode()
