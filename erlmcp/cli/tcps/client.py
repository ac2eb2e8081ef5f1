"""Calls tools of a running server over HTTP, with the standard library alone.

One POST per call in the words of MCP 2026-07-28, on a connection of its own; the answer is JSON or a short stream of
events. A connection that breaks is tried once more, which is harmless: what changes something carries a key.
"""

import http.client
import itertools
import json
import time
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from erlmcp import __version__
from erlmcp.cli.tcps.refusals import refusal_of
from erlmcp.node.exits import Exit, Refusal

__all__ = ["MOST", "URL", "Client"]

URL: Final = "http://127.0.0.1:8080/mcp"
MOST: Final = 16 * 1024 * 1024  # bytes of an answer; a page of the largest receipts has about 6 MiB

_VERSION: Final = "2026-07-28"
_PREFIX: Final = "io.modelcontextprotocol/"
_META: Final = {
    _PREFIX + "protocolVersion": _VERSION,
    _PREFIX + "clientInfo": {"name": "erlmcp-tcps", "version": __version__},
    _PREFIX + "clientCapabilities": {},
}
_BUSY: Final = (502, 503, 504)


class Client:
    """`timeout`: seconds for all calls together. `server`: who answered last, `{"name": …, "version": …}`."""

    def __init__(self, url: str, timeout: float) -> None:
        """Refusal(USAGE) for what is no http or https URL."""
        self.url: Final = url
        self.server: dict[str, Any] = {}
        self._timeout: Final = timeout
        self._deadline: Final = time.monotonic() + timeout
        self._secure, self._host, self._port, self._path = _parts(url)

    def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """What the tool answers. Refusal with the exit code of its no, or of what kept it from answering."""
        body = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": tool, "arguments": arguments, "_meta": _META},
        }
        result = self._result(tool, self._post(tool, json.dumps(body).encode(), _hint(arguments)))
        self.server = result.get("_meta", {}).get(_PREFIX + "serverInfo", {})
        if result.get("isError"):
            raise refusal_of(result)
        document = result.get("structuredContent")
        if not isinstance(document, dict):
            raise self._strange(f"tool {tool} answers without structured content")
        return document

    def _post(self, tool: str, body: bytes, hint: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer."""
        for attempt in itertools.count(1):
            try:
                return self._exchange(tool, body)
            except TimeoutError as late:
                message = f"{self.url} has not answered within {self._timeout:g} s{hint}"
                raise Refusal(Exit.TIMEOUT, message) from late
            except (ConnectionResetError, BrokenPipeError, http.client.HTTPException) as broken:
                if attempt == 2:
                    message = f"the connection to {self.url} broke twice: {_reason(broken)}{hint}"
                    raise Refusal(Exit.UNREACHABLE, message) from broken
            except (OSError, UnicodeError) as fault:
                raise Refusal(
                    Exit.UNREACHABLE,
                    f"no server answers at {self.url}: {_reason(fault)}\n"
                    "next: start one with `erlmcp serve`, or name another with --url",
                ) from fault
        raise AssertionError("unreachable")

    def _exchange(self, tool: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._left())
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": _VERSION,
            "Mcp-Method": "tools/call",
            "Mcp-Name": tool,
            "Connection": "close",
        }
        try:
            connection.connect()
            socket = connection.sock
            connection.request("POST", self._path, body, headers)
            socket.settimeout(self._left())
            response = connection.getresponse()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, self._read(response, socket)
        finally:
            connection.close()

    def _read(self, response: http.client.HTTPResponse, socket: Any) -> bytes:
        answer = bytearray()
        while not response.isclosed():  # from Python 3.13 its last byte closes it, and the socket with it
            socket.settimeout(self._left())
            piece = response.read1(65536)
            if not piece:
                break
            answer += piece
            if len(answer) > MOST:
                raise self._strange(f"an answer has more than {MOST} bytes")
        if response.length:  # read1 does not tell that the connection ended early
            raise http.client.IncompleteRead(bytes(answer), response.length)
        return bytes(answer)

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _result(self, tool: str, answer: tuple[int, dict[str, str], bytes]) -> dict[str, Any]:
        status, headers, body = answer
        message = _message(headers.get("content-type", ""), body)
        if status in _BUSY:
            after = headers.get("retry-after", "a few")
            raise Refusal(Exit.UNREACHABLE, f"{self.url} is too busy to answer\nnext: try again in {after} s")
        if message is None or not ({"result", "error"} & message.keys()):
            raise self._strange(f"it answers {status}{_problem(message)}")
        if "result" in message:
            result: dict[str, Any] = message["result"]
            return result
        error = message["error"]
        if error.get("code") == -32602 and tool in str(error.get("message")):
            raise self._strange(f"it has no tool {tool}; it serves another app, or an older one")
        raise Refusal(Exit.NEGATIVE, f"{self.url} failed: {error.get('message')} ({error.get('code')})")

    def _strange(self, what: str) -> Refusal:
        return Refusal(Exit.UNREACHABLE, f"{self.url} is no production line: {what}\nnext: check --url")


def _parts(url: str) -> tuple[bool, str, int | None, str]:
    wrong = f"{url!r} is no address of a server; give one like {URL}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as fault:
        raise Refusal(Exit.USAGE, wrong) from fault
    if parts.scheme not in {"http", "https"} or not parts.hostname or not url.isascii() or not url.isprintable():
        raise Refusal(Exit.USAGE, wrong)
    path = parts.path if parts.path.strip("/") else "/mcp"
    return parts.scheme == "https", parts.hostname, port, path + (f"?{parts.query}" if parts.query else "")


def _hint(arguments: dict[str, Any]) -> str:
    """How to repeat without harm what may have been carried out."""
    key = arguments.get("idempotency_key")
    if key is None:
        return ""
    return f"\nnext: it may have been carried out; repeat it without harm with --idempotency-key {key}"


def _reason(fault: Exception) -> str:
    text = getattr(fault, "strerror", None) or str(fault) or type(fault).__name__
    return str(text)


def _message(content_type: str, body: bytes) -> dict[str, Any] | None:
    """The JSON-RPC response, or the problem document, in an answer; None when there is neither."""
    texts = _events(body) if content_type.startswith("text/event-stream") else [body]
    for text in texts:
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if isinstance(message, dict) and "method" not in message:
            return message
    return None


def _events(body: bytes) -> Iterator[bytes]:
    """The data of each event of a stream (WHATWG HTML, 9.2.6)."""
    for event in body.replace(b"\r\n", b"\n").split(b"\n\n"):
        lines = [line.removeprefix(b"data:") for line in event.split(b"\n") if line.startswith(b"data:")]
        if lines:
            yield b"\n".join(line.removeprefix(b" ") for line in lines)


def _problem(message: dict[str, Any] | None) -> str:
    detail = message and message.get("detail")
    return f": {detail}" if detail else ""
