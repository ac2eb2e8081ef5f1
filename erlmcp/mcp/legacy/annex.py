"""The door of the revisions before 2026-07-28: POST with or without a session, GET and DELETE of a session.

A session is an offer: who does not take its id up is served without, as far as one message goes. What is performed, and
how it is counted and watched, is the host's business.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, Protocol, TypeAlias

from msgspec.structs import replace

from erlmcp.http import Request, Response
from erlmcp.http import Stream as HttpStream
from erlmcp.jsonrpc import (
    INVALID_REQUEST,
    Notification,
    Reply,
    RpcError,
    decode,
    encode_error,
    split_batch,
)
from erlmcp.jsonrpc import Request as RpcRequest
from erlmcp.mcp.admit import check_version
from erlmcp.mcp.backplane import Backplane
from erlmcp.mcp.call import Call, Members, Surface
from erlmcp.mcp.cancellation import CANCELLED, cancelled_request
from erlmcp.mcp.dispatch import Failure
from erlmcp.mcp.facts import LOCAL
from erlmcp.mcp.late import Answered
from erlmcp.mcp.legacy.admission import admit, version_of
from erlmcp.mcp.legacy.backchannel import Backchannel, CallStreams, OfferedStream
from erlmcp.mcp.legacy.batch import BATCHES, MAX_BATCH, Batch
from erlmcp.mcp.legacy.calls import Calls
from erlmcp.mcp.legacy.events import EventLimits, MemoryEvents
from erlmcp.mcp.legacy.handshake import agreed_version
from erlmcp.mcp.legacy.session import Agreement, client_capabilities, client_info
from erlmcp.mcp.legacy.sessions import Session, Sessions
from erlmcp.mcp.legacy.standalone import Conflict, Gone, Room, Streams
from erlmcp.mcp.legacy.store import MemorySessions, SessionsFull, StoreAway
from erlmcp.mcp.legacy.stream import Home
from erlmcp.mcp.options import Options
from erlmcp.mcp.reply import STREAM_HEADERS, refuse
from erlmcp.mcp.sink import Sink
from erlmcp.mcp.stream import EventStream
from erlmcp.mcp.threads import Overloaded
from erlmcp.mcp.versions import HANDSHAKE

__all__ = ["Annex", "Host", "furnish"]

Answer: TypeAlias = Response | Answered

ACCEPTED: Final = Response(202, b"", b"")
ONLY_POST: Final = ((b"allow", b"POST"),)


def _say(status: int, message: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Response:
    return Response(status, encode_error(None, RpcError(INVALID_REQUEST, message)), headers=headers)


UNKNOWN: Final = _say(404, "Session not found: it has ended, or is none of this server; initialize anew")
NO_SESSION: Final = _say(405, "Without Mcp-Session-Id there is nothing here to GET or DELETE; POST messages", ONLY_POST)
MODERN: Final = _say(405, "This version of MCP has no sessions and no GET stream; POST each request", ONLY_POST)
NOT_ACCEPTABLE: Final = _say(406, "Accept must list text/event-stream")
CONFLICT: Final = _say(409, "The session has its GET stream open already; a session has one")
GONE: Final = _say(400, "Nothing is known of the stream of this Last-Event-ID; it is too old, or of another session")


class Host(Protocol):
    """Who performs what is admitted."""

    def perform(self, call: Call, started: float) -> Answer: ...
    def perform_on(self, call: Call, offered: OfferedStream, started: float) -> Answer: ...
    def outcome(self, call: Call, sink: Sink) -> Members | Failure: ...
    def begun(self, call: Call) -> None: ...
    def done(self, call: Call, started: float, outcome: bytes | Failure | None) -> None: ...
    def refused(self, method: str, error: RpcError, started: float) -> None: ...


def furnish(backplane: Backplane, options: Options) -> None:
    """Give a process that is alone the stores that a node shares."""
    if backplane.sessions is None:
        backplane.sessions = MemorySessions(backplane.bus, options)
    if backplane.events is None:
        backplane.events = MemoryEvents(backplane.bus, EventLimits())


class Annex:
    """One endpoint's. `backplane` is furnished."""

    def __init__(self, host: Host, surfaces: Mapping[str, Surface], options: Options, backplane: Backplane) -> None:
        if backplane.sessions is None or backplane.events is None:
            raise ValueError("the backplane has no stores for sessions: furnish it")
        self._host, self._surfaces, self._options = host, surfaces, options
        self._events = backplane.events
        self.sessions: Final = Sessions(backplane.sessions, backplane.sealer, backplane.bus, options.session_idle)
        self._calls = Calls(backplane.bus)
        self._backchannel = Backchannel(backplane.bus, options.ask_timeout)
        home = Home(self._events, backplane.bus.address, options.stream_buffer, options.keep_alive)
        self._call_streams = CallStreams(home, self._backchannel, self._calls)
        room = Room(options.stream_buffer, options.keep_alive)
        self.streams: Final = Streams(backplane, self._events, self._calls, self.sessions, room)

    def post(self, request: Request, started: float) -> Answer:
        """Messages. A future belongs to the running loop."""
        session_id = request.headers.get(b"mcp-session-id")
        if session_id is None:
            return self._serve(request, None, started)
        session = self.sessions.known(session_id, LOCAL)
        if session is not None:
            return self._serve(request, session, started)
        agreement = self.sessions.unseal(session_id, LOCAL)
        if agreement is None:
            return UNKNOWN
        return asyncio.ensure_future(self._serve_found(request, agreement, started))

    def other(self, request: Request) -> Answer:
        """GET, HEAD and DELETE."""
        version = request.headers.get(b"mcp-protocol-version")
        if version is not None and version not in HANDSHAKE:
            unknown = check_version(version)
            return MODERN if unknown is None else refuse(None, Failure(unknown), modern=True)
        session_id = request.headers.get(b"mcp-session-id")
        if session_id is None or request.method == b"HEAD":
            return NO_SESSION
        agreement = self.sessions.unseal(session_id, LOCAL)
        if agreement is None:
            return UNKNOWN
        if request.method == b"DELETE":
            return asyncio.ensure_future(self._end(session_id, agreement))
        if not accepts_events(request.headers.get(b"accept", b"*/*")):
            return NOT_ACCEPTABLE
        return asyncio.ensure_future(self._listen(session_id, agreement, request.headers.get(b"last-event-id")))

    def drain(self) -> None:
        """Let who listens go to another worker; calls finish."""
        self.sessions.flush()
        self.streams.drain()

    # POST

    async def _serve_found(self, request: Request, agreement: Agreement, started: float) -> Response | HttpStream:
        try:
            session = await self.sessions.find(request.headers[b"mcp-session-id"], agreement, LOCAL)
        except StoreAway as away:
            return _unavailable(away)
        if session is None:
            return UNKNOWN
        answer = self._serve(request, session, started)
        return answer if isinstance(answer, Response) else await answer

    def _serve(self, request: Request, session: Session | None, started: float) -> Answer:
        body, depth = request.body, self._options.max_depth
        method, id_ = "", None
        try:
            message = decode(body, depth) if session is None else decode(body, depth, True)
            if not isinstance(message, RpcRequest):
                return self._take(message, session)
            id_, method = message.id, message.method
            call = admit(message, request.headers, self._surfaces, None if method == "initialize" else session)
        except RpcError as error:
            if error.code == INVALID_REQUEST and body.lstrip().startswith(b"["):
                return self._batch(request, session, error, started)
            self._host.refused(method, error, started)
            return refuse(error.id if id_ is None else id_, Failure(error), modern=False)
        if method == "initialize":
            return asyncio.ensure_future(self._initialize(call, started))
        if session is None:
            return self._host.perform(call, started)
        offered = OfferedStream(self._call_streams, session, call.facts.id)
        if request.headers.get(b"accept", b"").startswith(b"text/event-stream"):
            offered.stream.commit()  # it would rather have a stream, which it can resume
        return self._host.perform_on(call, offered, started)

    def _take(self, message: Notification | Reply, session: Session | None) -> Response:
        """What gets no answer. Without a session there is nothing that it could be about."""
        if session is not None:
            if isinstance(message, Reply):
                self._backchannel.route(session.key, message)
            elif message.method == CANCELLED:
                self._cancel(session, message.params)
        return ACCEPTED

    def _cancel(self, session: Session, params: bytes) -> None:
        request = cancelled_request(params)
        if request:
            self._calls.cancel(session, request)

    async def _initialize(self, call: Call, started: float) -> Response | HttpStream:
        params = call.params
        headers: tuple[tuple[bytes, bytes], ...] = ()
        try:
            version = agreed_version(params, strict=self._options.strict_initialize)
            capabilities, client = client_capabilities(params.capabilities), client_info(params.client_info)
            session_id = await self.sessions.open(version, capabilities, client, LOCAL)
            headers = ((b"mcp-session-id", session_id.encode()),)
        except SessionsFull as full:
            failure = Failure(RpcError(503, f"Overloaded: {full.message}"), max(1, int(full.retry_after)))
            self._host.refused(call.method.name, failure.error, started)
            return refuse(call.facts.id, failure, modern=False)
        except (RpcError, StoreAway):
            pass  # its handler says what is wrong; and while no session can be kept, the client is served without one
        answer = self._host.perform(call, started)
        answered = answer if isinstance(answer, Response) else await answer
        return replace(answered, headers=(*answered.headers, *headers))

    # Batches

    def _batch(self, request: Request, session: Session | None, error: RpcError, started: float) -> Answer:
        version = version_of(request.headers) if session is None else session.version
        try:
            if version != BATCHES:
                raise error
            messages = split_batch(request.body, self._options.max_depth) or []
            if not 0 < len(messages) <= MAX_BATCH:
                raise RpcError(INVALID_REQUEST, f"a batch has 1 to {MAX_BATCH} messages, not {len(messages)}")
        except RpcError as fault:
            self._host.refused("", fault, started)
            return refuse(None, Failure(fault), modern=False)
        stream = (
            EventStream(self._options.stream_buffer, self._options.keep_alive)
            if session is None
            else self._call_streams.make(session, b"")
        )
        batch = Batch(stream)
        for each in messages:
            self._add(batch, each, request.headers, session, stream, started)
        return batch.answer()

    def _add(
        self,
        batch: Batch,
        body: bytes,
        headers: Mapping[bytes, bytes],
        session: Session | None,
        stream: EventStream,
        started: float,
    ) -> None:
        id_, method = None, ""
        try:
            message = decode(body, self._options.max_depth, True)
            if not isinstance(message, RpcRequest):
                self._take(message, session)
                return
            id_, method = message.id, message.method
            if method == "initialize":
                raise RpcError(INVALID_REQUEST, "initialize must not be part of a batch")
            call = admit(message, headers, self._surfaces, session)
        except RpcError as error:
            self._host.refused(method, error, started)
            batch.refused(encode_error(error.id if id_ is None else id_, error))
            return
        self._host.begun(call)
        outcome = self._host.outcome(call, stream)
        part = batch.add(call, outcome, lambda call, outcome: self._host.done(call, started, outcome))
        if part is not None and session is not None:
            self._calls.begin(session, part, part.work)

    # GET and DELETE

    async def _end(self, session_id: bytes, agreement: Agreement) -> Response | HttpStream:
        try:
            session = await self.sessions.find(session_id, agreement, LOCAL)
            if session is None:
                return UNKNOWN
            await self.sessions.end(session)
        except StoreAway as away:
            return _unavailable(away)
        self._events.forget(session.key)
        return Response(200, b"", b"")

    async def _listen(self, session_id: bytes, agreement: Agreement, last: bytes | None) -> Response | HttpStream:
        try:
            session = self.sessions.known(session_id, LOCAL)
            if session is None:
                session = await self.sessions.find(session_id, agreement, LOCAL)
            if session is None:
                return UNKNOWN
            stream = await self.streams.open(session, last)
        except StoreAway as away:
            return _unavailable(away)
        except Conflict:
            return CONFLICT
        except Gone:
            return GONE
        return HttpStream(stream, headers=STREAM_HEADERS)


def accepts_events(accept: bytes) -> bool:
    """Whether a client that sends this Accept takes an event stream."""
    return any(each in accept.lower() for each in (b"text/event-stream", b"text/*", b"*/*")) or not accept.strip()


def _unavailable(away: Overloaded) -> Response:
    error = RpcError(503, f"Overloaded: {away.message}")
    return refuse(None, Failure(error, max(1, int(away.retry_after))), modern=False)
