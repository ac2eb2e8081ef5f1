"""Where a server is: a URL taken apart, strictly. Pure."""

from typing import Final
from urllib.parse import urlsplit

import msgspec

__all__ = ["Address"]

_PORTS: Final = {"http": 80, "https": 443}


class Address(msgspec.Struct, frozen=True):
    """`target` is the path and query as they are sent."""

    secure: bool
    host: str
    port: int
    target: str
    url: str

    @classmethod
    def of(cls, url: str) -> "Address":
        """Raises ValueError for what is no http or https URL, and for one that carries a user or a password."""
        wrong = f"{url!r} is no address of a server; give one like http://127.0.0.1:8080/mcp"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as fault:
            raise ValueError(wrong) from fault
        if parts.scheme not in _PORTS or not parts.hostname or not url.isascii() or not url.isprintable() or " " in url:
            raise ValueError(wrong)
        if parts.username is not None or parts.password is not None:
            raise ValueError("a URL must not carry a user or a password: give an Authorization header")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme == "https", parts.hostname, _PORTS[parts.scheme] if port is None else port, target, url)

    @property
    def authority(self) -> bytes:
        """What Host says (RFC 9110 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.port == _PORTS["https" if self.secure else "http"]
        return (host if usual else f"{host}:{self.port}").encode()
