"""What goes wrong, as the answer that the peer gets: its own fault on the wire, and a handler's or ours behind it."""

import logging
from typing import Final

import msgspec

from erlmcp.http.message import Request, Response, problem

__all__ = ["Refusal", "crash", "refuse"]

LOG: Final = logging.getLogger("erlmcp.http")
_CRASH: Final = problem(500, "The server failed on this request; its log says why.")


class Refusal(msgspec.Struct, frozen=True):
    """The peer broke the protocol or a limit: one last answer, then the connection closes."""

    response: Response
    method: bytes = b""


def refuse(status: int, reason: str) -> Refusal:
    """The refusal with this status; `reason` is one plain sentence."""
    return Refusal(problem(status, reason, close=True))


def crash(request: Request | None, error: BaseException) -> Response:
    """Our bug, or a handler's: told to the log once, with its traceback, and to the peer without details."""
    where = f"{request.method.decode()} {request.path.decode()}" if request is not None else "no request"
    LOG.error("the handler of %s failed", where, exc_info=error)
    return _CRASH
