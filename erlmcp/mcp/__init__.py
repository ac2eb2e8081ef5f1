"""The Model Context Protocol: App, the one public API, and both eras of the protocol behind it."""

from erlmcp.mcp.app import App
from erlmcp.mcp.backplane import Backplane, Bus, LocalBus
from erlmcp.mcp.completion import Completion
from erlmcp.mcp.content import Annotations, Audio, Embedded, Icon, Image, Link, Message, Text
from erlmcp.mcp.context import Context, Facts, Sink
from erlmcp.mcp.depends import Depends
from erlmcp.mcp.methods import METHODS
from erlmcp.mcp.options import Options
from erlmcp.mcp.stdio import Conversation, Way
from erlmcp.mcp.streamable import Endpoint, Observer
from erlmcp.mcp.threads import Overloaded
from erlmcp.mcp.tool import ToolAnnotations
from erlmcp.mcp.tool_error import ResourceNotFound, ToolError

__all__ = [
    "METHODS",
    "Annotations",
    "App",
    "Audio",
    "Backplane",
    "Bus",
    "Completion",
    "Context",
    "Conversation",
    "Depends",
    "Embedded",
    "Endpoint",
    "Facts",
    "Icon",
    "Image",
    "Link",
    "LocalBus",
    "Message",
    "Observer",
    "Options",
    "Overloaded",
    "ResourceNotFound",
    "Sink",
    "Text",
    "ToolAnnotations",
    "ToolError",
    "Way",
]
