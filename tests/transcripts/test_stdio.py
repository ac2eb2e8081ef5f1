"""Conversations over pipes as people read them: lines of the client (`>`), lines of the server (`<`), prose between.

What is sent in one go stands together; below it is everything that it brought, requests of the server too. As in
`test_transcripts`, `! app.tools_changed()` is something that happens at the server, `# app:` names another one than the
sample, and `(state 1)` stands for what is never twice the same.

`python tests/transcripts/test_stdio.py --update` writes the answers that the code gives now; read the diff.
"""

import asyncio
import pkgutil
from pathlib import Path

import pytest

from erlmcp.mcp import Conversation, Options
from tests.mcp.posts import sample
from tests.transcripts.test_transcripts import APP, STATE, TURNS, check, update, walk

CONVERSATIONS = sorted((Path(__file__).parent / "stdio").glob("*.txt"))


class Wire:
    """A way to a client who reads everything at once."""

    full = overfull = False

    def __init__(self) -> None:
        self.said: list[str] = []

    def write(self, line: bytes) -> None:
        self.said.append(line.decode())

    def room(self) -> asyncio.Future[None]:
        raise AssertionError("it is never full")


class Stage:
    """One conversation under way."""

    def __init__(self, conversation: str) -> None:
        asked = APP.match(conversation)
        self.app = pkgutil.resolve_name(asked[1])() if asked else sample()
        options = Options()
        self.app.bind(options)
        self.wire = Wire()
        self.conversation = Conversation(self.app, options, self.wire)
        self.states: dict[str, str] = {}

    async def answer(self, sent: list[str]) -> list[str]:
        for line in sent:
            said = line
            for state, name in self.states.items():
                said = said.replace(name, state)
            self.conversation.hear(said.encode())
        return await self.news()

    async def happen(self, what: str) -> list[str]:
        exec(compile(what, "a conversation", "exec"), {"app": self.app, "conversation": self.conversation})
        return await self.news()

    async def news(self) -> list[str]:
        for _ in range(TURNS):
            await asyncio.sleep(0)
        said, self.wire.said = self.wire.said, []
        return [STATE.sub(self._named, line) for line in said]

    def _named(self, state) -> str:
        return self.states.setdefault(state[0], f"(state {len(self.states) + 1})")


async def replayed(conversation: str) -> str:
    """The conversation with its answers as they are now."""
    stage = Stage(conversation)
    async with stage.app.running():
        told = await walk(conversation, stage)
        await stage.conversation.drain(0)
    return told


@pytest.mark.parametrize("path", CONVERSATIONS, ids=lambda path: path.stem)
async def test_the_server_says_what_the_transcript_says(path):
    await check(path.read_text(), replayed)


if __name__ == "__main__":
    update(CONVERSATIONS, replayed)
