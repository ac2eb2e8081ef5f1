"""HTTP answers that are no stream: their text, within a limit, and what a refusal means."""

import math
from typing import Any, Final

import msgspec

from erlmcp.client.errors import Garbled, HttpError, SessionLost
from erlmcp.client.fetch import HttpReply
from erlmcp.client.message import Failed, read

__all__ = ["refuse", "refused", "text_of"]

MAX_REFUSAL: Final = 256 * 1024  # bytes of the body of a 4xx or 5xx


async def text_of(reply: HttpReply, limit: int, url: str) -> bytes:
    """The whole body. Raises Garbled above `limit` bytes."""
    length = reply.headers.get(b"content-length", b"0")
    if length.isdigit() and int(length[:20]) > limit:
        raise Garbled(f"{url} answers with more than {limit} bytes")
    body = bytearray()
    async for chunk in reply.chunks():
        body += chunk
        if len(body) > limit:
            raise Garbled(f"{url} answers with more than {limit} bytes")
    return bytes(body)


async def refused(reply: HttpReply, url: str, *, session: bool) -> Failed:
    """The JSON-RPC error in a refusal. Raises HttpError when it carries none."""
    text = await _refusal(reply, url)
    failed = _error_in(text)
    if failed is None or (session and reply.status == 404 and failed.code != -32601):
        raise _http_error(reply, text, url, session=session)
    return Failed(failed.id, failed.code, failed.message, failed.data, reply.status)


async def refuse(reply: HttpReply, url: str, *, session: bool) -> HttpError:
    """The refusal of what gets no answer, or of a stream; closes it."""
    try:
        return _http_error(reply, await _refusal(reply, url), url, session=session)
    finally:
        await reply.aclose()


async def _refusal(reply: HttpReply, url: str) -> bytes:
    try:
        return await text_of(reply, MAX_REFUSAL, url)
    except Garbled:
        return b""  # the status says enough


def _error_in(text: bytes) -> Failed | None:
    try:
        (message,) = read(text)
    except (Garbled, ValueError):
        return None
    return message if isinstance(message, Failed) else None


def _http_error(reply: HttpReply, text: bytes, url: str, *, session: bool) -> HttpError:
    location = reply.headers.get(b"location", b"").decode("latin-1") or None
    if reply.status < 400:
        where = f" to {location}; if you trust it, give that address" if location else ""
        return HttpError(reply.status, f"{url} redirects ({reply.status}){where}", location=location)
    after = _seconds(reply.headers.get(b"retry-after", b""))
    message = f"{url} answers {reply.status}{_detail(text)}"
    if session and reply.status == 404:
        return SessionLost(404, message)
    return HttpError(reply.status, message, retry_after=after)


def _seconds(after: bytes) -> float | None:
    """Retry-After in seconds; its other form, a date, is not for machines that disagree about the time."""
    if not after.isdigit():
        return None
    seconds = float(after[:9])
    return seconds if math.isfinite(seconds) else None


def _detail(text: bytes) -> str:
    """What a problem document (RFC 9457), or a JSON-RPC error, says."""
    try:
        document: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return ""
    if not isinstance(document, dict):
        return ""
    error = document.get("error")
    said = error.get("message") if isinstance(error, dict) else document.get("detail") or document.get("title")
    return f": {said[:500]}" if isinstance(said, str) and said else ""
