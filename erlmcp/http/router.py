"""Which handler answers which path: exact and prefix routes; 404, 405 with Allow, HEAD from GET, OPTIONS by itself.

Paths are compared as the bytes that were sent: nothing is percent-decoded, no dot segment is resolved, so no spelling
of a path reaches a handler that the exact bytes do not reach.
"""

from collections.abc import Awaitable, Sequence

import msgspec

from erlmcp._speedups import METHODS
from erlmcp.http.guards import Cors, Guard
from erlmcp.http.message import Handler, Request, Response, Stream, problem

__all__ = ["Route", "Router"]

NOTHING_HERE = "There is nothing at this path."
_NOT_IMPLEMENTED = problem(501, "This server does not know this method.")


class Route(msgspec.Struct, frozen=True):
    """One path, the methods it answers and what guards them. Guards run in order, the first answer wins."""

    path: bytes
    handler: Handler
    methods: tuple[bytes, ...] = (b"GET",)
    guards: tuple[Guard, ...] = ()
    prefix: bool = False
    """Also everything below: `/static` answers `/static/a/b`, not `/statics`."""
    name: str = ""
    """The label in metrics and logs; the path when empty."""
    cors: Cors | None = None


class Router:
    """An immutable table of routes. The longest prefix wins; an exact path wins over every prefix.

    `not_found`: what is said at every other path; a sentence that says where to go instead.
    """

    def __init__(self, routes: Sequence[Route], not_found: str = NOTHING_HERE) -> None:
        self._not_found = problem(404, not_found)
        self._exact: dict[bytes, dict[bytes, Route]] = {}
        prefixes: dict[bytes, dict[bytes, Route]] = {}
        for route in routes:
            table = prefixes if route.prefix else self._exact
            _add(table.setdefault(route.path, {}), _named(route))
        for methods in (*self._exact.values(), *prefixes.values()):
            _complete(methods)
            for method, route in methods.items():
                methods[method] = _guarded(route)
        self._prefixes = sorted(prefixes.items(), key=lambda item: -len(item[0]))
        self._known = frozenset(METHODS)
        allow = b", ".join(
            sorted({method for methods in self._exact.values() for method in methods if method in self._known})
        )
        self._options = Response(204, headers=((b"Allow", allow or b"OPTIONS"),))

    def match(self, request: Request) -> tuple[Route, None] | tuple[None, Response]:
        """The route that answers, its guards before its handler; or the refusal: 404 for an unknown path, 501 for an
        unknown method.

        A known path with a method it does not serve gives a route that answers 405 behind the same guards, so that a
        foreign Origin learns nothing from the method (guards first).
        """
        methods = self._exact.get(request.path) or self._below(request.path)
        if methods is not None:
            route = methods.get(request.method)
            if route is not None:
                return route, None
            if request.method in self._known:
                return methods[b""], None
        elif request.path == b"*":
            return None, self._options
        return None, self._not_found if request.method in self._known else _NOT_IMPLEMENTED

    def _below(self, path: bytes) -> dict[bytes, Route] | None:
        for prefix, methods in self._prefixes:
            if path.startswith(prefix) and (
                len(path) == len(prefix) or prefix.endswith(b"/") or path[len(prefix)] == 0x2F
            ):
                return methods
        return None


def _named(route: Route) -> Route:
    return route if route.name else msgspec.structs.replace(route, name=route.path.decode("ascii"))


def _add(methods: dict[bytes, Route], route: Route) -> None:
    for method in route.methods:
        if method in methods:
            raise ValueError(
                f"two routes answer {method.decode()} {route.path.decode()}: give one of them another path"
            )
        methods[method] = route


def _complete(methods: dict[bytes, Route]) -> None:
    """Give a path HEAD from its GET, an answer to OPTIONS, and one (under the empty name) to every other method."""
    if b"GET" in methods:
        methods.setdefault(b"HEAD", methods[b"GET"])
    first = next(iter(methods.values()))
    allow = b", ".join(sorted({*methods, b"OPTIONS"}))
    refusal = problem(405, "This path does not serve this method; Allow names those it does.", ((b"Allow", allow),))
    if b"OPTIONS" not in methods:
        answer = Response(204, headers=((b"Allow", allow),))
        methods[b"OPTIONS"] = msgspec.structs.replace(first, handler=_options(answer, first.cors, allow))
    methods[b""] = msgspec.structs.replace(first, handler=lambda _request: refusal)


def _guarded(route: Route) -> Route:
    """The same, with a handler that asks the guards first."""
    guards, handler = route.guards, route.handler
    if not guards:
        return route

    def guarded(request: Request) -> Response | Awaitable[Response | Stream]:
        for guard in guards:
            refusal = guard(request)
            if refusal is not None:
                return refusal
        return handler(request)

    return msgspec.structs.replace(route, handler=guarded)


def _options(answer: Response, cors: Cors | None, allow: bytes) -> Handler:
    def options(request: Request) -> Response:
        preflight = cors.preflight(request, allow) if cors is not None else None
        return preflight or answer

    return options
