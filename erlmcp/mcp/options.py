"""What an operator may set about the protocol: the `[mcp]` section of the configuration, with defaults and reasons."""

from typing import Annotated

import msgspec
from msgspec import Meta

from erlmcp.mcp.limits import MAX_CONCURRENCY, Limit, rate_of

__all__ = ["Options"]


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits and habits of one worker's MCP endpoint. Times are seconds, sizes are bytes or counts."""

    page_size: int = 100
    """Entries on one page of tools, resources, templates or prompts; a model's client reads all pages anyway."""

    tool_timeout: float = 60.0
    """How long a tool may work, unless it says otherwise. The official clients give up after 60 s as well."""

    tool_rate_limit: str = ""
    """How often each caller may call each tool that does not say itself, like 10/s or 100/min; empty: as often as there
    is room. Until there is access control all callers are one, so a default would hold up everybody for anybody."""

    tool_max_concurrency: Annotated[int, Meta(ge=0, le=MAX_CONCURRENCY)] = 0
    """How many calls of each tool that does not say itself may be under way on the node; 0: as many as there is room
    for. One more is refused with 503 and Retry-After."""

    threads: int = 16
    """Threads of the bounded pool that sync functions run in."""

    thread_queue: int = 256
    """Calls that may wait for a thread; the next one is refused with 503 and Retry-After."""

    max_calls: int = 1000
    """Calls in flight in one worker; the next one is refused with 503 and Retry-After."""

    keep_alive: float = 15.0
    """Silence after which a stream gets a comment line, and after which an open answer becomes a stream.
    Proxies commonly cut at 60 s; undici, under the TypeScript clients, aborts a silent body at 300 s."""

    stream_buffer: int = 64 * 1024
    """Bytes of notifications that may wait for a slow reader before their sender has to wait, too. At four times as
    many, what a sender that does not wait adds is dropped."""

    max_subscriptions: int = 2000
    """Streams of `subscriptions/listen` that are open in one worker; the next is refused with 503 and Retry-After.
    An idle one costs about 11 KiB, and a connection of `http.max_connections`."""

    max_subscribed: int = 1000
    """URIs that one `subscriptions/listen` may list; a client opens a second stream for more."""

    max_depth: Annotated[int, Meta(le=512)] = 64
    """Nesting of a JSON body, checked before it is decoded: decoders recurse."""

    input_ttl: float = 600.0
    """How long a client may take to answer what it is asked: until then it can come back with `requestState`. Long
    enough for a person, short enough that a stolen one is soon worthless; the official SDKs have the same."""

    max_inputs: int = 16
    """Questions that a function may ask at once. Far more than a person answers."""

    max_request_state: int = 64 * 1024
    """Bytes of answers and of `Context.state` that a client carries from round to round."""

    key_rotation_days: Annotated[int, Meta(ge=1, le=3650)] = 7
    """Days until another key seals what clients carry for us; the ones before it open for 30 days more. A key is good
    for 2**32 tokens of a kind (NIST SP 800-38D §8.3): in a week, 7,000 each second."""

    task_timeout: float = 3600.0
    """How long a tool may work as a task, unless it says otherwise, waiting for answers included."""

    task_keep: float = 3600.0
    """How long a task is kept beyond its timeout: at least so long its result can be had."""

    task_poll: float = 1.0
    """What clients are told to leave between two looks at a task."""

    task_lease: float = 10.0
    """How long a worker may be silent before the tasks that it runs are taken from it. A living one speaks up four
    times as often, and a killed one is noticed within one and a half of it."""

    max_tasks: int = 1000
    """Tasks that run in one worker; the call that would make one more is refused with 503 and Retry-After."""

    max_stored_tasks: int = 20_000
    """Tasks that are kept for the whole node, running or done; the next one is refused as above."""

    max_principal_tasks: int = 10_000
    """The same for those of one principal."""

    max_task_result: int = 1024 * 1024
    """Bytes of a task's result; a larger one fails it, and says so."""

    strict_initialize: bool = False
    """Refuse an `initialize` that names no protocol version. Lenient: it gets the newest version with a handshake."""

    max_sessions: int = 10_000
    """Sessions of clients before 2026-07-28 that a node keeps. One more makes the longest unused one end, or is refused
    with 503 while all were in use within the last minute."""

    session_idle: float = 1800.0
    """Seconds without use after which a session ends. Clients open a new one then; the official SDKs wait as long."""

    ask_timeout: float = 300.0
    """Seconds that a client before 2026-07-28 may take to answer a request of ours: a person may have to decide."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if type(value) in {int, float} and value <= 0 and name != "tool_max_concurrency":
                raise ValueError(f"{name} must be greater than 0, not {value}")
        try:
            rate_of(self.tool_rate_limit)
        except ValueError as fault:
            raise ValueError(f"tool_rate_limit: {fault}") from fault

    @property
    def tool_limit(self) -> Limit:
        """What each tool bears that does not say itself."""
        return Limit(rate_of(self.tool_rate_limit), self.tool_max_concurrency or None)
