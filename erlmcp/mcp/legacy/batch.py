"""Several messages in one POST (2025-03-26 only): one array of answers, or a stream of them once something was sent.

It does not know how a request is performed; it is given the outcomes.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from erlmcp.http import Response
from erlmcp.http import Stream as HttpStream
from erlmcp.mcp.call import Call, Members
from erlmcp.mcp.dispatch import Failure, failure_of
from erlmcp.mcp.late import Answered
from erlmcp.mcp.reply import STREAM_HEADERS, encode
from erlmcp.mcp.stream import EventStream

__all__ = ["BATCHES", "MAX_BATCH", "Batch"]

BATCHES: Final = "2025-03-26"
"""The one revision that has them (its Transports page; 2025-06-18 took them out)."""

MAX_BATCH: Final = 100
"""Messages in one."""

Done = Callable[[Call, bytes | Failure | None], object]


class Part:
    """One request of a batch, under way (`calls.Running`)."""

    __slots__ = ("request", "work")

    def __init__(self, request: bytes, work: asyncio.Future[bytes]) -> None:
        self.request, self.work = request, work

    def cancel(self) -> None:
        """Stop, and answer nothing."""
        self.work.cancel()


class Batch:
    """The answers to one batch. `add` each, then `answer`. All of it on one loop's thread."""

    def __init__(self, stream: EventStream) -> None:
        self._stream = stream
        self._answers: list[bytes] = []
        self._works: set[asyncio.Future[bytes]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._answered: Answered | None = None
        self._committed = False

    def refused(self, message: bytes) -> None:
        """The answer to a message that was not performed."""
        self._answers.append(message)

    def add(self, call: Call, outcome: Members | Failure, done: Done) -> "Part | None":
        """A request that was; what may be cancelled of it, when its answer is not there yet. `done` is told its
        outcome, None when it was cancelled."""
        if isinstance(outcome, bytes | Failure):
            self._answers.append(encode(call, outcome))
            done(call, outcome)
            return None
        work = asyncio.ensure_future(outcome)
        self._works.add(work)
        work.add_done_callback(partial(self._done, call, done))
        return Part(call.facts.id, work)

    def answer(self) -> Response | Answered:
        """Now, or when all of it is there."""
        stream = self._stream
        if not self._works and stream.empty:
            return self._array()
        if not self._works:
            self._end()
            return Response(200, stream.drain(), b"text/event-stream", STREAM_HEADERS)
        loop = asyncio.get_running_loop()
        self._answered = loop.create_future()
        self._answered.add_done_callback(self._left)
        self._timer = loop.call_later(stream.patience, self._commit)
        stream.attach(asyncio.gather(*self._works, return_exceptions=True))  # type: ignore[arg-type]  # to cancel all
        stream.on_event = self._commit
        if not stream.empty:
            self._commit()
        return self._answered

    def _array(self) -> Response:
        return Response(200, b"[%b]" % b",".join(self._answers)) if self._answers else Response(202, b"", b"")

    def _commit(self) -> None:
        self._stream.on_event = None
        if self._timer is not None:
            self._timer.cancel()
        if self._answered is not None and not self._answered.done():
            self._committed = True
            self._stream.commit()
            self._answered.set_result(HttpStream(self._stream, headers=STREAM_HEADERS))
            for answer in self._answers:
                self._stream.send(answer)
            self._answers = []

    def _left(self, answered: Answered) -> None:
        if answered.cancelled():
            self._stream.on_event = None
            self._stream.abandon()

    def _done(self, call: Call, done: Done, work: asyncio.Future[bytes]) -> None:
        self._works.discard(work)
        outcome: bytes | Failure | None = None
        if not work.cancelled():
            error = work.exception()
            outcome = work.result() if error is None else failure_of(error, call)
        done(call, outcome)
        if outcome is not None:  # to a cancelled request there is no answer
            self._answers.append(encode(call, outcome))
        if self._committed and self._answers:
            self._stream.send(self._answers.pop())
        if not self._works:
            self._all_done()

    def _all_done(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._stream.on_event = None
        if self._committed or (self._answered is not None and self._answered.done()):
            self._stream.finish()
        elif self._answered is not None:
            self._answered.set_result(self._array())

    def _end(self) -> None:
        for answer in self._answers:
            self._stream.send(answer)
        self._stream.finish()
