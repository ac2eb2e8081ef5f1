"""What a server asks of its client while it serves a request: the questions as values, and the answers they accept.

Each question writes itself as the protocol has it, names the capability it needs and reads its answer. It does not know
how questions travel: each era has its own way to ask.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec

from erlmcp.mcp.errors import shorten
from erlmcp.mcp.forms import form_of
from erlmcp.mcp.schema import JsonSchema
from erlmcp.mcp.tool_error import ToolError

__all__ = [
    "AnswerFault",
    "Answers",
    "Asked",
    "Elicit",
    "ElicitUrl",
    "Elicited",
    "InputRequest",
    "Interview",
    "Question",
    "Root",
    "Roots",
    "encode_requests",
]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

NEEDS_ELICITATION_ID: Final = "2025-11-25"
"""The one revision whose URL elicitation carries an `elicitationId`."""


class AnswerFault(Exception):
    """A client's answer is not one to its question; `message` says where and why."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


DIGEST_BYTES: Final = 8
"""Tells the questions of one function apart; nobody gains by finding two alike."""


class InputRequest(msgspec.Struct, frozen=True, gc=False):
    """One question on its way to the client."""

    method: str
    """`elicitation/create`, `sampling/createMessage` or `roots/list`."""
    params: bytes
    """Its parameters as a raw JSON object."""
    read: Callable[[bytes], Any] = lambda raw: raw
    """From an answer as raw JSON to its value. Raises AnswerFault for one that is none to this question."""

    def digest(self) -> bytes:
        """Tells it from other questions."""
        return hashlib.sha256(b"%b %b" % (self.method.encode(), self.params)).digest()[:DIGEST_BYTES]


def encode_requests(asked: Iterable[tuple[str, str, bytes]]) -> bytes:
    """`inputRequests` as a JSON object: of each question its key, its method and its parameters, a raw object."""
    encode = msgspec.json.encode
    each = [b'%b:{"method":%b,"params":%b}' % (encode(key), encode(method), params) for key, method, params in asked]
    return b"{%b}" % b",".join(each)


Answers: TypeAlias = Mapping[str, bytes]
"""By the key of its question, each answer as a raw JSON object."""


class Asked(BaseException):
    """The function cannot go on before the client has answered; `members` is the result that says so.

    Not an Exception: an author's `except Exception` around a question must not take it for a failure.
    """

    def __init__(self, members: bytes) -> None:
        super().__init__()
        self.members = members


class Interview(msgspec.Struct):
    """What one run of a function has asked so far."""

    keys: dict[str, None] = {}
    """Of its questions, in order."""
    state: dict[str, Any] | None = None
    """What the author keeps over the rounds; None: nobody looked yet."""
    memory: Any = None
    """Of whoever asks."""

    def position(self) -> str:
        """The key of a question that has none: where it stands among them, which a new run does not change."""
        return f"input_{len(self.keys) + 1}"


class Question(msgspec.Struct, Generic[T_co], frozen=True):
    """What all questions are; `T_co` is the type of their answer."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The capabilities that the client must have, as `Context.can` names them."""
        raise NotImplementedError

    def request(self, version: str) -> InputRequest:
        """As the revision `version` has it. Raises TypeError or ValueError for a question that is none."""
        raise NotImplementedError


class Elicited(msgspec.Struct, Generic[T], frozen=True):
    """What the user did with a form or a link: `accept`, `decline` (said no) or `cancel` (said nothing)."""

    action: Literal["accept", "decline", "cancel"]
    content: T | None = None
    """What was filled in, when it was accepted; always None for a link."""

    @property
    def accepted(self) -> bool:
        return self.action == "accept"

    def granted(self) -> T:
        """The content. Raises ToolError, for the model to read, when the user did not accept."""
        if not self.accepted:
            raise ToolError("the user declined" if self.action == "decline" else "the user cancelled")
        return self.content  # type: ignore[return-value]  # an accepted form has content, a link's T is None


class _Outcome(msgspec.Struct, gc=False):
    action: Literal["accept", "decline", "cancel"]
    content: msgspec.Raw = msgspec.Raw(b"{}")


class Elicit(Question[Elicited[T]], frozen=True):
    """Ask the user to fill in a form. Never for a secret: the client sees it (client/elicitation, User Interaction)."""

    message: str
    """Why it is asked, for the user."""
    schema: type[T] | JsonSchema
    """The form: a Struct, dataclass or TypedDict of plain fields, or a JSON Schema of the same."""

    @property
    def needs(self) -> tuple[str, ...]:
        return ("elicitation.form",)

    def request(self, version: str) -> InputRequest:  # noqa: ARG002 - every revision has the same
        form = form_of(self.schema)
        params = b'{"message":%b,"requestedSchema":%b}' % (msgspec.json.encode(self.message), form.schema)

        def read(raw: bytes) -> Elicited[T]:
            outcome = decoded(raw, _OUTCOME)
            if outcome.action != "accept":
                return Elicited(outcome.action)
            try:
                return Elicited("accept", form.read(bytes(outcome.content)))
            except ValueError as fault:
                raise AnswerFault(f"content: {shorten(str(fault))}") from None

        return InputRequest("elicitation/create", params, read)


class ElicitUrl(Question[Elicited[None]], frozen=True):
    """Ask the user to open a link, where what must not pass through the client is settled."""

    message: str
    url: str

    @property
    def needs(self) -> tuple[str, ...]:
        return ("elicitation.url",)

    def request(self, version: str) -> InputRequest:
        if not urlsplit(self.url).scheme:
            raise ValueError(f"{self.url!r} is no URL to open: it starts with a scheme, as in https://example.com/")
        members = {"mode": "url", "message": self.message, "url": self.url}
        if version == NEEDS_ELICITATION_ID:
            members["elicitationId"] = uuid4().hex
        return InputRequest("elicitation/create", msgspec.json.encode(members), _read_url)


def _read_url(raw: bytes) -> Elicited[None]:
    return Elicited(decoded(raw, _OUTCOME).action)


class Root(msgspec.Struct, frozen=True):
    """A place that the client lets the server work in; its URI starts with `file://`."""

    uri: str
    name: str | None = None


class _RootList(msgspec.Struct, gc=False):
    roots: tuple[Root, ...]


class Roots(Question[tuple[Root, ...]], frozen=True):
    """Ask which places the client lets the server work in."""

    @property
    def needs(self) -> tuple[str, ...]:
        return ("roots",)

    def request(self, version: str) -> InputRequest:  # noqa: ARG002 - every revision has the same
        return InputRequest("roots/list", b"{}", lambda raw: decoded(raw, _ROOT_LIST).roots)


_OUTCOME: Final = msgspec.json.Decoder(_Outcome)
_ROOT_LIST: Final = msgspec.json.Decoder(_RootList)


def decoded(raw: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """An answer as its type. Raises AnswerFault."""
    try:
        return decoder.decode(raw)
    except msgspec.DecodeError as fault:
        raise AnswerFault(shorten(str(fault))) from None
