"""Where the tools hand in commands and questions: answers become results, refusals and outages become ToolErrors."""

from collections.abc import Awaitable
from typing import Any, Final, TypeAlias, TypeVar

from msgspec.structs import asdict

from erlmcp import ToolError
from erlmcp.mcp import ResourceNotFound
from erlmcp.otp import Down, Overloaded
from erlmcp.store import StoreError
from erlmcp.tcps import Ask, Command, File, Line, Refusal, Refused, Views

__all__ = ["ACTOR", "JSON", "PATIENCE", "RETRY_AFTER", "Answer", "Desk"]

T = TypeVar("T")

Answer: TypeAlias = Any
"""What a tool answers: an object. Not typed as one, since a tool with an output schema may not answer a refusal's
`code`, `message` and `next` as structured content: the TypeScript client (SDK 1.x) holds refusals to the schema."""

JSON: Final = "application/json"
"""What all resources of the line are."""

ACTOR: Final = "local"
"""Who asks, as long as there is no access control."""

PATIENCE: Final = 20.0
"""Seconds that a command waits for its answer: longer than a line process that stands still is left to stand (ten, and
two to write its stacks; node.heartbeat_timeout), so that a command with a key gets through."""

RETRY_AFTER: Final = 1
"""Seconds. A line process that died is back within one (house.md §5), and a full mailbox empties in less."""


class Desk:
    """The line and its views, for the tools of one process."""

    def __init__(self, line: Line, views: Views) -> None:
        self.views: Final = views
        self._line: Final = line

    async def execute(self, command: Command, idempotency_key: str | None, files: tuple[File, ...] = ()) -> Answer:
        """The objects after the command under their words, and `receipt_seq`. Raises ToolError."""
        ask = Ask(ACTOR, command.name, command, idempotency_key, files)
        try:
            done = await self._line.execute(ask, PATIENCE)
        except Refused as refused:
            raise _refusal(refused.refusal) from refused
        except Overloaded as full:
            raise _wait("overloaded", "the line has too much to do and did not take this command", _AGAIN) from full
        except Down as down:
            message = "the line could not carry this command out: it was stopped, or cannot write; /health says why"
            raise _wait("unavailable", message, _repeat(idempotency_key)) from down
        except TimeoutError as late:
            message = "the line did not answer in time"
            raise _wait("timeout", message, _repeat(idempotency_key)) from late
        objects = asdict(done)
        return {word: value for word, value in objects.items() if value} | {"receipt_seq": done.receipt_seq}

    async def look(self, question: Awaitable[T]) -> T:
        """What a view answers. Raises ToolError."""
        try:
            return await question
        except Refused as refused:
            raise _refusal(refused.refusal) from refused
        except StoreError as error:
            raise _wait("unavailable", "the store cannot be read now; /health says why", _AGAIN) from error

    async def read(self, uri: str, question: Awaitable[T]) -> T:
        """What the resource at `uri` holds. Raises ResourceNotFound and ToolError."""
        try:
            return await self.look(question)
        except ToolError as error:
            if error.data is not None and error.data["code"] == "not_found":
                raise ResourceNotFound(uri) from error
            raise


_AGAIN: Final = f"call again in {RETRY_AFTER} second"


def _repeat(idempotency_key: str | None) -> str:
    """What to do about a command that may or may not have been carried out."""
    if idempotency_key is not None:
        return f"{_AGAIN} with the same idempotency_key: then it is carried out once, whatever became of this call"
    return (
        "look whether it was carried out before you call again: call receipt_list for the last receipts;"
        " with an idempotency_key a repetition would be harmless"
    )


def _refusal(refusal: Refusal) -> ToolError:
    data: dict[str, object] = {"code": refusal.code, "message": refusal.message, "next": refusal.next}
    return ToolError(f"{refusal.message} ({refusal.code}). What to do: {refusal.next}", data)


def _wait(code: str, message: str, advice: str) -> ToolError:
    data: dict[str, object] = {"code": code, "message": message, "next": advice, "retry_after_seconds": RETRY_AFTER}
    return ToolError(f"{message} ({code}). What to do: {advice}", data)
