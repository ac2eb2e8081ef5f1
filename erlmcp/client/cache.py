"""Answers that their server allows to be kept for a while (2026-07-28, Caching): by request, bounded."""

import time
from collections.abc import Callable
from typing import Final

import msgspec

from erlmcp.client.results import Json

__all__ = ["Cache"]

MAX_ENTRIES: Final = 256
MAX_AGE: Final = 24 * 3600.0  # seconds, whatever a server says


class _Hint(msgspec.Struct, rename="camel"):
    ttl_ms: int = 0


_HINT: Final = msgspec.json.Decoder(_Hint)
_STALE: Final = {
    "notifications/tools/list_changed": ("tools/list",),
    "notifications/prompts/list_changed": ("prompts/list",),
    "notifications/resources/list_changed": ("resources/list", "resources/templates/list"),
    "notifications/resources/updated": ("resources/read",),
}


class Cache:
    """Raw results by method and parameters. A client has one principal, so private answers may be kept, too."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[tuple[str, bytes], tuple[float, bytes]] = {}

    def get(self, method: str, params: Json) -> bytes | None:
        key = (method, msgspec.json.encode(params))
        until, raw = self._kept.get(key, (0.0, b""))
        if until > self._clock():
            return raw
        self._kept.pop(key, None)
        return None

    def put(self, method: str, params: Json, raw: bytes) -> None:
        try:
            age = min(_HINT.decode(raw).ttl_ms / 1000, MAX_AGE)
        except msgspec.DecodeError:
            return
        if age > 0:
            if len(self._kept) >= MAX_ENTRIES:
                del self._kept[next(iter(self._kept))]
            self._kept[method, msgspec.json.encode(params)] = (self._clock() + age, raw)

    def forget(self, notification: str) -> None:
        """What a notification makes stale."""
        methods = _STALE.get(notification, ())
        for key in [key for key in self._kept if key[0] in methods]:
            del self._kept[key]
