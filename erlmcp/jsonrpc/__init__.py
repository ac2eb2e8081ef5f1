"""JSON-RPC 2.0: bytes to messages and back. It has never heard of HTTP or MCP."""

from erlmcp.jsonrpc.batch import Batch
from erlmcp.jsonrpc.codec import (
    decode,
    encode_error,
    encode_notification,
    encode_request,
    encode_result,
    event,
    split_batch,
)
from erlmcp.jsonrpc.errors import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    RpcError,
)
from erlmcp.jsonrpc.message import Notification, Reply, Request

__all__ = [
    "INTERNAL_ERROR",
    "INVALID_PARAMS",
    "INVALID_REQUEST",
    "METHOD_NOT_FOUND",
    "PARSE_ERROR",
    "Batch",
    "Notification",
    "Reply",
    "Request",
    "RpcError",
    "decode",
    "encode_error",
    "encode_notification",
    "encode_request",
    "encode_result",
    "event",
    "split_batch",
]
