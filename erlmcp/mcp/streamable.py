"""The door: one HTTP POST in, a Response or a Stream out. What the older era has beside it is in `legacy`.

A result that is there at once is answered at once, without a task. One that is not there yet is `late`'s.
"""

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from typing import Final, TypeAlias

from erlmcp.http import Request, Response
from erlmcp.jsonrpc import Request as RpcRequest
from erlmcp.jsonrpc import RpcError, decode, encode_result
from erlmcp.mcp import legacy
from erlmcp.mcp.admit import admit, check_version
from erlmcp.mcp.app import App
from erlmcp.mcp.backplane import Backplane
from erlmcp.mcp.call import Call, Members
from erlmcp.mcp.dispatch import Failure, overloaded, perform
from erlmcp.mcp.headers import JSON, USUAL, refuse_media
from erlmcp.mcp.identity import OWN_META
from erlmcp.mcp.late import Answered, LateAnswer
from erlmcp.mcp.methods import surfaces, tail_of_calls
from erlmcp.mcp.observer import Observer, observe, observe_refusal
from erlmcp.mcp.options import Options
from erlmcp.mcp.reply import refuse, respond
from erlmcp.mcp.sink import Sink
from erlmcp.mcp.stream import NO_SINK, EventStream
from erlmcp.mcp.task_runner import TaskRunner
from erlmcp.mcp.versions import HANDSHAKE, MODERN

__all__ = ["Answer", "Endpoint"]

Answer: TypeAlias = Response | Answered

ACCEPTED: Final = Response(202, b"", b"")


class Endpoint:
    """The handler of POST /mcp for one app, and by `other` of GET and DELETE. Guards check Host and Origin before."""

    def __init__(
        self, app: App, options: Options, on_call: Observer | None = None, backplane: Backplane | None = None
    ) -> None:
        self.options: Final = options
        self._max_calls: Final = options.max_calls
        self._max_depth: Final = options.max_depth
        self._backplane: Final = backplane or Backplane()
        app.join(self._backplane.changes)
        self.tasks: Final = TaskRunner(app, options, self._backplane, tail_of_calls(app))
        legacy.furnish(self._backplane, options)
        served = surfaces(app, options, self._backplane, self.tasks)
        self._modern: Final = served[next(iter(MODERN.values()))]
        self._on_call = on_call
        self._in_flight = 0
        self._opened = False
        self._annex: Final = legacy.Annex(self, served, options, self._backplane)

    @property
    def in_flight(self) -> int:
        """Calls whose answer is not there yet."""
        return self._in_flight

    @property
    def listening(self) -> int:
        """Streams of notifications that are open."""
        return self._backplane.changes.listeners

    def open(self) -> None:
        """The process serves, on the running loop."""
        self._opened = True
        self._backplane.changes.open()

    def drain(self) -> None:
        """The process leaves: streams of notifications end, with their results, once all that was told is there."""
        self._backplane.changes.end()
        self._annex.drain()

    def answer(self, body: bytes, headers: dict[bytes, bytes]) -> Answer:
        """The same in memory: the answer to a POST of `body`."""
        return self(Request(b"POST", b"", b"", b"", headers, (), body))

    def __call__(self, request: Request) -> Answer:
        """The answer to a POST. A future belongs to the running loop; cancelling it cancels the work."""
        headers = request.headers
        if (
            headers.get(b"content-type") != JSON or headers.get(b"accept") != USUAL or b"content-encoding" in headers
        ) and (refusal := refuse_media(headers)) is not None:
            return refusal
        started = time.perf_counter()
        version = headers.get(b"mcp-protocol-version")
        if version is None or version in HANDSHAKE:
            return self._annex.post(request, started)
        method, id_ = "", None
        try:
            message = decode(request.body, self._max_depth)
            method = message.method
            if type(message) is not RpcRequest:
                return _acknowledge(headers)
            id_ = message.id
            call = admit(message, headers, request.repeated, self._modern)
        except RpcError as error:
            self.refused(method, error, started)
            return refuse(error.id if id_ is None else id_, Failure(error), modern=True)
        return self.perform(call, started)

    def other(self, request: Request) -> Answer:
        """The answer to GET, HEAD and DELETE, which only the older era has."""
        return self._annex.other(request)

    def perform(self, call: Call, started: float) -> Answer:
        """The answer to an admitted request."""
        method, facts = call.method, call.facts
        asked = method.streams or facts.progress_token is not None or facts.log_level is not None
        stream = self._stream() if asked else None
        if self._in_flight >= self._max_calls and method.bounded:
            outcome: Members | Failure = overloaded(self._in_flight)
        else:
            outcome = perform(call, stream or NO_SINK)
        if stream is None and type(outcome) is bytes and not outcome.startswith(OWN_META):
            # the usual: a plain result, and nothing else to send
            if self._on_call is not None:
                self._on_call(method.name, call.target, "ok", time.perf_counter() - started)
            return Response(200, encode_result(facts.id, outcome, method.tail))
        return self._unusual(call, outcome, stream, started)

    # What follows is what the older era asks for.

    def perform_on(self, call: Call, offered: legacy.OfferedStream, started: float) -> Answer:
        """The same where a session offers the stream."""
        outcome = self.outcome(call, offered)
        if type(outcome) is bytes and offered.empty and not outcome.startswith(OWN_META):
            if self._on_call is not None:
                self._on_call(call.method.name, call.target, "ok", time.perf_counter() - started)
            return Response(200, encode_result(call.facts.id, outcome, call.method.tail))
        return self._unusual(call, outcome, offered.stream, started)

    def outcome(self, call: Call, sink: Sink) -> Members | Failure:
        """What an admitted request comes to. Who lets one run on says so by `begun` and `done`."""
        if self._in_flight >= self._max_calls and call.method.bounded:
            return overloaded(self._in_flight)
        return perform(call, sink)

    def begun(self, call: Call) -> None:
        """A call is in flight."""
        if not self._opened:
            self.open()  # nobody has: an endpoint in memory, whose threads may tell of changes all the same
        self._in_flight += call.method.bounded

    def done(self, call: Call, started: float, outcome: bytes | Failure | None) -> None:
        """It is no more. None: it was cancelled."""
        self._in_flight -= call.method.bounded
        observe(self._on_call, call, outcome, started)

    def refused(self, method: str, error: RpcError, started: float) -> None:
        """A request was not admitted."""
        observe_refusal(self._on_call, method, error, started)

    def _unusual(self, call: Call, outcome: Members | Failure, stream: EventStream | None, started: float) -> Answer:
        if not isinstance(outcome, bytes | Failure):
            return self._wait(call, asyncio.ensure_future(outcome), stream or self._stream(), started)
        observe(self._on_call, call, outcome, started)
        return respond(call, outcome, stream)

    def _wait(self, call: Call, work: asyncio.Future[bytes], stream: EventStream, started: float) -> Answered:
        self.begun(call)
        return LateAnswer(call, work, stream, partial(self.done, call, started)).answered

    def _stream(self) -> EventStream:
        return EventStream(self.options.stream_buffer, self.options.keep_alive)


def _acknowledge(headers: Mapping[bytes, bytes]) -> Response:
    """Notifications are accepted and dropped: 2026-07-28 defines none over HTTP."""
    unknown = check_version(headers.get(b"mcp-protocol-version"))
    if unknown is not None:
        raise unknown
    return ACCEPTED
