"""One run of one child: its task, its deadlines, and how it ended.

It does not know whether the child will run again: `erlmcp.otp.supervisor` and `erlmcp.otp.pool` decide.
"""

import asyncio
import logging
from collections.abc import Callable

from erlmcp.otp.child import ChildSpec, Ignore, Shutdown, StartFailed
from erlmcp.otp.spec import Reason, Restart

KILL_GRACE = 0.1  # seconds a killed task gets to unwind; asyncio cannot kill, so after that it is abandoned

logger = logging.getLogger("erlmcp.otp")


class Incarnation:
    """A running child. `gone(self)` is called once, when `reason` and `error` (what it raised) are known."""

    __slots__ = (
        "_ended",
        "_gone",
        "_over",
        "_ready",
        "_timer",
        "_verdict",
        "abandoned",
        "asked",
        "error",
        "number",
        "reason",
        "spec",
        "task",
    )

    def __init__(self, spec: ChildSpec, gone: Callable[["Incarnation"], None], number: int = 1) -> None:
        self.spec = spec
        self.number = number
        self.reason = Reason.CANCELLED
        self.error: BaseException | None = None
        self.asked = False
        self.abandoned = False
        self.task: asyncio.Task[None]
        self._ended: asyncio.Future[None] | None = None
        self._gone = gone
        self._over = False
        self._ready = False
        self._timer: asyncio.TimerHandle | None = None
        self._verdict: BaseException | None = None

    def start(self, ready: Callable[["Incarnation"], None], name: str) -> None:
        """Create the task. `ready(self)` is called when the child says so, unless it is being stopped by then."""
        if self.spec.start_timeout is not None:
            self._after(self.spec.start_timeout, self._kill, f"was not ready within {self.spec.start_timeout:g} s")
        self.task = asyncio.get_running_loop().create_task(self._live(ready), name=name)
        self.task.add_done_callback(self._done)

    def stop(self, within: float | None) -> None:
        """Cancel the task, and kill it after `within` seconds. To stop what is being killed changes nothing."""
        self.asked = True
        if self._verdict is not None:
            return
        if within == 0:
            self._kill("was killed, as its spec says")
            return
        self._cancel_timer()
        self.task.cancel()
        if within is not None:
            self._after(within, self._kill, f"did not stop within {within:g} s")

    def kill(self) -> None:
        """Cancel at once, past all budgets."""
        self.asked = True
        self._kill("was killed with its supervisor")

    async def ended(self) -> None:
        """Wait until it is gone."""
        if self._ended is None:
            self._ended = asyncio.get_running_loop().create_future()
        if not self._over:
            await asyncio.wait([self._ended])

    def describe(self) -> str:
        """How it ended, as the end of a sentence."""
        match self.reason:
            case Reason.CRASHED:
                return f"crashed: {type(self.error).__name__}: {self.error}"
            case Reason.CANCELLED:
                return "was cancelled" if self.asked else "was cancelled from within"
            case Reason.KILLED:
                return f"{self.error}"
            case Reason.SHUTDOWN:
                return f"ended on purpose: {self.error}"
            case Reason.IGNORED:
                return f"is not to run: {self.error}"
            case Reason.NORMAL:
                return "returned" if self._ready or self.asked else "returned before it was ready"

    def log(self, supervisor: str) -> None:
        """Log the end. A crash is an error with its traceback, once: supervisors further up only name it."""
        trace = self.error if self.reason is Reason.CRASHED and not isinstance(self.error, StartFailed) else None
        logger.log(self._level(), "%s/%s %s", supervisor, self.spec.id, self.describe(), exc_info=trace)
        if self.abandoned:
            logger.error("%s/%s ignores that it was killed: abandoned, its task still runs", supervisor, self.spec.id)

    def _level(self) -> int:
        if self.reason is Reason.CRASHED:
            return logging.ERROR
        if self.asked:
            return logging.WARNING if self.reason is Reason.KILLED and self.spec.shutdown != 0 else logging.DEBUG
        if self.reason in {Reason.KILLED, Reason.CANCELLED}:
            return logging.ERROR
        return logging.WARNING if self.spec.restart is Restart.PERMANENT else logging.DEBUG

    async def _live(self, ready: Callable[["Incarnation"], None]) -> None:
        try:
            await self.spec.run(lambda: self._say_ready(ready))
        except SystemExit as error:  # it would end the loop; a KeyboardInterrupt may, that is a person's wish
            raise RuntimeError(f"the child called sys.exit({error.code!r})") from error

    def _say_ready(self, ready: Callable[["Incarnation"], None]) -> None:
        if self._ready or self.asked or self._verdict is not None or self._over:
            return
        self._ready = True
        self._cancel_timer()
        ready(self)

    def _kill(self, why: str) -> None:
        if self._verdict is not None:
            return
        self._verdict = TimeoutError(why)
        self.task.cancel()
        if self.task.cancelling() < 2:
            self.task.cancel()  # a nested supervisor knows by the second that its budget is over
        self._after(KILL_GRACE, self._abandon)

    def _abandon(self) -> None:
        self.task.cancel()  # it may yet go, if it was its cleaning up that hung; nobody waits for it any more
        self.abandoned = True
        self._end()

    def _done(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if not self.abandoned:
            self.error, self.reason = error, self._why(task)
            self._end()

    def _why(self, task: asyncio.Task[None]) -> Reason:
        if task.cancelled():
            return Reason.CANCELLED
        match task.exception():
            case None:
                return Reason.NORMAL
            case Ignore() if not self._ready:
                return Reason.IGNORED
            case Shutdown():
                return Reason.SHUTDOWN
            case _:
                return Reason.CRASHED

    def _end(self) -> None:
        self._cancel_timer()
        if self._verdict is not None and self.reason is not Reason.CRASHED:
            self.reason, self.error = Reason.KILLED, self._verdict
        self._over = True
        self._gone(self)
        if self._ended is not None:
            self._ended.set_result(None)

    def _after(self, seconds: float, then: Callable[..., None], *args: object) -> None:
        self._cancel_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, then, *args)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
