"""How long a client may keep a result, and whether a shared cache may: the caching members of 2026-07-28."""

from typing import Final, Literal

import msgspec

__all__ = ["CacheScope", "cache_hints", "checked_hints"]

CacheScope = Literal["private", "public"]
_SCOPES: Final = ("private", "public")


def checked_hints(ttl_ms: int, scope: str) -> None:
    """Raises ValueError for what is no time, and no scope."""
    if ttl_ms < 0:
        raise ValueError(f"cache_ttl_ms must be 0 or more, not {ttl_ms}")
    if scope not in _SCOPES:
        raise ValueError(f"cache_scope must be one of {', '.join(_SCOPES)}, not {scope!r}")


def cache_hints(ttl_ms: int, scope: str) -> bytes:
    """The caching members of a result, each with a comma before it (server/utilities/caching)."""
    return b',"ttlMs":%d,"cacheScope":%b' % (ttl_ms, msgspec.json.encode(scope))
