"""A server on standard streams that behaves as its first argument says; without imports that cost time."""

import json
import os
import signal
import subprocess
import sys
import time


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def result(message, value):
    say({"jsonrpc": "2.0", "id": message["id"], "result": value})


def discovered(message):
    result(message, {"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {}})


def text(words):
    return {"content": [{"type": "text", "text": words}]}


def call(message, name, arguments):
    token = message["params"].get("_meta", {}).get("progressToken")
    if name == "echo":
        result(message, text(json.dumps(arguments)))
    elif name == "environment":
        result(message, text(json.dumps(dict(os.environ))))
    elif name == "progress":
        note = {"progressToken": token, "progress": 1}
        say({"jsonrpc": "2.0", "method": "notifications/progress", "params": note})
        result(message, text("done"))
    elif name == "ask":
        fields = {"name": {"type": "string"}, "count": {"type": "integer", "default": 7}}
        form = {"message": "who?\x1b[2J", "requestedSchema": {"properties": fields, "required": ["name"]}}
        say({"jsonrpc": "2.0", "id": "q", "method": "elicitation/create", "params": form})
        answer = json.loads(sys.stdin.readline())
        result(message, text(json.dumps(answer["result"])))
    elif name == "cancelled":
        told = json.loads(sys.stdin.readline())
        sys.stderr.write(f"{told['method']} {told['params']['requestId'] == message['id']}\n")
    elif name == "die":
        sys.stderr.write("out of tea\n")
        sys.stderr.flush()
        os._exit(3)
    elif name == "print":
        print("hello\n" * arguments["times"], flush=True)
        result(message, text("done"))
    elif name == "huge":
        print("x" * arguments["bytes"], flush=True)
    elif name == "child":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        result(message, text(str(child.pid)))


def listen(message):
    subscription = {"io.modelcontextprotocol/subscriptionId": message["id"]}
    for method, params in (
        ("notifications/subscriptions/acknowledged", {"notifications": {"toolsListChanged": True}}),
        ("notifications/tools/list_changed", {}),
    ):
        say({"jsonrpc": "2.0", "method": method, "params": {**params, "_meta": subscription}})
    result(message, {"resultType": "complete", "_meta": subscription})


def serve(era):
    for line in sys.stdin:
        message = json.loads(line)
        method = message["method"]
        if method == "server/discover":
            if era == "modern":
                discovered(message)
            elif era == "legacy":
                say({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32602, "message": "no"}})
        elif method == "initialize":
            about = {"name": "child", "version": "1"}
            result(message, {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": about})
        elif method == "tools/call":
            call(message, message["params"]["name"], message["params"].get("arguments", {}))
        elif method == "subscriptions/listen":
            listen(message)


if __name__ == "__main__":
    if sys.argv[1] == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        serve("modern")
        time.sleep(600)
    serve(sys.argv[1])
