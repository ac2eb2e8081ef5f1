"""What a text of a server is: a message, some, or none."""

import pytest

from erlmcp.client.errors import Garbled
from erlmcp.client.message import MAX_BATCH, Ask, Failed, Notice, Reply, read


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"jsonrpc":"2.0","id":1,"result":{"a":1}}', Reply(b"1", b'{"a":1}')),
        (b'{"jsonrpc":"2.0","id":"1","result":{}}', Reply(b'"1"', b"{}")),
        (b'{"jsonrpc":"2.0","method":"m"}', Notice("m", b"{}")),
        (b'{"jsonrpc":"2.0","method":"m","params":{"x":[]}}', Notice("m", b'{"x":[]}')),
        (b'{"jsonrpc":"2.0","id":7,"method":"m","params":{}}', Ask(b"7", "m", b"{}")),
        (b'{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"no"}}', Failed(b"", -1, "no")),
        (b'{"jsonrpc":"2.0","error":{"code":-1,"message":"no","data":[1]}}', Failed(b"", -1, "no", [1])),
    ],
)
def test_a_text_is_one_message(text: bytes, message: object) -> None:
    assert read(text) == [message]


def test_an_array_is_several() -> None:
    text = b' [{"jsonrpc":"2.0","method":"m"},{"jsonrpc":"2.0","id":1,"result":{}}]'
    assert read(text) == [Notice("m", b"{}"), Reply(b"1", b"{}")]


def test_a_batch_has_a_largest_size() -> None:
    one = b'{"jsonrpc":"2.0","method":"m"}'
    assert len(read(b"[" + b",".join([one] * MAX_BATCH) + b"]")) == MAX_BATCH
    with pytest.raises(Garbled, match="a batch of 1001"):
        read(b"[" + b",".join([one] * (MAX_BATCH + 1)) + b"]")


@pytest.mark.parametrize(
    "text",
    [
        *(
            b"",
            b"null",
            b"1",
            b'"x"',
            b"{",
            b"[",
            b"{}",
            b"[1]",
            b"<html>",
            b"\xff",
            b"[" * 100_000,
            b'{"a":' * 100_000,
        ),
        *(b'{"jsonrpc":"2.0"}', b'{"jsonrpc":"2.0","id":1}', b'{"jsonrpc":"2.0","result":{}}', b'{"id":1,"result":{}}'),
        *(b'{"jsonrpc":"2.0","id":1,"error":"no"}', b'{"jsonrpc":"2.0","id":1,"error":{"code":"x"}}'),
        b'{"jsonrpc":"2.0","method":"\xff"}',
    ],
)
def test_anything_else_is_garbled(text: bytes) -> None:
    with pytest.raises(Garbled):
        read(text)
