"""What a hub and a link say to each other: frames of msgpack behind their length, cut and put together here.

A frame is `u32 length (big-endian) + array`, bounded on both sides. The first is `Hello`, answered by `Welcome` or
`Refusal`; from then on both sides speak when they like. No sockets here, and no meaning of a payload.
"""

from collections.abc import Callable
from enum import Enum
from struct import Struct as Layout
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

PROTOCOL = 1  # raised when a frame changes its meaning; a hub and a link of different numbers do not speak
LENGTH = Layout("!I")

Frame = TypeVar("Frame")


class Kind(Enum):
    """Why a call has no reply. NOT_TAKEN: the hub is leaving and has not begun it, so it may be sent to the next."""

    DECLINED = 0
    OVERLOADED = 1
    DOWN = 2
    LATE = 3
    TOO_LARGE = 4
    NOT_TAKEN = 5


class Hello(Struct, frozen=True, array_like=True, tag=0, gc=False):
    """A link begins. `seen` is the last message it had from the hub of that `incarnation`."""

    protocol: int
    who: str
    incarnation: int
    seen: int
    topics: tuple[str, ...]


class Welcome(Struct, frozen=True, array_like=True, tag=1, gc=False):
    """`resumed`: the messages since `seen` follow without a gap. `sequence`: the last one there is."""

    protocol: int
    incarnation: int
    sequence: int
    resumed: bool


class Refusal(Struct, frozen=True, array_like=True, tag=2, gc=False):
    """The hub does not serve this link and hangs up."""

    reason: str


class Call(Struct, frozen=True, array_like=True, tag=3, gc=False):
    """`millis`: how long its caller still waits."""

    id: int
    service: str
    millis: int
    payload: bytes


class Cast(Struct, frozen=True, array_like=True, tag=4, gc=False):
    """A call that nobody waits for."""

    service: str
    payload: bytes


class Drop(Struct, frozen=True, array_like=True, tag=5, gc=False):
    """The caller has left."""

    id: int


class Reply(Struct, frozen=True, array_like=True, tag=6, gc=False):
    """The answer to a call."""

    id: int
    payload: bytes


class Fault(Struct, frozen=True, array_like=True, tag=7, gc=False):
    """Instead of an answer. `name` and `text` fill the exception; `payload` is what a service declined with."""

    id: int
    kind: Kind
    name: str = ""
    text: str = ""
    capacity: int = 0
    payload: bytes = b""


class Subscribe(Struct, frozen=True, array_like=True, tag=8, gc=False):
    """From here on, the messages of a topic too."""

    topic: str


class Subscribed(Struct, frozen=True, array_like=True, tag=9, gc=False):
    """What is published from here on is delivered."""

    topic: str


class Publish(Struct, frozen=True, array_like=True, tag=10, gc=False):
    """A link's word to all that subscribe."""

    topic: str
    payload: bytes


class Message(Struct, frozen=True, array_like=True, tag=11, gc=False):
    """Published on a topic; `sequence` counts over all topics of a hub."""

    sequence: int
    topic: str
    payload: bytes


class Goodbye(Struct, frozen=True, array_like=True, tag=12, gc=False):
    """The hub leaves: it answers what it has, takes nothing more, and waits for the link to end its side."""


FromLink = Hello | Call | Cast | Drop | Subscribe | Publish
FromHub = Welcome | Refusal | Reply | Fault | Subscribed | Message | Goodbye

_encoder = msgspec.msgpack.Encoder()
hub_decoder: msgspec.msgpack.Decoder[FromLink] = msgspec.msgpack.Decoder(FromLink)
link_decoder: msgspec.msgpack.Decoder[FromHub] = msgspec.msgpack.Decoder(FromHub)


class BrokenWire(Exception):
    """The peer does not keep to the protocol."""


class TooLarge(Exception):
    """What was to be sent does not fit into a frame; nothing was sent."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"a frame of {size} bytes is larger than the {limit} that fit")
        self.size = size
        self.limit = limit


def put(frame: Any, buffer: bytearray, limit: int) -> None:
    """Append a frame to what will be written. Raises TooLarge, with the buffer as it was."""
    start = len(buffer)
    buffer += b"\0\0\0\0"
    _encoder.encode_into(frame, buffer, start + 4)
    size = len(buffer) - start - 4
    if size > limit:
        del buffer[start:]
        raise TooLarge(size, limit)
    LENGTH.pack_into(buffer, start, size)


class Cutter(Generic[Frame]):
    """Cuts what arrives into frames, whatever the pieces it arrives in."""

    def __init__(self, decoder: msgspec.msgpack.Decoder[Frame], limit: int) -> None:
        self._decode: Callable[[Any], Frame] = decoder.decode
        self._limit = limit
        self._rest = bytearray()
        self._wanted = 4

    def cut(self, data: bytes) -> list[Frame]:
        """The frames that are whole now. Raises BrokenWire: too long a frame, or none of ours."""
        if not self._rest:
            return self._cut(data)
        self._rest += data
        if len(self._rest) < self._wanted:  # a large frame in many pieces is put together once
            return []
        whole, self._rest = self._rest, bytearray()
        return self._cut(whole)

    def _cut(self, data: bytes | bytearray) -> list[Frame]:
        frames: list[Frame] = []
        at, end, self._wanted = 0, len(data), 4
        view = memoryview(data)
        while end - at >= 4:
            (size,) = LENGTH.unpack_from(data, at)
            if size > self._limit:
                raise BrokenWire(f"a frame of {size} bytes; at most {self._limit} are taken")
            if end - at - 4 < size:
                self._wanted = 4 + size
                break
            at += 4
            try:
                frames.append(self._decode(view[at : at + size]))
            except msgspec.DecodeError as fault:
                raise BrokenWire(f"a frame that is none: {fault}") from fault
            at += size
        if at < end:
            self._rest += view[at:]
        return frames
