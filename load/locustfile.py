"""Users of an MCP server, for locust (pip install locust, in an environment of its own):

    locust -f load/locustfile.py --host http://127.0.0.1:8080                            then open http://localhost:8089
    locust -f load/locustfile.py --host http://127.0.0.1:8080 --headless -u 50 -r 10 -t 30s

Works on the smallest app (`erlmcp serve erlmcp.apps.hello:app`). An answer counts as a failure when its status is not
the expected one, or when a JSON-RPC error or an `isError` result comes in it.
"""

from locust import FastHttpUser, between, task

REVISION = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": REVISION,
    "io.modelcontextprotocol/clientInfo": {"name": "locust", "version": "2"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
BOTH = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
CALL = {"name": "add", "arguments": {"a": 2, "b": 3}}


class McpUser(FastHttpUser):
    """What both eras share: one POST, one JSON answer."""

    abstract = True
    wait_time = between(0.01, 0.1)

    def rpc(self, method: str, params: dict, headers: dict, name: str) -> None:
        """Send one request; mark it failed unless it comes back with a result."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        with self.client.post("/mcp", json=body, headers=BOTH | headers, name=name, catch_response=True) as answer:
            said = answer.json() if answer.status_code == 200 else None
            if said is None:
                answer.failure(f"status {answer.status_code}")
            elif "result" not in said:
                answer.failure(f"error {said['error']['code']}: {said['error']['message']}")
            elif said["result"].get("isError"):
                answer.failure(f"the tool said: {said['result']['content']}")


class ModernUser(McpUser):
    """A client of 2026-07-28: no handshake, every request tells everything."""

    weight = 3

    def ask(self, method: str, params: dict, target: str | None = None) -> None:
        """One modern request, with the headers that repeat what is in its body."""
        headers = {"MCP-Protocol-Version": REVISION, "Mcp-Method": method}
        if target is not None:
            headers["Mcp-Name"] = target
        self.rpc(method, params | {"_meta": META}, headers, f"{method} (modern)")

    def on_start(self) -> None:
        self.ask("server/discover", {})
        self.ask("tools/list", {})

    @task(10)
    def call(self) -> None:
        self.ask("tools/call", CALL, "add")

    @task(2)
    def read(self) -> None:
        self.ask("resources/read", {"uri": "hello://world"}, "hello://world")

    @task(1)
    def prompt(self) -> None:
        self.ask("prompts/get", {"name": "introduce", "arguments": {"name": "Ada"}}, "introduce")


class LegacyUser(McpUser):
    """A client of 2025-11-25: initialize first, then calls with the version that was agreed."""

    weight = 1

    def on_start(self) -> None:
        told = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "locust", "version": "2"}}
        self.rpc("initialize", told, {}, "initialize (legacy)")
        body = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        with self.client.post(
            "/mcp", json=body, headers=BOTH, name="initialized (legacy)", catch_response=True
        ) as answer:
            if answer.status_code != 202:
                answer.failure(f"status {answer.status_code}")

    @task(10)
    def call(self) -> None:
        self.rpc("tools/call", CALL, {"MCP-Protocol-Version": "2025-11-25"}, "tools/call (legacy)")

    @task(1)
    def tools(self) -> None:
        self.rpc("tools/list", {}, {"MCP-Protocol-Version": "2025-11-25"}, "tools/list (legacy)")


class Probe(FastHttpUser):
    """A load balancer that looks in."""

    fixed_count = 1
    wait_time = between(0.5, 1.0)

    @task
    def health(self) -> None:
        self.client.get("/health")
