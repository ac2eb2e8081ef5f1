"""HTTP/1.1 framing, the specification (RFC 9110, RFC 9112): bytes in, spans out; `_http.pyx` is its compiled twin.

Strict where the RFC leaves a choice (docs/adr/0001): whatever two parsers could read in two ways is refused. A verdict
depends on the bytes alone, never on how they were cut: bytes are judged in their order, and a fault is reported as
soon as its last byte is there. No meaning is decoded here: what a method or a field asks for, `erlmcp.http` decides.
"""

import re
from typing import Final, TypeAlias

from erlmcp._speedups.tables import (
    CHUNKED,
    COMMON_NAMES,
    FORBIDDEN_TRAILERS,
    HEXDIGITS,
    MAX_BLANK_LINES,
    MAX_CHUNK_DIGITS,
    MAX_CHUNK_LINE,
    MAX_LENGTH,
    MAX_TRAILER,
    MAX_TRAILER_FIELDS,
    OWN_FIELDS,
    PCHAR,
    RAW_IN_BROWSERS,
    REASONS,
    REG_NAME,
    SINGLE,
    TCHAR,
    TEXT,
    UNFRAMED,
    FramingError,
)

__all__ = ["encode_head", "next_chunk", "parse_head", "skip_trailer"]

Head: TypeAlias = tuple[
    int, bytes, bytes, bytes, bytes, dict[bytes, bytes], tuple[bytes, ...], int, int, bool, bool
]  # fmt: skip
Fields: TypeAlias = tuple[tuple[bytes, bytes], ...]
Data: TypeAlias = bytes | bytearray

CRLF: Final = b"\r\n"
OWS: Final = b" \t"


def _one_of(*classes: bytes) -> bytes:
    """A regular expression's class of all these bytes."""
    return b"[" + re.escape(b"".join(classes)) + b"]"


_HEX = _one_of(HEXDIGITS)
_TOKEN = _one_of(TCHAR) + b"+"
_FOUL = re.compile(rb"[^\t\r\n\x20-\x7e\x80-\xff]|\r(?=[^\n])|(?<!\r)\n")  # whatever no head may contain
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") ([^ ]+) HTTP/([0-9])\.([0-9])")
_PATH = rb"(?:" + _one_of(PCHAR.replace(b"%", b""), b"/", RAW_IN_BROWSERS) + rb"++|%" + _HEX + rb"{2})*+"
_QUERY = rb"(?:" + _one_of(PCHAR.replace(b"%", b""), b"/?", RAW_IN_BROWSERS) + rb"++|%" + _HEX + rb"{2})*+"
_ORIGIN_FORM = re.compile(rb"(/" + _PATH + rb")(?:\?(" + _QUERY + rb"))?")
_ABSOLUTE_FORM = re.compile(rb"(https?)://([^/?]*)(/" + _PATH + rb")?(?:\?(" + _QUERY + rb"))?", re.IGNORECASE)
_REG_NAME = rb"(?:" + _one_of(REG_NAME.replace(b"%", b"")) + rb"++|%" + _HEX + rb"{2})++"
_AUTHORITY = re.compile(rb"(?:" + _REG_NAME + rb"|\[([0-9A-Fa-f:.]+)\])(?::([0-9]{0,5}))?")
_H16 = re.compile(_HEX + rb"{1,4}")
_OCTET = rb"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(_OCTET + rb"(?:\." + _OCTET + rb"){3}")
_NAME = re.compile(_TOKEN)
_TEXT = re.compile(_one_of(TEXT) + b"*")
_DIGITS = re.compile(rb"[0-9]+")
_CODINGS = re.compile(rb"(?:" + _TOKEN + rb"[ \t]*,[ \t]*)+chunked")
_QUOTED = rb'"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"'  # RFC 9110 5.6.4
_EXTENSION = rb"[ \t]*;[ \t]*" + _TOKEN + rb"(?:[ \t]*=[ \t]*(?:" + _TOKEN + rb"|" + _QUOTED + rb"))?"
_CHUNK_LINE = re.compile(rb"(" + _HEX + rb"{1,%d})((?:" % MAX_CHUNK_DIGITS + _EXTENSION + rb")*)")
_COMMON = {name: name for name in COMMON_NAMES}
_STATUS_LINES = {code: b"HTTP/1.1 %d %s\r\n" % (code, reason.encode()) for code, reason in REASONS.items()}


def parse_head(data: Data, start: int, scanned: int, max_line: int, max_head: int, max_fields: int) -> Head | None:
    """The request head that starts at `start`; None while its end is not there.

    After None, pass the length that `data` had as `scanned`, so that no byte is looked at twice. Gives the end of the
    head, method, path, query, authority, fields by lower-case name (repeated ones joined), the repeated names, the
    length of the body (`CHUNKED` if it tells itself), the minor version, whether the connection may be kept, and
    whether 100 (Continue) is waited for. FramingError: 400, 414, 417, 421, 431, 501 or 505.
    """
    begin = _skip_blank_lines(data, start)
    line_end = _line_end(data, begin, scanned, max_line)
    if line_end < 0:
        return None
    line = _request_line(bytes(data[begin:line_end])) if scanned < line_end + 2 else None
    end = _head_end(data, begin, line_end, scanned, max_head)
    if end < 0:
        return None
    method, path, query, authority, minor = line or _request_line(bytes(data[begin:line_end]))
    fields, repeated = _parse_fields(bytes(data[line_end + 2 : end]), max_fields, SINGLE)
    host = fields.get(b"host")
    if host is None:
        if minor:
            raise FramingError(400, "The Host field is missing (RFC 9112 3.2).")
    elif not _is_authority(host):
        raise FramingError(400, "The Host field is malformed: it is a name or address, and a port of at most 65535.")
    length = _length(fields, minor)
    expects = _expects(fields, minor)
    return (
        *(end + 4, method, path, query, host or b"" if authority is None else authority, fields, repeated),
        *(length, minor, _keep_alive(fields, minor), expects),
    )


def _skip_blank_lines(data: Data, start: int) -> int:
    """Where the request line starts: a few empty lines before it are forgiven (RFC 9112 2.2)."""
    for at in range(start, start + 2 * MAX_BLANK_LINES + 1, 2):
        if data[at : at + 2] != CRLF:
            return at
    raise FramingError(400, "There are too many empty lines before the request line.")


def _line_end(data: Data, begin: int, scanned: int, max_line: int) -> int:
    """Where the request line ends, -1 while it does not; every byte of it is one that a head may contain."""
    if begin >= len(data):
        return -1
    if data[begin] == CRLF[1]:
        raise FramingError(400, "A line feed stands where a request line is expected.")
    most = begin + max_line + 2
    end = data.find(CRLF, begin, most)
    _refuse_foul(data, max(begin, scanned - 1), end + 2 if end >= 0 else min(len(data), most))
    if end < 0 and len(data) >= most:
        raise FramingError(414, f"The request line is longer than {max_line} bytes.")
    return end


def _head_end(data: Data, begin: int, line_end: int, scanned: int, max_head: int) -> int:
    """Where the last field line ends, -1 while it does not; as above."""
    most = begin + max_head
    end = data.find(CRLF + CRLF, max(line_end, scanned - 3), most)
    _refuse_foul(data, max(line_end + 2, scanned - 1), end + 4 if end >= 0 else min(len(data), most))
    if end < 0 and len(data) >= most:
        raise FramingError(431, f"The head is longer than {max_head} bytes.")
    return end


def _refuse_foul(data: Data, start: int, stop: int) -> None:
    if start < stop and _FOUL.search(data, start, stop) is not None:
        raise FramingError(400, "The head contains a control character, or a CR or LF that is not part of a CRLF.")


def _request_line(line: bytes) -> tuple[bytes, bytes, bytes, bytes | None, int]:
    """Method, path, query, the authority of an absolute target, and the minor version."""
    parts = _REQUEST_LINE.fullmatch(line)
    if parts is None:
        raise FramingError(400, "The request line is not a method, a target and HTTP/1.1 with one space between each.")
    method, target, major, minor = parts.groups()
    if major != b"1":
        raise FramingError(505, "This server speaks HTTP/1.1 only.")
    return (method, *_target(method, target), 0 if minor == b"0" else 1)


def _target(method: bytes, target: bytes) -> tuple[bytes, bytes, bytes | None]:
    """Path, query, and the authority if the target names one (RFC 9112 3.2)."""
    if method == b"CONNECT":
        status = 501 if _is_authority(target) and b":" in target else 400
        raise FramingError(status, "CONNECT is for proxies, and this is none.")
    if target == b"*" and method == b"OPTIONS":
        return b"*", b"", None
    parts = _ORIGIN_FORM.fullmatch(target)
    if parts is not None:
        return parts[1], parts[2] or b"", None
    parts = _ABSOLUTE_FORM.fullmatch(target)
    if parts is None or not _is_authority(parts[2]):
        raise FramingError(400, "The request target is malformed.")
    if len(parts[1]) == len(b"https"):
        raise FramingError(421, "An https target was asked for on a connection without TLS (RFC 9110 7.4).")
    if parts[3] is None:
        return (b"*" if method == b"OPTIONS" and parts[4] is None else b"/"), parts[4] or b"", parts[2]
    return parts[3], parts[4] or b"", parts[2]


def _is_authority(value: bytes) -> bool:
    """Whether this is a host and perhaps a port: no userinfo, path or list (RFC 9110 4.2, 7.2; RFC 3986 3.2.2)."""
    parts = _AUTHORITY.fullmatch(value)
    if parts is None or (parts[1] is not None and not _is_ipv6(parts[1])):
        return False
    return _decimal(parts[2] or b"") <= 65535


def _is_ipv6(text: bytes) -> bool:
    head, gap, tail = text.partition(b"::")
    groups = [group for side in (head, tail) if side for group in side.split(b":")]
    words = len(groups)
    if groups and _IPV4.fullmatch(groups[-1]) is not None and (not gap or tail):
        groups.pop()
        words += 1
    return all(_H16.fullmatch(group) for group in groups) and (words <= 7 if gap else words == 8)


def _decimal(digits: bytes) -> int:
    """The number that these ASCII digits spell; MAX_LENGTH for every larger one."""
    number = 0
    for digit in digits:
        number = min(MAX_LENGTH, number * 10 + digit - 0x30)
    return number


def _parse_fields(
    block: bytes, most: int, refused_twice: tuple[bytes, ...]
) -> tuple[dict[bytes, bytes], tuple[bytes, ...]]:
    """The field lines of a block without its last CRLF, by lower-case name; and the names that came more than once."""
    fields: dict[bytes, bytes] = {}
    repeated: dict[bytes, None] = {}
    lines = block.split(CRLF) if block else []
    if len(lines) > most:
        raise FramingError(431, f"There are more than {most} fields.")
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or _NAME.fullmatch(name) is None:
            raise FramingError(400, "A field line is not a name, a colon and a value, or is folded (RFC 9112 5).")
        name = name.lower()
        name = _COMMON.get(name, name)
        value = value.strip(OWS)
        if name not in fields:
            fields[name] = value
        elif name in refused_twice:
            raise FramingError(400, f"The field {name.decode()} came twice.")
        else:
            repeated[name] = None
            fields[name] += b", " + value
    return fields, tuple(repeated)


def _length(fields: dict[bytes, bytes], minor: int) -> int:
    """The length of the body, or CHUNKED (RFC 9112 6.3)."""
    coding, length = fields.get(b"transfer-encoding"), fields.get(b"content-length")
    if coding is None:
        if length is None:
            return 0
        if _DIGITS.fullmatch(length) is None:
            raise FramingError(400, "Content-Length is not a decimal number.")
        return _decimal(length)
    if length is not None:
        raise FramingError(400, "Content-Length and Transfer-Encoding came together (RFC 9112 6.1).")
    if not minor:
        raise FramingError(400, "Transfer-Encoding is unknown to HTTP/1.0.")
    coding = coding.lower()
    if coding == b"chunked":
        return CHUNKED
    known = _CODINGS.fullmatch(coding) is not None and coding.count(b"chunked") == 1
    raise FramingError(501 if known else 400, "The only transfer coding served is chunked, applied once.")


def _keep_alive(fields: dict[bytes, bytes], minor: int) -> bool:
    """RFC 9112 9.3."""
    options = fields.get(b"connection")
    if options is None:
        return minor != 0
    tokens = {option.strip(OWS) for option in options.lower().split(b",")}
    return b"close" not in tokens and (minor != 0 or b"keep-alive" in tokens)


def _expects(fields: dict[bytes, bytes], minor: int) -> bool:
    """RFC 9110 10.1.1."""
    expectation = fields.get(b"expect")
    if expectation is None or not minor:
        return False
    if expectation.lower() != b"100-continue":
        raise FramingError(417, "The only expectation served is 100-continue.")
    return True


def next_chunk(data: Data, start: int, left: int, max_size: int) -> tuple[int, int, int, int, int] | None:
    """One step through a chunked body (RFC 9112 7.1); None when `data` holds nothing for it yet.

    `left` is what the current chunk still owes, its CRLF included; 0 when a size line is next. Gives where the next
    step starts, start and end of the payload in between, the new `left` (-1: the last chunk; the trailer section
    follows), and how many bytes of extensions there were. FramingError: 400, or 413 for a chunk above `max_size`.
    """
    at, extensions = start, 0
    if left == 0:
        line_end = data.find(CRLF, start, start + MAX_CHUNK_LINE + 2)
        if line_end < 0:
            _refuse_chunk_line(data, start)
            return None
        at = line_end + 2
        parts = _CHUNK_LINE.fullmatch(data, start, line_end)
        if parts is None:
            raise FramingError(
                400, "A chunk does not start with its size in at most 16 hexadecimal digits (RFC 9112 7.1)."
            )
        size, extensions = _hexadecimal(parts[1]), len(parts[2])
        del parts
        if size == 0:
            return at, at, at, -1, extensions
        if size > max_size:
            raise FramingError(413, "The body is longer than this server allows.")
        left = size + 2
    elif at == len(data):
        return None
    end = at + left
    stop = min(end, len(data))
    payload_end = max(at, min(end - 2, stop))
    if data[payload_end:stop] != CRLF[2 - (end - payload_end) : 2 - (end - stop)]:
        raise FramingError(400, "The data of a chunk is not followed by CRLF.")
    return stop, at, payload_end, end - stop, extensions


def _refuse_chunk_line(data: Data, start: int) -> None:
    """Unless this may be the beginning of a chunk's first line."""
    if len(data) - start >= MAX_CHUNK_LINE + 2:
        raise FramingError(400, "The size and extensions of a chunk are too long.")
    if start < len(data) and (data[start] not in HEXDIGITS or _FOUL.search(data, start) is not None):
        raise FramingError(400, "A chunk does not start with its size.")


def _hexadecimal(digits: bytes) -> int:
    number = 0
    for digit in digits.lower():
        number = number * 16 + (digit - 0x30 if digit <= 0x39 else digit - 0x57)
    return number


def skip_trailer(data: Data, start: int, scanned: int) -> int | None:
    """Where the trailer section that starts at `start` ends; None while it does not (`scanned`: as for `parse_head`).

    Its fields are checked and dropped: nothing that comes after the body may change what came before it (RFC 9110 6.5).
    """
    if data[start : start + 2] == CRLF:
        return start + 2
    end = data.find(CRLF + CRLF, max(start, scanned - 3), start + MAX_TRAILER)
    _refuse_foul(data, max(start, scanned - 1), end + 4 if end >= 0 else min(len(data), start + MAX_TRAILER))
    if end < 0:
        if len(data) - start >= MAX_TRAILER:
            raise FramingError(431, f"The trailer section is longer than {MAX_TRAILER} bytes.")
        return None
    fields, _ = _parse_fields(bytes(data[start:end]), MAX_TRAILER_FIELDS, FORBIDDEN_TRAILERS)
    if not fields.keys().isdisjoint(FORBIDDEN_TRAILERS):
        raise FramingError(400, "A field came in the trailer section that belongs into the head (RFC 9110 6.5.1).")
    return end + 4


def encode_head(
    status: int, content_type: bytes, length: int, fields: Fields, ending: bytes, body: bytes
) -> bytes:  # fmt: skip
    """A response: status line, fields, empty line, `body`. `length` is Content-Length, CHUNKED, or UNFRAMED (neither).

    `ending` is ready field lines: Date, and Connection where it must be said. ValueError when a field is malformed or
    is one that framing owns: a handler's mistake must not become a second response (response splitting).
    """
    line = _STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status
    parts = [line]
    if content_type:
        parts.append(b"Content-Type: %s\r\n" % _text(content_type))
    if length >= 0:
        parts.append(b"Content-Length: %d\r\n" % length)
    elif length == CHUNKED:
        parts.append(b"Transfer-Encoding: chunked\r\n")
    elif length != UNFRAMED:
        raise ValueError(f"{length} is no length")
    for name, value in fields:
        if _NAME.fullmatch(name) is None or name.lower() in OWN_FIELDS:
            raise ValueError(f"{name!r} is no name of a field that a response may set")
        parts.append(b"%s: %s\r\n" % (name, _text(value)))
    return b"".join((*parts, ending, CRLF, body))


def _text(value: bytes) -> bytes:
    if _TEXT.fullmatch(value) is None:
        raise ValueError(f"{value!r} contains a byte that no field value may contain")
    return value
