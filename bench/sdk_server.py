"""The peer: the official Python SDK's server with the same tool, answering JSON, without sessions.

Run by uvicorn in an environment that has `mcp` and `uvicorn` (bench/requirements.txt), never by ours.
"""

from mcp.server import MCPServer

server = MCPServer("bench")


@server.tool()
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


app = server.streamable_http_app(json_response=True, stateless_http=True)

if __name__ == "__main__":
    server.run("stdio")
