"""What can go wrong for a client, as exceptions whose text is one line for a person: what, where, what to do."""

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from erlmcp.client.results import ToolResult

__all__ = [
    "HEADER_MISMATCH",
    "METHOD_NOT_FOUND",
    "MISSING_CAPABILITY",
    "UNSUPPORTED_VERSION",
    "ClientError",
    "ConnectionFailed",
    "Garbled",
    "HttpError",
    "InputNeeded",
    "RpcError",
    "SessionLost",
    "TaskCancelled",
    "TimedOut",
    "ToolFailed",
]

METHOD_NOT_FOUND: Final = -32601
HEADER_MISMATCH: Final = -32020
MISSING_CAPABILITY: Final = -32021
UNSUPPORTED_VERSION: Final = -32022


class ClientError(Exception):
    """Everything that a client raises because of its server."""


class ConnectionFailed(ClientError):
    """No server answers, or the connection to it broke.

    `sent`: whether the request may have reached the server, and so may have been carried out. `begun`: whether a part
    of the answer was there.
    """

    def __init__(self, message: str, *, sent: bool, begun: bool = False) -> None:
        super().__init__(message)
        self.sent: Final = sent
        self.begun: Final = begun


class TimedOut(ClientError, TimeoutError):
    """The server did not answer in time; the request was cancelled, and may have been carried out."""


class Garbled(ClientError):
    """The server broke the protocol: what it sent is no answer."""


class HttpError(ClientError):
    """An HTTP status instead of an answer. `retry_after`: seconds that the server asks to wait; None: it does not say.

    `location`: where it says that the endpoint is instead, for a redirect; none is followed.
    """

    def __init__(
        self, status: int, message: str, *, retry_after: float | None = None, location: str | None = None
    ) -> None:
        super().__init__(message)
        self.status: Final = status
        self.retry_after: Final = retry_after
        self.location: Final = location


class SessionLost(HttpError):
    """The server does not know the session any more (404): a new one must be opened (2025-11-25, Transports)."""


class RpcError(ClientError):
    """A JSON-RPC error. `data` is decoded JSON, None when absent; `status` the HTTP status, 0 over stdio."""

    def __init__(self, code: int, message: str, data: Any = None, status: int = 0) -> None:
        super().__init__(f"{message} ({code})")
        self.code: Final = code
        self.message: Final = message
        self.data: Final = data
        self.status: Final = status


class ToolFailed(ClientError):
    """A tool's no: a result with `isError`. `result` is the whole of it, the message its text."""

    def __init__(self, tool: str, result: "ToolResult") -> None:
        super().__init__(f"tool {tool}: {result.text or 'it says no, and does not say why'}")
        self.tool: Final = tool
        self.result: Final = result


class InputNeeded(ClientError):
    """The server asks for something that this client has no handler for, or asks it without end."""


class TaskCancelled(ClientError):
    """The task was cancelled before it had a result."""
