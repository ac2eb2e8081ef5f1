"""The Model Context Protocol: App, the one public API, and both eras of the protocol behind it."""

from erlmcp.mcp.app import App
from erlmcp.mcp.backplane import Backplane, Bus, LocalBus
from erlmcp.mcp.completion import Completion
from erlmcp.mcp.content import Annotations, Audio, Embedded, Icon, Image, Link, Message, Text
from erlmcp.mcp.context import Context
from erlmcp.mcp.depends import Depends
from erlmcp.mcp.facts import Facts
from erlmcp.mcp.inputs import Elicit, Elicited, ElicitUrl, Question, Root, Roots
from erlmcp.mcp.limits import Limits, LocalLimits, Rate, RateLimited
from erlmcp.mcp.lint import Finding, Offer, lint, offer_of
from erlmcp.mcp.methods import METHODS
from erlmcp.mcp.middleware import Invocation, Middleware, Proceed, Reply
from erlmcp.mcp.observer import Observer
from erlmcp.mcp.options import Options
from erlmcp.mcp.providers import Given
from erlmcp.mcp.sampling import ModelPreferences, Sample, Sampled, ToolResult, ToolUse
from erlmcp.mcp.seal import KEY_BYTES, FixedRing, KeyRing, Sealer
from erlmcp.mcp.sink import Sink
from erlmcp.mcp.stdio import Conversation, Way
from erlmcp.mcp.streamable import Endpoint
from erlmcp.mcp.task import Adopt, Lose, Task, TaskChange, TaskFault, change_task
from erlmcp.mcp.task_store import (
    TASK_TOPIC,
    LocalTasks,
    TaskSignal,
    TaskStore,
    encode_signal,
    refuse_more_tasks,
    task_for,
)
from erlmcp.mcp.threads import Overloaded
from erlmcp.mcp.tool import ToolAnnotations
from erlmcp.mcp.tool_error import ResourceNotFound, ToolError
from erlmcp.mcp.trace import Trace
from erlmcp.mcp.views import Csp

__all__ = [
    "KEY_BYTES",
    "METHODS",
    "TASK_TOPIC",
    "Adopt",
    "Annotations",
    "App",
    "Audio",
    "Backplane",
    "Bus",
    "Completion",
    "Context",
    "Conversation",
    "Csp",
    "Depends",
    "Elicit",
    "ElicitUrl",
    "Elicited",
    "Embedded",
    "Endpoint",
    "Facts",
    "Finding",
    "FixedRing",
    "Given",
    "Icon",
    "Image",
    "Invocation",
    "KeyRing",
    "Limits",
    "Link",
    "LocalBus",
    "LocalLimits",
    "LocalTasks",
    "Lose",
    "Message",
    "Middleware",
    "ModelPreferences",
    "Observer",
    "Offer",
    "Options",
    "Overloaded",
    "Proceed",
    "Question",
    "Rate",
    "RateLimited",
    "Reply",
    "ResourceNotFound",
    "Root",
    "Roots",
    "Sample",
    "Sampled",
    "Sealer",
    "Sink",
    "Task",
    "TaskChange",
    "TaskFault",
    "TaskSignal",
    "TaskStore",
    "Text",
    "ToolAnnotations",
    "ToolError",
    "ToolResult",
    "ToolUse",
    "Trace",
    "Way",
    "change_task",
    "encode_signal",
    "lint",
    "offer_of",
    "refuse_more_tasks",
    "task_for",
]
