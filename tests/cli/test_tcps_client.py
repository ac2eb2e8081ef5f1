"""What `erlmcp tcps` does when the server is not there, breaks, is late, is busy, or is none of ours."""

import json
import socket
import threading

import pytest

from erlmcp.cli.grammar import run
from erlmcp.cli.tcps import client
from erlmcp.http import Request, Response
from tests.cli.line_server import reply, saying, unreliable

DOCUMENT = '"result":{"structuredContent":{"buckets":[]},"content":[],"isError":false}'
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"


def answer(members: str = DOCUMENT) -> bytes:
    body = b'{"jsonrpc":"2.0","id":1,%b}' % members.encode()
    return WHOLE % (len(body), body)


def ask(url: str, *more: str) -> int:
    return run(["tcps", "kanban", "status", "--url", url, *more])


def test_nobody_there_is_unreachable_and_says_how_to_start_one(capsys) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    assert ask(url) == 6
    assert capsys.readouterr().err == (
        f"error: no server answers at {url}: Connection refused\n"
        "next: start one with `erlmcp serve`, or name another with --url\n"
    )


def test_a_name_that_is_none_is_unreachable(capsys) -> None:
    assert ask("http://no-such-host.invalid/mcp") == 6
    assert "no server answers at http://no-such-host.invalid/mcp" in capsys.readouterr().err


@pytest.mark.parametrize("broken", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"])
def test_a_connection_that_breaks_is_tried_once_more(broken: bytes) -> None:
    with unreliable(broken, answer()) as server:
        assert ask(server.url) == 0


def test_what_speaks_no_http_is_no_production_line(capsys) -> None:
    with unreliable(b"nonsense\r\n\r\n") as server:
        assert ask(server.url) == 6
    assert "does not speak HTTP/1.1" in capsys.readouterr().err


def test_a_connection_that_breaks_twice_is_unreachable_and_gives_the_key_to_repeat_with(capsys) -> None:
    with unreliable(b"", b"") as server:
        assert run(["tcps", "work-order", "pull-next", "--idempotency-key", "k1", "--url", server.url]) == 6
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"error: the connection to {server.url} broke twice: ")
    assert second == "next: it may have been carried out; repeat it without harm with --idempotency-key k1"


def test_both_attempts_carry_the_same_key() -> None:
    with unreliable(b"", answer('"result":{"isError":true,"content":[{"type":"text","text":"no"}]}')) as server:
        assert run(["tcps", "work-order", "pull-next", "--url", server.url]) == 2
    first, second = server.bodies
    assert first == second
    assert len(first["params"]["arguments"]["idempotency_key"]) == 32


def test_a_server_that_does_not_answer_in_time_is_a_timeout(capsys) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/mcp"
        assert run(["tcps", "work-order", "complete", "WO-1", "--url", url, "--timeout", "0.1"]) == 124
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"error: {url} has not answered within 0.1 s"
    assert second.startswith("next: it may have been carried out; repeat it without harm with --idempotency-key ")


def test_a_server_that_dribbles_is_late_all_the_same() -> None:
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def dribble() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                while not stop.wait(0.02):
                    connection.sendall(b" ")

        thread = threading.Thread(target=dribble, daemon=True)
        thread.start()
        assert ask(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp", "--timeout", "0.2") == 124
        stop.set()
        thread.join(5)


def test_a_busy_server_is_unreachable_and_says_when_to_try_again(capsys) -> None:
    with saying(lambda _: Response(503, b"{}", headers=((b"retry-after", b"2"),))) as server:
        assert ask(server.url) == 6
    assert capsys.readouterr().err.endswith("is too busy to answer\nnext: try again in 2 s\n")


@pytest.mark.parametrize(
    ("answer", "code", "why"),
    [
        (Response(404, b"nothing", b"text/plain"), 6, "it answers 404"),
        (Response(421, b'{"detail":"no such host here"}'), 6, "it answers 421: no such host here"),
        (Response(200, b"<html>", b"text/html"), 6, "no JSON-RPC message"),
        (Response(200, b"[" * 100_000), 6, "is no JSON"),
        (reply('"error":{"code":-32602,"message":"Unknown tool: kanban_status"}'), 6, "it serves another app"),
        (reply('"error":{"code":-32603,"message":"Internal error"}'), 1, "failed: Internal error (-32603)"),
        (reply('"result":{"content":[],"isError":false}'), 6, "without structured content"),
        (reply('"result":{"content":[{"type":"text","text":"argument x"}],"isError":true}'), 2, "argument x"),
        (reply('"result":{"isError":true}'), 2, "does not say why"),
        (reply('"result":{"structuredContent":{"code":"novel","message":"m"},"isError":true}'), 1, "m (novel)"),
        (reply('"result":{"structuredContent":{"code":"timeout","message":"m"},"isError":true}'), 124, "m (timeout)"),
        (reply('"result":{"structuredContent":{"code":"unavailable","message":"m"},"isError":true}'), 6, "m (un"),
    ],
)
def test_an_answer_that_is_none_is_told_in_a_line(answer: Response, code: int, why: str, capsys) -> None:
    with saying(lambda _: answer) as server:
        assert ask(server.url) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert why in told.err.splitlines()[0]


@pytest.mark.parametrize("more", [0, 1])
def test_an_answer_has_a_largest_size(more: int, monkeypatch: pytest.MonkeyPatch) -> None:
    body = reply(DOCUMENT)
    monkeypatch.setattr(client, "MOST", len(body.body) - more)
    with saying(lambda _: body) as server:
        assert ask(server.url) == (6 if more else 0)


def test_an_answer_may_be_a_stream_of_events() -> None:
    note = b'data: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n'
    last = b'event: message\ndata: {"jsonrpc":"2.0","id":1,%b}\n\n' % DOCUMENT.encode()
    with saying(lambda _: Response(200, b": waiting\n\n" + note + last, b"text/event-stream")) as server:
        assert ask(server.url) == 0


@pytest.mark.parametrize("address", ["", "/", "/mcp", "/mcp?x=1"])
def test_a_call_is_a_post_in_the_words_of_the_modern_era(address: str) -> None:
    requests: list[Request] = []

    def note(request: Request) -> Response:
        requests.append(request)
        return reply(DOCUMENT)

    with saying(note) as server:
        assert ask(server.url.removesuffix("/mcp") + address) == 0
    (request,) = requests
    assert request.headers[b"mcp-protocol-version"] == b"2026-07-28"
    assert (request.headers[b"mcp-method"], request.headers[b"mcp-name"]) == (b"tools/call", b"kanban_status")
    assert request.headers[b"accept"] == b"application/json, text/event-stream"
    params = json.loads(request.body)["params"]
    assert (params["name"], params["arguments"]) == ("kanban_status", {})
    assert params["_meta"]["io.modelcontextprotocol/protocolVersion"] == "2026-07-28"


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8080", "http://", "http://[::1", "http://x:port/", "http://x/\n", "ftp://x"]
)
def test_an_address_that_is_none_is_a_usage_error(url: str, capsys) -> None:
    assert ask(url) == 2
    assert "is no address of a server; give one like http://127.0.0.1:8080/mcp" in capsys.readouterr().err


def test_a_maintenance_that_takes_longer_than_a_call_is_waited_for_with_its_key(capsys) -> None:
    late = reply('"result":{"structuredContent":{"code":"timeout","message":"m"},"isError":true}')
    run_ = '{"window":"daily","started_at":"2026-11-24T06:00:00.000Z","ended_at":"2026-11-24T06:00:00.000Z"'
    done = reply(
        f'"result":{{"structuredContent":{{"receipt_seq":7,"tpm_run":{run_},"score":"100","figures":{{}},'
        '"findings":[],"checkpoint":6,"pruned":null}},"content":[]}'
    )
    answers, keys = iter([late, late, done]), set()

    def answer(request: Request) -> Response:
        keys.add(json.loads(request.body)["params"]["arguments"]["idempotency_key"])
        return next(answers)

    with saying(answer) as server:
        assert run(["tcps", "tpm", "run", "daily", "--url", server.url]) == 0
    assert "daily maintenance" in capsys.readouterr().out
    assert len(keys) == 1
