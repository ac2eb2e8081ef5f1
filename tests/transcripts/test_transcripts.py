"""Conversations as people read them: what the client sent (`>`), what the server answered (`<`), prose between.

An answer that goes on is shown as far as it has come. `! app.tools_changed()` is something that happens at the server
(`app` and `endpoint` are there); below it stands what it brings on the streams that are open, each behind its number
when there is more than one. `> GET` and `> DELETE` have headers only. What is never twice the same has a name:
`(state 1)` stands for the first `requestState`, `(task 1)`, `(session 1)` and `(stream 1)` for the ids of the first
task, session and stream, `(time)` for any moment.

`python tests/transcripts/test_transcripts.py --update` writes the answers that the code gives now; read the diff.
"""

import asyncio
import pkgutil
import re
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from erlmcp.http import COMMENT, Response, Stream
from erlmcp.mcp import Endpoint
from tests.mcp.posts import endpoint, post, sample

HERE = Path(__file__).parent
CONVERSATIONS = sorted(HERE.glob("*.txt"))
APP = re.compile(
    r"# app: (\S+)\n"
)  # a function that makes the app; without this line it is the sample of tests.mcp.posts
STATE, TASK = re.compile(r"e1\.[\w-]+"), re.compile(r"(?<=\")[0-9a-f]{32}(?=\")")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
STREAM = re.compile(r"(?<=id: )[cs][\w-]{12}(?=\.\d)")
TURNS = 50  # of the loop, after which whatever needs no clock has happened
Replayed = Callable[[str], Awaitable[str]]


class Stage:
    """One conversation under way: the app, its endpoint, and the streams that are open."""

    def __init__(self, conversation: str) -> None:
        asked = APP.match(conversation)
        self.app = pkgutil.resolve_name(asked[1])() if asked else sample()
        self.endpoint: Endpoint = endpoint(self.app)
        self.streams: list[Stream] = []
        self.names: dict[str, str] = {}

    async def answer(self, sent: list[str]) -> list[str]:
        """What is said to a request: a status line, and lines of a body."""
        method = sent.pop(0) if sent[0] in {"GET", "DELETE"} else "POST"
        body = sent.pop() if method == "POST" else ""
        named = (self._meant(header).split(": ", 1) for header in sent)
        headers = {name.encode(): value.encode() for name, value in named}
        request = post(self._meant(body).encode(), headers)
        if method == "POST":
            answer = self.endpoint(request)
        else:
            answer = self.endpoint.other(msgspec.structs.replace(request, method=method.encode()))
        if not isinstance(answer, Response):
            async with asyncio.timeout(5):
                answer = await answer
        told = [" ".join([str(answer.status), answer.content_type.decode()]).strip()]
        for name, value in answer.headers:
            if name == b"mcp-session-id":
                told.append(f"mcp-session-id: {self._name('session', value.decode())}")
        if isinstance(answer, Response):
            body = self._shown(answer.body.decode())
            return [*told, *filter(None, body.splitlines()), *await self.news()]
        self.streams.append(answer)
        return [*told, *await self.news()]

    def _meant(self, text: str) -> str:
        """What was written, with what its names stand for."""
        for value, name in self.names.items():
            text = text.replace(name, value)
        return text

    def _shown(self, text: str) -> str:
        """What was said, with names in it."""
        for kind, looks in (("state", STATE), ("task", TASK), ("stream", STREAM)):
            for value in looks.findall(text):
                self._name(kind, value)
        for value, name in self.names.items():
            text = text.replace(value, name)
        return MOMENT.sub("(time)", text)

    def _name(self, kind: str, value: str) -> str:
        known = sum(name.startswith(f"({kind} ") for name in self.names.values())
        return self.names.setdefault(value, f"({kind} {known + 1})")

    async def happen(self, what: str) -> list[str]:
        """What a line of Python at the server brings on the streams."""
        names = {"app": self.app, "endpoint": self.endpoint}
        exec(compile(what, "a conversation", "exec"), names)
        return await self.news()

    async def news(self) -> list[str]:
        """What has come on the open streams, once whatever needs no clock has happened."""
        for _ in range(TURNS):
            await asyncio.sleep(0)
        told = []
        for number, stream in enumerate(self.streams, 1):
            mark = f"{number}: " if len(self.streams) > 1 else ""
            while (chunk := await self._next(stream)) not in {None, COMMENT}:
                told += [mark + line for line in self._shown(chunk.decode()).splitlines() if line]
        return told

    async def _next(self, stream: Stream) -> bytes | None:
        for _ in range(TURNS):
            await asyncio.sleep(0)
        if stream.chunks.empty and not stream.chunks._ended:
            return None
        return await anext(stream.chunks, None)

    async def close(self) -> None:
        for stream in self.streams:
            await stream.chunks.aclose()


async def walk(conversation: str, stage: Any) -> str:
    """The conversation with the answers that this stage gives: its `answer` to what is sent, its `happen`."""
    lines, sent = [], []
    for line in [*conversation.splitlines(), ""]:
        if line.startswith("< "):
            continue
        if not line.startswith("> ") and sent:
            lines += [f"< {each}" for each in await stage.answer(sent)]
            sent = []
        if line.startswith("> "):
            sent.append(line[2:])
        lines.append(line)
        if line.startswith("! "):
            lines += [f"< {each}" for each in await stage.happen(line[2:])]
    return "\n".join(lines[:-1]) + "\n"


async def check(conversation: str, replayed: Replayed) -> None:
    """The server says what stands there."""
    assert "\n< " in conversation, "no answers yet: run with --update"
    assert await replayed(conversation) == conversation


def update(paths: Iterable[Path], replayed: Replayed) -> None:
    """Write what the server says now, when this run is to."""
    if "--update" in sys.argv:
        for path in paths:
            path.write_text(asyncio.run(replayed(path.read_text())))


async def replayed(conversation: str) -> str:
    """The conversation with its answers as they are now."""
    stage = Stage(conversation)
    told = await walk(conversation, stage)
    await stage.close()
    return told


@pytest.mark.parametrize("path", CONVERSATIONS, ids=lambda path: path.stem)
async def test_the_server_says_what_the_transcript_says(path):
    await check(path.read_text(), replayed)


if __name__ == "__main__":
    update(CONVERSATIONS, replayed)
