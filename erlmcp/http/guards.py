"""Decisions on a request's head before its handler sees it: is the Host ours, may this Origin call.

Pure; knows no bodies and no MCP.

A guard answers None (go on) or the response that refuses. On a loopback address the Host list is what keeps a web page
away that rebinds its own name to 127.0.0.1 (DNS rebinding); the Origin list, pages that simply call localhost.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from erlmcp.http.message import Fields, Request, Response, problem

__all__ = ["Cors", "Guard", "Origins", "host_guard", "origin_guard"]

Guard: TypeAlias = Callable[[Request], Response | None]

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
MAX_SHOWN = 100  # of a foreign name, in a message
MAX_AGE = b"600"  # seconds a browser may reuse a preflight; Chromium caps at 7200


def host_guard(allowed: Sequence[str], port: int) -> Guard:
    """Refuse with 421 every authority that is not on the list (RFC 9110 7.4).

    On it are the loopback names, and `allowed`: `name` stands for any port, `name:port` for this one. Of the absolute
    form of a target it is the target's authority that counts. `port` is the listener's own.
    """
    names = {name.lower().encode() for name in (*LOOPBACK, *allowed)}
    known = frozenset(names | {name + b":%d" % port for name in names})

    def guard(request: Request) -> Response | None:
        authority = request.authority
        if authority in known or _listed(authority.lower(), names):
            return None
        return problem(
            421,
            f"This server does not answer for the host {_shown(authority)}; "
            "if it should, start it with --allowed-host and that name.",
        )

    return guard


def _listed(authority: bytes, names: set[bytes]) -> bool:
    """Whether this lower-case authority, or its host for any port, is among the names."""
    host, colon, port = authority.rpartition(b":")
    if colon and not host.endswith(b":") and (not port or port.isdigit()):
        return authority in names or host in names
    return authority in names


def _shown(name: bytes) -> str:
    text = name[:MAX_SHOWN].decode("ascii", "backslashreplace")
    return f"'{text}…'" if len(name) > MAX_SHOWN else f"'{text}'"


class Origins:
    """The origins whose pages may call: of the loopback and allowed hosts, and `allowed` (origins or URLs)."""

    def __init__(self, allowed: Sequence[str] = (), hosts: Sequence[str] = ()) -> None:
        self._hosts = {host.lower().encode() for host in (*LOOPBACK, *hosts)}
        self._origins = frozenset(_origin(url) for url in allowed)

    def allows(self, origin: bytes) -> bool:
        """Whether this value of an Origin field is one allowed origin; a list, or `null`, is not (RFC 6454 7)."""
        lower = origin.lower()
        if lower in self._origins:
            return True
        scheme, separator, authority = lower.partition(b"://")
        return bool(separator) and scheme in {b"http", b"https"} and _listed(authority, self._hosts)


def _origin(url: str) -> bytes:
    """Scheme and authority of an URL, as a browser sends them: lower case, without the scheme's default port."""
    scheme, separator, rest = url.lower().partition("://")
    if not separator or scheme not in {"http", "https"} or not rest:
        raise ValueError(f"'{url}' is no origin: write it as https://name or https://name:port")
    default = ":80" if scheme == "http" else ":443"
    return f"{scheme}://{rest.partition('/')[0].removesuffix(default)}".encode()


def origin_guard(origins: Origins) -> Guard:
    """Refuse with 403 a request whose Origin is present and not allowed; programs that are no browsers send none."""

    def guard(request: Request) -> Response | None:
        origin = request.headers.get(b"origin")
        if origin is None or origins.allows(origin):
            return None
        return problem(
            403,
            f"Pages of the origin {_shown(origin)} may not call this server; "
            "if they should, start it with --allowed-origin and that origin,"
            " or --allowed-host or --public-url and its name.",
        )

    return guard


class Cors:
    """What a browser must be told before a page of an allowed origin may read our answers (WHATWG Fetch 3.2)."""

    def __init__(self, origins: Origins, expose: Sequence[str] = ()) -> None:
        self._origins = origins
        self._expose = ", ".join(expose).encode()

    def headers(self, request: Request) -> Fields:
        """The fields to add to the answer of this request; none when it came from no page, or from a foreign one."""
        origin = request.headers.get(b"origin")
        if origin is None or not self._origins.allows(origin):
            return ()
        fields: Fields = ((b"Access-Control-Allow-Origin", origin), (b"Vary", b"Origin"))
        return (*fields, (b"Access-Control-Expose-Headers", self._expose)) if self._expose else fields

    def preflight(self, request: Request, allow: bytes) -> Response | None:
        """The answer to a preflight, or None when the request is none. The fields asked for are granted by name:

        what they mean is checked when they come, and `*` would leave out Authorization.
        """
        if b"origin" not in request.headers or b"access-control-request-method" not in request.headers:
            return None
        fields: Fields = (
            (b"Allow", allow),
            (b"Access-Control-Allow-Methods", allow),
            (b"Access-Control-Max-Age", MAX_AGE),
        )
        asked = request.headers.get(b"access-control-request-headers")
        return Response(204, headers=(*fields, (b"Access-Control-Allow-Headers", asked)) if asked else fields)
