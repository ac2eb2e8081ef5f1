"""Messages: which are accepted, which code refuses the rest, whether the id survives, and what goes back."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erlmcp.jsonrpc import (
    INVALID_REQUEST,
    PARSE_ERROR,
    Notification,
    Request,
    RpcError,
    decode,
    encode_error,
    encode_notification,
    encode_result,
    event,
)
from erlmcp.jsonrpc.codec import MAX_ID


def refusal(body: bytes, max_depth: int = 64) -> RpcError:
    with pytest.raises(RpcError) as caught:
        decode(body, max_depth)
    assert caught.value.data is None
    return caught.value


def request(id_text: str) -> bytes:
    return f'{{"jsonrpc":"2.0","id":{id_text},"method":"m"}}'.encode()


def test_a_request_has_its_id_and_params_as_raw_text():
    body = b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"add","arguments":{"a": 1}}}'
    assert decode(body) == Request(b"7", "tools/call", b'{"name":"add","arguments":{"a": 1}}')


def test_a_message_without_an_id_is_a_notification():
    assert decode(b'{"method":"notifications/x","jsonrpc":"2.0"}') == Notification("notifications/x", b"")
    assert decode(b'{"method":"n","jsonrpc":"2.0","params":{ }}') == Notification("n", b"{ }")


def test_members_nobody_knows_are_ignored():
    assert decode(b'{"jsonrpc":"2.0","id":1,"method":"m","x":[null]}') == Request(b"1", "m", b"")


def test_escapes_in_member_names_version_and_method_are_read():
    body = b'{"json\\u0072pc":"2\\u002e0","\\u0069d":"\\u0031","m\\u0065thod":"tools\\/call"}'
    assert decode(body) == Request(b'"\\u0031"', "tools/call", b"")


@pytest.mark.parametrize(
    "id_text",
    ["0", "-1", "9007199254740993", "9" * 401, "-0", '""', '"7"', '"café 😀"', '"\\u00e9\\""', '"line\\n"'],
    ids=lambda text: text[:20],
)
def test_an_id_is_a_string_or_an_integer_and_stays_verbatim(id_text):
    message = decode(request(id_text))
    assert isinstance(message, Request)
    assert message.id == id_text.encode()
    assert json.loads(encode_result(message.id, b""))["id"] == json.loads(id_text)


@pytest.mark.parametrize(
    "id_text", ["null", "true", "false", "1.5", "1.0", "1e3", "-1E3", "{}", "[]", "[1]", '{"a":1}']
)
def test_another_kind_of_id_is_refused_and_not_echoed(id_text):
    error = refusal(request(id_text))
    assert (error.code, error.id) == (INVALID_REQUEST, None)
    assert error.message == 'Invalid request: member "id" must be a string or an integer'


@pytest.mark.parametrize("fill", ["1{}", '"{}"'], ids=["integer", "string"])
def test_an_id_is_allowed_up_to_its_longest_and_refused_above(fill):
    longest = fill.format("0" * (MAX_ID + 2 - len(fill)))
    assert len(longest) == MAX_ID
    assert decode(request(longest)) == Request(longest.encode(), "m", b"")
    error = refusal(request(fill.format("0" * (MAX_ID + 3 - len(fill)))))
    assert (error.code, error.id) == (INVALID_REQUEST, None)
    assert error.message == 'Invalid request: member "id" must not be longer than 1024 bytes'


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[]", "the message is a batch, but messages are accepted one by one"),
        (b'[{"jsonrpc":"2.0","id":1,"method":"m"}]', "the message is a batch, but messages are accepted one by one"),
        (b"1", "the message is not a JSON object"),
        (b'"jsonrpc"', "the message is not a JSON object"),
        (b"null", "the message is not a JSON object"),
        (b"{}", 'member "jsonrpc" must be "2.0"'),
    ],
)
def test_what_is_no_message_is_an_invalid_request(body, reason):
    error = refusal(body)
    assert (error.code, error.message, error.id) == (INVALID_REQUEST, f"Invalid request: {reason}", None)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        (b'"method":"m"', 'member "jsonrpc" must be "2.0"'),
        (b'"jsonrpc":"1.0","method":"m"', 'member "jsonrpc" must be "2.0"'),
        (b'"jsonrpc":2.0,"method":"m"', 'member "jsonrpc" must be "2.0"'),
        (b'"jsonrpc":"2.0"', 'member "method" must be a string'),
        (b'"jsonrpc":"2.0","method":1', 'member "method" must be a string'),
        (b'"jsonrpc":"2.0","method":null', 'member "method" must be a string'),
        (b'"jsonrpc":"2.0","method":["m"]', 'member "method" must be a string'),
        (b'"jsonrpc":"2.0","method":"m","params":[1]', 'member "params" must be an object'),
        (b'"jsonrpc":"2.0","method":"m","params":null', 'member "params" must be an object'),
        (b'"jsonrpc":"2.0","method":"m","params":"x"', 'member "params" must be an object'),
        (b'"jsonrpc":"2.0","result":{}', "the message has a result or an error, but no reply is expected here"),
        (b'"jsonrpc":"2.0","error":{}', "the message has a result or an error, but no reply is expected here"),
        (
            b'"jsonrpc":"2.0","method":"m","result":1',
            "the message has a result or an error, but no reply is expected here",
        ),
    ],
)
def test_an_invalid_request_is_refused_with_its_id(members, reason):
    error = refusal(b'{"id":"x",%b}' % members)
    assert (error.code, error.message, error.id) == (INVALID_REQUEST, f"Invalid request: {reason}", b'"x"')


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the message is empty"),
        (b"\r\n", "the message is empty"),
        (b'{"jsonrpc":"2.0"', "the JSON text ends early, at byte 16"),
        (b"{}{}", "nothing may follow the JSON value, but something does at byte 2"),
        (b"\xef\xbb\xbf{}", "the message starts with a byte order mark; JSON is sent as UTF-8 without one"),
        ('{"id":1}'.encode("utf-16"), "the message starts with a byte order mark; JSON is sent as UTF-8 without one"),
        ('{"id":1}'.encode("utf-16-le"), "a member name (a string) is expected at byte 1"),
        (b'{"id":7,"id":8}', "the member name at byte 8 occurs twice in its object"),
        (b'{"id":7,"x":"\xff"}', "the text is not UTF-8 at byte 13"),
        (b'{"id":"\\ud800"}', "half of a surrogate pair in a string at byte 7"),
        (b'{"id":7,"x":NaN}', "a JSON value is expected at byte 12"),
        (b'{"id":7,"x":%b}' % (b"1" * 5000), "the number at byte 12 is longer than 4300 digits"),
        (b"[" * 100_000 + b"]" * 100_000, "nested deeper than 64 levels at byte 64"),
    ],
    ids=lambda value: repr(value[:30]),
)
def test_what_is_no_json_is_a_parse_error_that_says_where(body, reason):
    error = refusal(body)
    assert (error.code, error.message, error.id) == (PARSE_ERROR, f"Parse error: {reason}", None)


def test_depth_is_allowed_up_to_the_limit_and_refused_above():
    def nested(levels: int) -> bytes:
        inner = b"[" * (levels - 2) + b"]" * (levels - 2)
        return b'{"jsonrpc":"2.0","method":"m","params":{"a":%b}}' % inner

    assert isinstance(decode(nested(64)), Notification)
    assert refusal(nested(65)).code == PARSE_ERROR
    assert isinstance(decode(nested(5), 5), Notification)
    assert refusal(nested(6), 5).code == PARSE_ERROR


# ---- what goes back


def test_an_error_reply_has_the_id_or_leaves_it_out():
    assert encode_error(b"7", RpcError(-32601, "Method not found")) == (
        b'{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"Method not found"}}'
    )
    assert encode_error(None, RpcError(-32700, 'a "quote"', b'{"uri":"x"}')) == (
        b'{"jsonrpc":"2.0","error":{"code":-32700,"message":"a \\"quote\\"","data":{"uri":"x"}}}'
    )


def test_half_of_a_surrogate_pair_in_an_error_message_breaks_nothing():
    reply = encode_error(b"1", RpcError(-32603, "tool \ud800 failed"))
    assert json.loads(reply)["error"]["message"] == "tool ? failed"


def test_a_notification_goes_out_with_or_without_params():
    assert encode_notification("n/x", b'{"a":1}') == b'{"jsonrpc":"2.0","method":"n/x","params":{"a":1}}'
    assert encode_notification("n/x", b"") == b'{"jsonrpc":"2.0","method":"n/x"}'


def test_an_event_carries_a_message_in_one_line():
    assert event(encode_result(b"1", b'"a":\n1')) == b'data: {"jsonrpc":"2.0","id":1,"result":{"a": 1}}\n\n'


def test_an_rpc_error_says_its_code_and_message():
    assert str(RpcError(-32602, "Unknown tool: x")) == "-32602 Unknown tool: x"


surrogate_free = st.text(st.characters(codec="utf-8"))
params = st.none() | st.dictionaries(surrogate_free, st.integers() | surrogate_free | st.none(), max_size=10)


@settings(deadline=None)
@given(st.none() | st.integers() | surrogate_free.filter(lambda text: len(text) < 100), surrogate_free, params)
def test_what_a_client_encodes_is_what_is_decoded(request_id, method, arguments):
    message = {"jsonrpc": "2.0", "method": method}
    if request_id is not None:
        message["id"] = request_id
    if arguments is not None:
        message["params"] = arguments
    decoded = decode(json.dumps(message).encode())
    assert decoded.method == method
    assert (json.loads(decoded.params) if decoded.params else None) == arguments
    assert (json.loads(decoded.id) if isinstance(decoded, Request) else None) == request_id


def read(body: bytes) -> Request | Notification | RpcError:
    try:
        return decode(body)
    except RpcError as error:
        return error


@settings(deadline=None)
@given(st.binary())
def test_no_bytes_bring_anything_but_a_message_or_an_rpc_error(body):
    message = read(body)
    if isinstance(message, RpcError):
        assert message.code in {PARSE_ERROR, INVALID_REQUEST}
        json.loads(encode_error(message.id, message))
