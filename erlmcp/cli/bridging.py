"""The bridge behind `erlmcp stdio --url`: this process between a client on its pipes and a server over HTTP."""

import asyncio
import logging
import os
import re
import signal
import sys

from erlmcp.client import Address, Bridge, Network
from erlmcp.node.exits import Exit, Refusal
from erlmcp.pipes import Claim, Options, Visit

__all__ = ["bridge", "fields_of"]

_NAMED = re.compile(r"\$\{(\w+)\}")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.1


def bridge(url: str, headers: tuple[str, ...], level: str, claim: Claim) -> int:
    """Serve the client until it leaves; returns the exit code. Refusal(USAGE) for what is no address or no header."""
    fields = fields_of(headers)
    try:
        address = Address.of(url)
    except ValueError as fault:
        raise Refusal(Exit.USAGE, f"--url: {fault}") from fault
    logging.basicConfig(stream=sys.stderr, level=level.upper(), format="%(levelname)s %(name)s  %(message)s")
    asyncio.run(_live(Network(address), fields, claim))
    claim.release()
    return Exit.OK


async def _live(network: Network, fields: tuple[tuple[bytes, bytes], ...], claim: Claim) -> None:
    visit = Visit(claim, Options())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, visit.told)
    between = Bridge(network, visit.outlet, headers=fields)
    await between.start()
    try:
        await visit.attend(between, lambda: None)
    finally:
        await between.aclose()


def fields_of(headers: tuple[str, ...]) -> tuple[tuple[bytes, bytes], ...]:
    """`Name: value`, with `${NAME}` standing for a variable of the environment, so that no secret is in a command line.

    Refusal(USAGE).
    """
    fields = []
    for header in headers:
        name, colon, value = header.partition(":")
        if not colon or not _NAME.fullmatch(name.strip()):
            raise Refusal(Exit.USAGE, f"--header {header!r} is none: write it as 'Name: value'")
        value = _NAMED.sub(_variable, value.strip())
        if not value.isascii() or not value.isprintable():
            raise Refusal(Exit.USAGE, f"--header {name}: its value must be visible ASCII")
        fields.append((name.strip().encode(), value.encode()))
    return tuple(fields)


def _variable(found: re.Match[str]) -> str:
    name = found[1]
    if name not in os.environ:
        raise Refusal(Exit.USAGE, f"--header names ${{{name}}}, and the environment has no {name}")
    return os.environ[name]
