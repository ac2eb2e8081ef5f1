"""What the peer can do wrong on the wire, as the answer it gets. Handlers' errors are not known here."""

import msgspec

from erlmcp.http.message import Response, problem

__all__ = ["Refusal", "refuse"]


class Refusal(msgspec.Struct, frozen=True):
    """The peer broke the protocol or a limit: one last answer, then the connection closes."""

    response: Response
    method: bytes = b""


def refuse(status: int, reason: str) -> Refusal:
    """The refusal with this status; `reason` is one plain sentence."""
    return Refusal(problem(status, reason, close=True))
