"""The MCP client: both eras, over HTTP and over a child's standard streams; and the bridge from pipes to HTTP.

The bridge loads on first use (PEP 562): a command that calls one tool starts 15 ms earlier without it.
"""

from typing import TYPE_CHECKING, Any

from erlmcp.client.address import Address
from erlmcp.client.call import LogMessage, Progress
from erlmcp.client.client import Client
from erlmcp.client.eras import Server
from erlmcp.client.errors import (
    ClientError,
    ConnectionFailed,
    Garbled,
    HttpError,
    InputNeeded,
    RpcError,
    SessionLost,
    TaskCancelled,
    TimedOut,
    ToolFailed,
)
from erlmcp.client.fetch import Fetch, Fields, HttpReply
from erlmcp.client.inputs import Answer, Elicitation, Root, Sampling
from erlmcp.client.network import Network
from erlmcp.client.opening import MODES
from erlmcp.client.options import ClientOptions
from erlmcp.client.results import (
    Audio,
    Completion,
    Content,
    Contents,
    EmbeddedResource,
    Image,
    OtherContent,
    Prompt,
    PromptArgument,
    PromptMessage,
    PromptResult,
    Resource,
    ResourceLink,
    ResourceResult,
    ResourceTemplate,
    ServerInfo,
    Text,
    Tool,
    ToolResult,
)
from erlmcp.client.stdio import Stdio, StdioTransport
from erlmcp.client.streamable import Streamable
from erlmcp.client.subscription import Change, Subscription
from erlmcp.client.tasks import TaskState, ToolTask
from erlmcp.client.transport import Transport

if TYPE_CHECKING:
    from erlmcp.client.bridge import UNREACHABLE, Bridge

__all__ = [
    "MODES",
    "UNREACHABLE",
    "Address",
    "Answer",
    "Audio",
    "Bridge",
    "Change",
    "Client",
    "ClientError",
    "ClientOptions",
    "Completion",
    "ConnectionFailed",
    "Content",
    "Contents",
    "Elicitation",
    "EmbeddedResource",
    "Fetch",
    "Fields",
    "Garbled",
    "HttpError",
    "HttpReply",
    "Image",
    "InputNeeded",
    "LogMessage",
    "Network",
    "OtherContent",
    "Progress",
    "Prompt",
    "PromptArgument",
    "PromptMessage",
    "PromptResult",
    "Resource",
    "ResourceLink",
    "ResourceResult",
    "ResourceTemplate",
    "Root",
    "RpcError",
    "Sampling",
    "Server",
    "ServerInfo",
    "SessionLost",
    "Stdio",
    "StdioTransport",
    "Streamable",
    "Subscription",
    "TaskCancelled",
    "TaskState",
    "Text",
    "TimedOut",
    "Tool",
    "ToolFailed",
    "ToolResult",
    "ToolTask",
    "Transport",
]


def __getattr__(name: str) -> Any:
    if name in {"Bridge", "UNREACHABLE"}:
        from erlmcp.client import bridge  # noqa: PLC0415 - the point of PEP 562

        return getattr(bridge, name)
    raise AttributeError(f"module 'erlmcp.client' has no attribute {name!r}")
