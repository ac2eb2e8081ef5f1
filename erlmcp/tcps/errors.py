"""The answer is no: a code, what was wrong, and what to do next."""

from enum import StrEnum

from msgspec import Struct

__all__ = ["Code", "Refusal", "Refused", "shown"]


class Code(StrEnum):
    """Why a command or a view was refused."""

    WIP_LIMIT = "wip_limit"
    BLOCKED_BY_DEPENDENCIES = "blocked_by_dependencies"
    CIRCULAR_DEPENDENCY = "circular_dependency"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    LINE_STOPPED = "line_stopped"
    GATE_FAILED = "gate_failed"
    GATE_NOT_RUN = "gate_not_run"
    INVALID_TRANSITION = "invalid_transition"
    FORBIDDEN = "forbidden"
    INVALID = "invalid"


class Refusal(Struct, frozen=True, tag_field="answer", tag="refusal"):
    """A refusal as a value. `next`: what the caller can do about it, naming the tool to call."""

    code: Code
    message: str
    next: str


class Refused(Exception):
    """Nobody is at fault and nothing was changed."""

    def __init__(self, code: Code, message: str, next_step: str) -> None:
        super().__init__(message)
        self.refusal = Refusal(code, message, next_step)

    @classmethod
    def of(cls, refusal: Refusal) -> "Refused":
        """The exception of a value."""
        return cls(refusal.code, refusal.message, refusal.next)

    @property
    def code(self) -> Code:
        return self.refusal.code

    @property
    def message(self) -> str:
        return self.refusal.message

    @property
    def next(self) -> str:
        return self.refusal.next


def shown(value: object, most: int = 40) -> str:
    """A caller's value, in a message: at most `most` characters of it."""
    if isinstance(value, int) and value.bit_length() > 64:
        return "a number beyond all bounds"
    text = str(value)
    return text if len(text) <= most else f"{text[:most]}…"
