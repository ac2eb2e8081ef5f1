"""The requests that everything here is measured with, as wrk and a client send them."""

import json
from collections.abc import Mapping

__all__ = ["CHUNKED_BODY", "HEALTH", "LEGACY_BODY", "LEGACY_HEADERS", "MODERN_BODY", "MODERN_HEADERS", "POST", "post"]

HEALTH = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"

MODERN_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
    "MCP-Protocol-Version": "2026-07-28",
    "Mcp-Method": "tools/call",
    "Mcp-Name": "add",
}
MODERN_BODY = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {
            "name": "add",
            "arguments": {"a": 2, "b": 3},
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        },
    },
    separators=(",", ":"),
).encode()

LEGACY_HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
LEGACY_BODY = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":{"a":2,"b":3}}}'


def post(headers: Mapping[str, str], body: bytes) -> bytes:
    """A whole POST of /mcp."""
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode() + body


POST = post(MODERN_HEADERS, MODERN_BODY)
CHUNKED_BODY = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [b"x" * 64] * 16) + b"0\r\n\r\n"
