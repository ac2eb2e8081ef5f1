"""HTTP exchanges in memory: the values that the server's HTTP takes and gives, without bytes of a wire or sockets."""

from collections.abc import AsyncIterator
from typing import Final

from erlmcp.client import Fields, HttpReply
from erlmcp.http import Request, Response, Stream
from erlmcp.mcp import Endpoint

__all__ = ["Memory"]


class Memory:
    """Carries a client's requests to an endpoint of this process."""

    url: Final = "the app"

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint: Final = endpoint

    async def send(self, method: str, fields: Fields, body: bytes) -> HttpReply:
        """As `client.Fetch`. Cancelled, it cancels the work, as a connection that closes does."""
        headers = {name.lower(): value for name, value in fields}
        request = Request(method.encode(), b"/mcp", b"", b"localhost", headers, (), body)
        answer = self._endpoint(request) if method == "POST" else self._endpoint.other(request)
        return _Reply(answer if isinstance(answer, Response) else await answer)

    async def aclose(self) -> None:
        """There is nothing to let go of."""


class _Reply:
    def __init__(self, answer: Response | Stream) -> None:
        self.status: Final = answer.status
        fields = (*answer.headers, (b"content-type", answer.content_type))
        self.headers: Final = {name.lower(): value for name, value in fields}
        self._answer: Final = answer

    async def chunks(self) -> AsyncIterator[bytes]:
        if isinstance(self._answer, Response):
            yield self._answer.body
            return
        async for chunk in self._answer.chunks:
            yield chunk

    async def aclose(self) -> None:
        if isinstance(self._answer, Stream):
            close = getattr(self._answer.chunks, "aclose", None)  # as the HTTP protocol tells a body nobody reads
            if close is not None:
                await close()
