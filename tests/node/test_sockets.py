"""Listening sockets: what is bound, what is refused and in which words."""

import os
import socket

import pytest

from erlmcp.node.exits import Exit, Refusal
from erlmcp.node.sockets import anonymous_file, bind, is_loopback, listen, origin


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.10", "::1"])
def test_loopback_addresses_are_for_this_machine_only(host: str):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "example.org"])
def test_every_other_address_counts_as_reachable(host: str):
    assert not is_loopback(host)


def test_a_bound_socket_is_inherited_only_when_asked_to():
    with bind("127.0.0.1", 0, flag="--port") as sock:
        assert not os.get_inheritable(sock.fileno())


def test_a_taken_port_is_refused_with_its_number_and_the_flag_that_changes_it():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Refusal) as refusal:
            bind("127.0.0.1", port, flag="--metrics-port")
    assert refusal.value.code == Exit.CONFLICT
    assert refusal.value.message == (
        f"port {port} on 127.0.0.1 is taken by another program; free it or choose another with --metrics-port"
    )


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(Refusal, match=r"can not listen on port 0 on 192\.0\.2\.1") as refusal:
        bind("192.0.2.1", 0, flag="--port")
    assert refusal.value.code == Exit.USAGE


def test_the_origin_names_an_address_that_a_browser_can_open():
    with bind("127.0.0.1", 0, flag="--port") as sock:
        listen(sock, 8, flag="--port")
        port = sock.getsockname()[1]
        assert origin(sock, "127.0.0.1") == f"http://127.0.0.1:{port}"
        assert origin(sock, "0.0.0.0") == f"http://127.0.0.1:{port}"
        assert origin(sock, "::") == f"http://[::1]:{port}"


def test_an_anonymous_file_holds_its_content_from_the_start():
    fd = anonymous_file("note", b"content")
    try:
        assert os.read(fd, 100) == b"content"
        assert os.fstat(fd).st_nlink == 0
    finally:
        os.close(fd)
