"""The command line: a grammar of commands that parses, calls and prints. What the commands do is in `erlmcp.node`.

`worker`, `line` and `config resolve` are the node's own commands, run by it many times; they go around the grammar.
"""

import os
import sys

from erlmcp.node.exits import Exit

__all__ = ["main"]

SPEEDUPS = "erlmcp._speedups"


def main() -> None:
    """The entry point `erlmcp`; leaves with an exit code of the table in `erlmcp.node.exits`."""
    _open_standard_streams()
    arguments = sys.argv[1:]
    try:
        code = _run(arguments)
    except ImportError as absent:
        if absent.name != SPEEDUPS:
            raise
        mark = "" if arguments[:2] == ["config", "resolve"] else "error: "  # whoever asked the resolver says that
        os.write(2, f"{mark}{absent}\n".encode(errors="replace"))
        code = Exit.CONFIG
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    if arguments[:1] == ["worker"]:
        from erlmcp.node.worker import main as worker  # noqa: PLC0415 - a worker needs no grammar

        return worker(arguments[1:])
    if arguments[:1] == ["line"]:
        from erlmcp.node.line import main as line  # noqa: PLC0415 - nor does the line process

        return line(arguments[1:])
    if arguments[:2] == ["config", "resolve"]:
        from erlmcp.node.configuration import main as answer  # noqa: PLC0415 - nor does the resolver

        return answer()
    from erlmcp.cli.grammar import run  # noqa: PLC0415 - click costs 30 ms, which those three do not need

    return run(arguments)


def _open_standard_streams() -> None:
    """What was started with one of them closed (`>&-`) would hand its number to a socket, and print into that."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number: this one
            os.set_inheritable(fd, True)
