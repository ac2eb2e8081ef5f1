"""An answer that is not there yet: JSON if it comes in time, else a stream of events that it will end.

In time is before the first notification and before the first keep-alive is due: only until then can an error have an
HTTP status. What becomes of the work when the peer goes away is the stream's to say: it is cancelled, but where a
session is there to have its answer later.
"""

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from erlmcp.http import Response, Stream
from erlmcp.jsonrpc import INTERNAL_ERROR, RpcError
from erlmcp.mcp.call import Call
from erlmcp.mcp.dispatch import Failure, failure_of
from erlmcp.mcp.reply import STREAM_HEADERS, encode, respond
from erlmcp.mcp.stream import EventStream

__all__ = ["Answered", "LateAnswer"]

Answered: TypeAlias = asyncio.Future[Response | Stream]


class LateAnswer:
    """Holds one call until its work is done; `answered` is what HTTP waits for. All of it on one loop's thread."""

    __slots__ = ("_call", "_on_done", "_stream", "_timer", "answered")

    def __init__(
        self,
        call: Call,
        work: asyncio.Future[bytes],
        stream: EventStream,
        on_done: Callable[[bytes | Failure | None], object],
    ) -> None:
        """`on_done` is told the outcome, None when the work was cancelled."""
        loop = asyncio.get_running_loop()
        self._call = call
        self._stream = stream
        self._on_done = on_done
        self.answered: Answered = loop.create_future()
        self._timer = loop.call_later(stream.patience, self._commit)
        stream.attach(work)
        stream.on_event = self._commit
        work.add_done_callback(self._done)
        self.answered.add_done_callback(self._left)
        if not stream.empty:
            self._commit()

    def _commit(self) -> None:
        """Too late for JSON."""
        self._timer.cancel()
        self._stream.on_event = None
        if not self.answered.done():
            self._stream.commit()
            self.answered.set_result(Stream(self._stream, headers=STREAM_HEADERS))

    def _left(self, answered: Answered) -> None:
        """HTTP has the answer, or wants none any more."""
        if answered.cancelled():
            self._timer.cancel()
            self._stream.on_event = None
            self._stream.abandon()

    def _done(self, work: asyncio.Future[bytes]) -> None:
        self._timer.cancel()
        self._stream.on_event = None
        outcome: bytes | Failure | None = None
        if not work.cancelled():
            error = work.exception()
            outcome = work.result() if error is None else failure_of(error, self._call)
        self._on_done(outcome)
        if outcome is None:  # by its own hand, if anybody still waits
            outcome = Failure(RpcError(INTERNAL_ERROR, "Internal error: the call was cancelled by the server"))
        if not self.answered.done():
            self.answered.set_result(respond(self._call, outcome, self._stream))
        else:
            self._stream.end(encode(self._call, outcome))
