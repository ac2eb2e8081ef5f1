"""Runs one wire case against a server on a socket and says what is wrong. It knows the legend, not the server."""

import asyncio
import base64
import json
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from tests.wire.cases import Case, at_port, payload

PROBE = b"GET /health HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"
PATIENCE = 5.0  # seconds for an answer when the case names none
AFTER = 2.0  # seconds in which the server closes, when it must
SILENCE = 0.3  # seconds without a byte after which a server that stays open has said everything
TOO_BAD = range(500, 600)
ALLOWED_5XX = {501, 505}


@dataclass
class Answer:
    """One response as it was on the wire."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes
    head: bytes


@dataclass
class Seen:
    """Everything that came back on one connection."""

    finals: list[Answer] = field(default_factory=list)
    interims: list[int] = field(default_factory=list)
    raw: bytes = b""
    closed: bool = False
    reset: bool = False
    problem: str = ""

    def statuses(self) -> list[str]:
        return [str(answer.status) for answer in self.finals] or (["close"] if self.closed else ["timeout"])


class Wire:
    """A connection that can be written badly on purpose."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.seen = Seen()
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, host: str, port: int) -> "Wire":
        reader, writer = await asyncio.open_connection(host, port, limit=2**20)
        return cls(reader, writer)

    async def send(self, data: bytes) -> None:
        """Write, and wait until it has left; a peer that stops reading or has closed is no fault of the case."""
        with suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def until(self, done: Callable[[Seen], bool], timeout: float) -> bool:
        """Wait until `done(seen)` holds; False when it does not within `timeout` seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while not done(self.seen):
            self._changed.clear()
            left = deadline - loop.time()
            if left <= 0:
                return False
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)
        return True

    async def quiet(self, timeout: float) -> None:
        """Wait until the peer has closed, or has been silent for a moment."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while not self.seen.closed and loop.time() < deadline:
            before = len(self.seen.raw)
            if not await self.until(lambda seen, n=before: seen.closed or len(seen.raw) != n, SILENCE):
                return

    async def close(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()

    async def _read(self) -> None:
        seen = self.seen
        try:
            while True:
                data = await self.reader.read(65536)
                if not data:
                    break
                seen.raw += data
                seen.finals, seen.interims, seen.problem = parse(seen.raw, closed=False)
                self._changed.set()
        except ConnectionError:
            seen.reset = True
        seen.closed = True
        seen.finals, seen.interims, seen.problem = parse(seen.raw, closed=True)
        self._changed.set()


def parse(raw: bytes, *, closed: bool) -> tuple[list[Answer], list[int], str]:
    """The whole responses in these bytes: final ones, statuses of interim ones, and what is wrong with the rest."""
    finals: list[Answer] = []
    interims: list[int] = []
    while raw:
        head, end, rest = raw.partition(b"\r\n\r\n")
        if not end:
            return finals, interims, "a response without an end of its head" if closed else ""
        lines = head.decode("latin-1").split("\r\n")
        version, _, status = lines[0].partition(" ")
        if version != "HTTP/1.1" or not status[:3].isdigit():
            return finals, interims, f"no status line: {lines[0][:80]!r}"
        code = int(status[:3])
        if code < 200:
            interims.append(code)
            raw = rest
            continue
        fields = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])]
        body, rest, fault = _body(code, dict(fields), rest, closed=closed)
        if body is None:
            return finals, interims, fault
        finals.append(Answer(code, fields, body, head))
        raw = rest
    return finals, interims, ""


def _body(code: int, fields: dict[str, str], rest: bytes, *, closed: bool) -> tuple[bytes | None, bytes, str]:
    if code in {204, 304}:
        return b"", rest, ""
    if fields.get("transfer-encoding") == "chunked":
        return _chunks(rest, closed=closed)
    if "content-length" not in fields:
        return (rest, b"", "") if closed else (None, rest, "")
    length = int(fields["content-length"])
    if len(rest) < length:
        return None, rest, "a body that is too short" if closed else ""
    return rest[:length], rest[length:], ""


def _chunks(rest: bytes, *, closed: bool) -> tuple[bytes | None, bytes, str]:
    body = b""
    while True:
        line, end, after = rest.partition(b"\r\n")
        if not end:
            return None, rest, "chunks that do not end" if closed else ""
        size = int(line, 16)
        if len(after) < size + 2:
            return None, rest, "a chunk that does not end" if closed else ""
        body, rest = body + after[:size], after[size + 2 :]
        if not size:
            return body, rest, ""


async def run_case(
    case: Case, host: str, port: int, cut: int | None = None, deadline: float | None = None
) -> list[str]:
    """Run one case; gives what is wrong, nothing when all is right.

    `cut` writes the payload in two pieces. `deadline` replaces the case's own, for a server with shorter limits.
    """
    wire = await Wire.open(host, port)
    patience = deadline or case.get("deadline_s", PATIENCE)
    try:
        ended = await _send(case, wire, port, cut)
        problems = [] if case["expect"] == ["none"] else await _judge(case, wire, patience, ended=ended)
    finally:
        await wire.close()
    return problems + await _alive(host, port)


async def _send(case: Case, wire: Wire, port: int, cut: int | None) -> bool:
    """Write what the case says; gives whether our side was ended with it."""
    if "steps" not in case:
        data = at_port(payload(case), port)
        if cut is None:
            await wire.send(data)
            return False
        await wire.send(data[:cut])
        await asyncio.sleep(0.005)
        await wire.send(data[cut:])
        return False
    ended = False
    for step in case["steps"]:
        data = at_port(base64.b64decode(step.get("send_b64", "")), port)
        if step.get("drip"):
            await _drip(wire, data, step["every_s"], case.get("deadline_s", PATIENCE))
        elif data:
            await wire.send(data)
        elif "wait_s" in step:
            await wire.until(lambda seen: bool(seen.raw) or seen.closed, step["wait_s"])
        elif "shutdown" in step:
            wire.writer.write_eof()
            ended = True
        elif step.get("rst"):
            sock = wire.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            wire.writer.transport.abort()
    return ended


async def _drip(wire: Wire, data: bytes, every: float, most: float) -> None:
    """One byte at a time, until the server has had enough."""
    loop = asyncio.get_running_loop()
    end = loop.time() + most
    for byte in data:
        if loop.time() > end or await wire.until(lambda seen: bool(seen.finals) or seen.closed, every):
            return
        await wire.send(bytes([byte]))


async def _judge(case: Case, wire: Wire, patience: float, *, ended: bool) -> list[str]:
    answered = await wire.until(lambda seen: bool(seen.finals) or seen.closed, patience)
    seen = wire.seen
    sequences = case.get("sequences")
    if answered and sequences:
        longest = max(len([status for status in sequence if status != "close"]) for sequence in sequences)
        await wire.until(lambda seen: len(seen.finals) >= longest or seen.closed, SILENCE * 3)
    await wire.quiet(AFTER)
    problems = _check_answers(case, seen)
    if sequences and not any(_matches(sequence, seen) for sequence in sequences):
        problems.append(f"statuses {seen.statuses()} match none of {sequences}")
    if case["after"] == "close" and not await wire.until(lambda seen: seen.closed, AFTER):
        problems.append("the server did not close the connection")
    if case["after"] == "open" and not ended:
        problems += await _still_open(wire)
    return problems


def _matches(sequence: list[str], seen: Seen) -> bool:
    statuses = [str(answer.status) for answer in seen.finals]
    if sequence[-1:] == ["close"]:
        return statuses == sequence[:-1] and seen.closed
    return statuses == sequence


def _check_answers(case: Case, seen: Seen) -> list[str]:
    problems = [seen.problem] if seen.problem else []
    first = seen.statuses()[0]
    if first not in case["expect"]:
        problems.append(f"first answer {first}, expected one of {case['expect']}")
    if len(seen.finals) > case.get("max_responses", len(seen.finals)):
        problems.append(f"{len(seen.finals)} responses: {seen.statuses()}, at most {case['max_responses']}")
    statuses = {answer.status for answer in seen.finals} - ALLOWED_5XX
    problems += [f"status {status}" for status in statuses if status in TOO_BAD]
    text = seen.raw.decode("latin-1")
    if "Traceback" in text:
        problems.append("a traceback in an answer")
    problems += [f"the answer contains {word!r}" for word in case.get("forbid", ()) if word in text]
    problems += [f"the answer lacks {word!r}" for word in case.get("require", ()) if word not in text.lower() + text]
    if case.get("no_interim") and seen.interims:
        problems.append(f"interim responses {seen.interims}")
    unexpected = {str(code) for code in seen.interims} - set(case.get("interim", ["100"]))
    if unexpected:
        problems.append(f"interim responses {unexpected}")
    return problems + _check_ids(case, seen)


def _check_ids(case: Case, seen: Seen) -> list[str]:
    """What JSON-RPC says in the bodies, where the case cares."""
    problems = []
    first = seen.finals[0] if seen.finals else None
    if "rpc_error" in case and (first is None or _member(first, "error", "code") not in case["rpc_error"]):
        code = _member(first, "error", "code") if first else None
        problems.append(f"error code {code}, expected one of {case['rpc_error']}")
    if "json_id" in case and (first is None or _member(first, "id") != case["json_id"]):
        problems.append(f"id is not {case['json_id']}")
    if "json_id_if_200" in case and first and first.status == 200 and _member(first, "id") != case["json_id_if_200"]:
        problems.append(f"id is not {case['json_id_if_200']}")
    if "json_ids" in case:
        ids = [_member(answer, "id") for answer in seen.finals]
        if ids != case["json_ids"]:
            problems.append(f"ids {ids}, expected {case['json_ids']}")
    return problems


def _member(answer: Answer, *path: str) -> object:
    try:
        value = json.loads(_json(answer))
        for name in path:
            value = value[name]
    except (ValueError, KeyError, TypeError):
        return None
    return value


def _json(answer: Answer) -> bytes:
    """The body, or the data of the last event of a stream."""
    if dict(answer.fields).get("content-type", "").startswith("text/event-stream"):
        return [line[5:] for line in answer.body.split(b"\n") if line.startswith(b"data:")][-1]
    return answer.body


async def _still_open(wire: Wire) -> list[str]:
    """The connection still serves: one more request gets one more 200."""
    before = len(wire.seen.finals)
    await wire.send(PROBE)
    if not await wire.until(lambda seen: len(seen.finals) > before or seen.closed, AFTER):
        return ["no answer to a probe on the same connection"]
    if len(wire.seen.finals) != before + 1 or wire.seen.finals[-1].status != 200:
        return [f"a probe on the same connection got {wire.seen.statuses()[before:]}"]
    return []


async def _alive(host: str, port: int) -> list[str]:
    """The server stands: a new connection gets 200 within a second."""
    wire = await Wire.open(host, port)
    try:
        await wire.send(PROBE)
        if await wire.until(lambda seen: bool(seen.finals), 1.0) and wire.seen.finals[0].status == 200:
            return []
        return ["the server does not answer /health on a new connection within a second"]
    finally:
        await wire.close()
