"""The error codes of JSON-RPC 2.0 (section 5.1), and the exception that carries one to where it is encoded."""

from typing import Final

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603


class RpcError(Exception):
    """A JSON-RPC error on its way to the peer: wire plane, nobody's crash.

    `message` is one plain sentence, `data` the raw JSON text of the optional data member, `id` the raw JSON text of the
    request's id where it could be read.
    """

    def __init__(
        self,
        code: int,
        message: str,
        data: bytes | None = None,
        id: bytes | None = None,  # noqa: A002 - JSON-RPC's word
    ) -> None:
        super().__init__(code, message, data, id)
        self.code = code
        self.message = message
        self.data = data
        self.id = id

    def __str__(self) -> str:
        return f"{self.code} {self.message}"
