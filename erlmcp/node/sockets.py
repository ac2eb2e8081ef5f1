"""Listening sockets: bound here once, kept by the arbiter, inherited by every worker.

It does not know what is spoken on them. One socket per port is shared by all workers, without SO_REUSEPORT: a killed
worker then delays connections that nobody has accepted yet, and never resets them (LWN 853637).
"""

import errno
import ipaddress
import os
import socket
import tempfile

from erlmcp.node.exits import Exit, Refusal
from erlmcp.node.options import Resolved

__all__ = ["anonymous_file", "bind", "bind_doors", "is_loopback", "listen", "origin"]

FLAGS = {"http": "--port", "metrics": "--metrics-port"}


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host` (an address, or `localhost`; other names count as reachable)."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bind(host: str, port: int, *, flag: str) -> socket.socket:
    """A bound TCP socket that does not listen yet. `flag` names the option to change when the address can not be had.

    Raises `Refusal`: CONFLICT for a taken port, USAGE for an address that this machine does not have.
    """
    where = f"port {port} on {host}"
    try:
        family, kind, proto, _, address = min(
            socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE),
            key=lambda found: found[0] != socket.AF_INET,
        )
    except socket.gaierror as fault:
        raise Refusal(Exit.USAGE, f"can not listen on {where}: {fault.strerror}; give another with --host") from fault
    sock = socket.socket(family, kind, proto)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        sock.bind(address)
    except OSError as fault:
        sock.close()
        raise _refusal(fault, where, flag) from fault
    return sock


def listen(sock: socket.socket, backlog: int, *, flag: str) -> None:
    """Begin to listen. Apart from `bind`, so that all ports are had before the first connection is let in."""
    try:
        sock.listen(backlog)
    except OSError as fault:
        host, port = sock.getsockname()[:2]
        raise _refusal(fault, f"port {port} on {host}", flag) from fault


def bind_doors(resolved: Resolved) -> dict[str, socket.socket]:
    """All of a node's listening sockets, or none: `http`, `metrics`. Refusal as above."""
    sockets: dict[str, socket.socket] = {}
    try:
        for name, flag in FLAGS.items():
            address = getattr(resolved, name)
            if address is not None:
                sockets[name] = bind(address.host, address.port, flag=flag)
        for name, sock in sockets.items():
            listen(sock, resolved.http.backlog, flag=FLAGS[name])
    except Refusal:
        for sock in sockets.values():
            sock.close()
        raise
    return sockets


def _refusal(fault: OSError, where: str, flag: str) -> Refusal:
    if fault.errno == errno.EADDRINUSE:
        return Refusal(Exit.CONFLICT, f"{where} is taken by another program; free it or choose another with {flag}")
    if fault.errno == errno.EACCES:
        return Refusal(
            Exit.CONFLICT, f"{where} is not ours to take ({fault.strerror}); choose one above 1023 with {flag}"
        )
    return Refusal(
        Exit.USAGE, f"can not listen on {where}: {fault.strerror}; give another address with --host or {flag}"
    )


def origin(sock: socket.socket, host: str) -> str:
    """`http://host:port` for a person: the port that the socket really has, an address that a browser can open."""
    port = sock.getsockname()[1]
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def anonymous_file(name: str, content: bytes = b"", size: int = 0) -> int:
    """A file descriptor without a name in any directory, with `content` or `size` zero bytes; processes inherit it."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create(name)
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.write(fd, content) if content else os.ftruncate(fd, size)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
