"""Conversations as people read them: what the client sent (`>`), what the server answered (`<`), prose between.

`python tests/transcripts/test_transcripts.py --update` writes the answers that the code gives now; read the diff.
"""

import pkgutil
import re
import sys
from pathlib import Path

import pytest

from erlmcp.http import Response
from tests.mcp.posts import endpoint, post

HERE = Path(__file__).parent
CONVERSATIONS = sorted(HERE.glob("*.txt"))
APP = re.compile(
    r"# app: (\S+)\n"
)  # a function that makes the app; without this line it is the sample of tests.mcp.posts


def replayed(conversation: str) -> str:
    """The conversation with its answers as they are now."""
    asked = APP.match(conversation)
    served, lines, sent = endpoint(pkgutil.resolve_name(asked[1])() if asked else None), [], []
    for line in [*conversation.splitlines(), ""]:
        if line.startswith("< "):
            continue
        if not line.startswith("> ") and sent:
            lines += answered(served, sent)
            sent = []
        if line.startswith("> "):
            sent.append(line[2:])
        lines.append(line)
    return "\n".join(lines[:-1]) + "\n"


def answered(served, sent: list[str]) -> list[str]:
    *headers, body = sent
    named = (header.split(": ", 1) for header in headers)
    answer = served(post(body.encode(), {name.encode(): value.encode() for name, value in named}))
    assert isinstance(answer, Response)
    told = " ".join([str(answer.status), answer.content_type.decode()]).strip()
    return [f"< {line}" for line in [told, *answer.body.decode().splitlines()] if line]


@pytest.mark.parametrize("path", CONVERSATIONS, ids=lambda path: path.stem)
def test_the_server_says_what_the_transcript_says(path):
    conversation = path.read_text()
    assert "\n< " in conversation, "no answers yet: run with --update"
    assert replayed(conversation) == conversation


if __name__ == "__main__" and "--update" in sys.argv:
    for path in CONVERSATIONS:
        path.write_text(replayed(path.read_text()))
