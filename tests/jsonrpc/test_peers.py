"""What a peer that also asks needs: replies told from requests, batches cut into messages, requests of its own."""

import json

import pytest

from erlmcp.jsonrpc import (
    INVALID_REQUEST,
    PARSE_ERROR,
    Notification,
    Reply,
    Request,
    RpcError,
    decode,
    encode_request,
    split_batch,
)


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        (b'{"jsonrpc":"2.0","id":7,"result":{"a": 1}}', Reply(b"7", b'{"a": 1}', b"")),
        (b'{"jsonrpc":"2.0","id":"x","error":{"code":-1}}', Reply(b'"x"', b"", b'{"code":-1}')),
        (b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700}}', Reply(b"", b"", b'{"code":-32700}')),
        (b'{"jsonrpc":"2.0","error":{}}', Reply(b"", b"", b"{}")),
        (b'{"id":1.5,"result":null,"jsonrpc":"1.0"}', Reply(b"1.5", b"null", b"")),
    ],
)
def test_a_reply_is_read_where_replies_are_expected_and_refused_elsewhere(text, reply):
    assert decode(text, 64, True) == reply
    with pytest.raises(RpcError) as refused:
        decode(text)
    assert refused.value.code == INVALID_REQUEST


def test_requests_and_notifications_are_read_alike_where_replies_are_expected():
    assert decode(b'{"jsonrpc":"2.0","id":1,"method":"m"}', 64, True) == Request(b"1", "m", b"")
    assert decode(b'{"jsonrpc":"2.0","method":"m"}', 64, True) == Notification("m", b"")


def test_a_batch_is_cut_into_its_messages_as_they_stand():
    assert split_batch(b' [ {"a": 1}, 2 ,[3]]') == [b'{"a": 1}', b"2", b"[3]"]
    assert split_batch(b"[]") == []
    assert split_batch(b'{"a":1}') is None


def test_a_batch_that_is_not_json_or_nests_too_deep_is_refused():
    for text, depth in ((b"[1,", 64), (b"[[[1]]]", 2)):
        with pytest.raises(RpcError) as refused:
            split_batch(text, depth)
        assert refused.value.code == PARSE_ERROR


def test_a_request_of_our_own_is_one_that_we_would_accept():
    assert decode(encode_request(b"3", "roots/list", b"")) == Request(b"3", "roots/list", b"")
    told = encode_request(b'"q"', "a/b", b'{"c":1}')
    assert json.loads(told) == {"jsonrpc": "2.0", "id": "q", "method": "a/b", "params": {"c": 1}}
