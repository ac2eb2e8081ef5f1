"""Byte classes and numbers, the single copy that both twins read; and the one error they raise.

The compiled side copies these into C arrays at import, so a number can not drift between the twins.
"""

from typing import Final

__all__ = ["FramingError"]


class FramingError(Exception):
    """The bytes can not be framed: `status` is the HTTP status for it (JSON-RPC: always 400), `reason` a sentence."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status: Final = status
        self.reason: Final = reason


# ── HTTP: byte classes ──────────────────────────────────────────────────────────────────────────────────────────────

DIGITS: Final = b"0123456789"
ALPHA: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
HEXDIGITS: Final = DIGITS + b"ABCDEFabcdef"
TCHAR: Final = DIGITS + ALPHA + b"!#$%&'*+-.^_`|~"  # RFC 9110 5.6.2
UNRESERVED: Final = DIGITS + ALPHA + b"-._~"  # RFC 3986 2.3
SUB_DELIMS: Final = b"!$&'()*+,;="  # RFC 3986 2.2
PCHAR: Final = UNRESERVED + SUB_DELIMS + b":@%"  # RFC 3986 3.3; that two hex digits follow a % is checked apart
RAW_IN_BROWSERS: Final = (
    b"[]{}|^`"  # not in RFC 3986, but browsers send them as they are (WHATWG URL, percent-encode sets)
)
TARGET: Final = PCHAR + b"/?" + RAW_IN_BROWSERS
REG_NAME: Final = UNRESERVED + SUB_DELIMS.replace(b",", b"") + b"%"  # RFC 3986 3.2.2; a comma there is a list of hosts
TEXT: Final = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))  # RFC 9110 5.5: field-vchar, SP, HTAB

# ── HTTP: numbers ───────────────────────────────────────────────────────────────────────────────────────────────────

MAX_BLANK_LINES: Final = 4  # RFC 9112 2.2: at least one empty line before a request line should be ignored
MAX_LENGTH: Final = 10**18  # where a Content-Length or chunk size is no longer counted; far above every max_body
MAX_CHUNK_DIGITS: Final = 16  # RFC 9112 7.1: beware of overflow; 16 hexadecimal digits are 64 bits
MAX_CHUNK_LINE: Final = 1024 + MAX_CHUNK_DIGITS  # size and extensions of one chunk (CVE-2023-39326)
MAX_EXTENSIONS: Final = 16 * 1024  # bytes of chunk extensions in one body
MAX_TRAILER: Final = 8 * 1024  # bytes of one trailer section
MAX_TRAILER_FIELDS: Final = 32
CHUNKED: Final = -1  # in place of a length
UNFRAMED: Final = -2  # in place of a response's length: there is no body, or it ends with the connection

# ── HTTP: names ─────────────────────────────────────────────────────────────────────────────────────────────────────

METHODS: Final = (
    b"GET",
    b"POST",
    b"HEAD",
    b"PUT",
    b"DELETE",
    b"OPTIONS",
    b"PATCH",
    b"TRACE",
    b"CONNECT",
)  # RFC 9110 9.1, 5789

SINGLE: Final = (b"host", b"content-length", b"content-type", b"transfer-encoding")
"""Fields that may come only once: two of them are two readings of one request."""

FORBIDDEN_TRAILERS: Final = (b"host", b"content-length", b"transfer-encoding", b"trailer", b"connection")
"""RFC 9110 6.5.1: framing and routing are settled before the body. Others are checked and dropped, never merged."""

OWN_FIELDS: Final = (b"content-length", b"transfer-encoding", b"connection", b"date", b"content-type")
"""Set by the engine alone."""

COMMON_NAMES: Final = (
    *SINGLE,
    b"connection",
    b"expect",
    b"accept",
    b"accept-encoding",
    b"accept-language",
    b"access-control-request-headers",
    b"access-control-request-method",
    b"authorization",
    b"cache-control",
    b"content-encoding",
    b"cookie",
    b"date",
    b"forwarded",
    b"if-modified-since",
    b"if-none-match",
    b"last-event-id",
    b"mcp-method",
    b"mcp-name",
    b"mcp-protocol-version",
    b"mcp-session-id",
    b"origin",
    b"pragma",
    b"priority",
    b"referer",
    b"sec-fetch-dest",
    b"sec-fetch-mode",
    b"sec-fetch-site",
    b"te",
    b"traceparent",
    b"tracestate",
    b"upgrade",
    b"user-agent",
    b"via",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-real-ip",
    b"x-request-id",
)
"""Field names that come out as these very objects, without an allocation. The list is speed, never meaning."""

REASONS: Final = {
    100: "Continue",
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    206: "Partial Content",
    301: "Moved Permanently",
    302: "Found",
    303: "See Other",
    304: "Not Modified",
    307: "Temporary Redirect",
    308: "Permanent Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    408: "Request Timeout",
    409: "Conflict",
    410: "Gone",
    411: "Length Required",
    412: "Precondition Failed",
    413: "Content Too Large",
    414: "URI Too Long",
    415: "Unsupported Media Type",
    417: "Expectation Failed",
    421: "Misdirected Request",
    422: "Unprocessable Content",
    426: "Upgrade Required",
    428: "Precondition Required",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    505: "HTTP Version Not Supported",
}
"""RFC 9110 15, RFC 6585."""


ACCESS_PATH_MOST: Final = 512  # bytes of a path that a line of the access log shows; a longer one is cut


# JSON (RFC 8259). A message is refused at its first fault, which both twins name by number: they agree to the byte.
JSON_WHITESPACE: Final = b" \t\n\r"
JSON_NUMBER_BYTES: Final = b"0123456789+-.eE"  # one of these just after a number makes it malformed
JSON_MAX_DIGITS: Final = 4300  # longest number without its sign: CPython's bound on int(), which is quadratic
JSON_MAX_DEPTH: Final = 512  # the most a caller may allow: decoders recurse, and CPython stops them near 1,000
JSON_FEW_KEYS: Final = 8  # up to here an object's keys are compared in pairs, above in a hash set
JSON_MEMBERS: Final = (b"jsonrpc", b"id", b"method", b"params", b"result", b"error")  # scan() spans the first four

(
    JSON_EMPTY,
    JSON_MARK,
    JSON_ENDED,
    JSON_VALUE,
    JSON_KEY,
    JSON_COLON,
    JSON_COMMA,
    JSON_TRAILING,
    JSON_CONTROL,
    JSON_ESCAPE,
    JSON_SURROGATE,
    JSON_UTF8,
    JSON_NUMBER,
    JSON_DIGITS,
    JSON_DEPTH,
    JSON_DUPLICATE,
) = range(16)

_JSON_REASONS: Final = (
    "the message is empty",
    "the message starts with a byte order mark; JSON is sent as UTF-8 without one",
    "the JSON text ends early, at byte {at}",
    "a JSON value is expected at byte {at}",
    "a member name (a string) is expected at byte {at}",
    "a colon is expected at byte {at}",
    "a comma or the end of the array or object is expected at byte {at}",
    "nothing may follow the JSON value, but something does at byte {at}",
    "unescaped control character in a string at byte {at}",
    "malformed escape in a string at byte {at}",
    "half of a surrogate pair in a string at byte {at}",
    "the text is not UTF-8 at byte {at}",
    "malformed number at byte {at}",
    "the number at byte {at} is longer than {digits} digits",
    "nested deeper than {limit} levels at byte {at}",
    "the member name at byte {at} occurs twice in its object",
)


def json_refusal(fault: int, at: int, limit: int) -> FramingError:
    """The error both twins raise for `fault` (a number from above) at byte `at`; `limit` is the depth allowed."""
    return FramingError(400, _JSON_REASONS[fault].format(at=at, limit=limit, digits=JSON_MAX_DIGITS))
