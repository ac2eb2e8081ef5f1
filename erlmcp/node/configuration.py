"""The resolver: reads the configuration, checks it as a whole and answers with what a node needs to know (`Resolved`).

Run as `erlmcp config resolve` with a `Question` on its standard input. What an exposed address means is decided here,
so that a reload can not open what the start refused.
"""

import os
import sys
from pathlib import Path

import msgspec

from erlmcp import __version__
from erlmcp._speedups import BACKEND
from erlmcp.config import Config, ConfigError, load
from erlmcp.node.coherence import faults
from erlmcp.node.exits import Exit, Refusal
from erlmcp.node.options import Address, LogView, Resolved
from erlmcp.node.resolver import Question
from erlmcp.node.sections import SECTIONS, Sections
from erlmcp.node.sockets import is_loopback

__all__ = ["main", "read", "resolved_from", "sections_for"]


def read(question: Question) -> Config:
    """The configuration that applies here. Raises ConfigError."""
    path = Path(question.config) if question.config else None
    return load(SECTIONS, flags=question.flags, environ=os.environ, path=path, spelled=question.spelled)


def sections_for(question: Question) -> Sections:
    """The checked sections, for a process that opens no port. Refusal(CONFIG)."""
    try:
        config = read(question)
        return Sections(**{name: config.section(name) for name in SECTIONS})
    except ConfigError as fault:
        raise Refusal(Exit.CONFIG, str(fault)) from fault


def resolved_from(config: Config) -> Resolved:
    """The checked whole. Refusal when its parts do not fit together."""
    whole = Sections(**{name: config.section(name) for name in SECTIONS})
    if wrong := faults(whole, config.origin):
        raise Refusal(Exit.CONFIG, "\n".join(wrong))
    _refuse_exposure(whole)
    http, metrics = whole.http, whole.metrics
    return Resolved(
        version=__version__,
        backend=BACKEND,
        node=whole.node,
        http=Address(http.host, http.port, http.backlog, http.drain),
        metrics=Address(metrics.host, metrics.port, http.backlog, http.drain) if metrics.enabled else None,
        log=LogView(whole.log.format, whole.log.level, whole.log.file),
        public_url=http.public_url,
        sections=msgspec.Raw(msgspec.json.encode(whole)),
    )


def _refuse_exposure(whole: Sections) -> None:
    """Until there is access control, a node is for this machine only, unless its owner says otherwise."""
    hosts = {"http.host": whole.http.host, "metrics.host": whole.metrics.host if whole.metrics.enabled else "localhost"}
    for key, host in hosts.items():
        if not whole.node.insecure and not is_loopback(host):
            raise Refusal(
                Exit.USAGE,
                f"{key} is {host}, which other machines reach, and erlmcp has no access control yet: everybody who"
                " reaches the port could call every tool. Listen on 127.0.0.1, or say --insecure if you mean it",
            )


def main() -> int:
    """Answer the question on standard input; returns the exit code."""
    question = msgspec.json.decode(sys.stdin.buffer.read(), type=Question)
    try:
        resolved = resolved_from(read(question))
    except ConfigError as fault:
        sys.stderr.write(f"{fault}\n")
        return Exit.CONFIG
    except Refusal as refusal:
        sys.stderr.write(f"{refusal.message}\n")
        return refusal.code
    sys.stdout.buffer.write(msgspec.json.encode(resolved))
    return Exit.OK
