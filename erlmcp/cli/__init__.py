"""The command line: a grammar of commands that parses, calls and prints. What the commands do is in `erlmcp.node`.

`worker` and `config resolve` are the node's own commands, run by it many times; they go around the grammar.
"""

import sys

__all__ = ["main"]


def main() -> None:
    """The entry point `erlmcp`; leaves with an exit code of the table in `erlmcp.node.exits`."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["worker"]:
        from erlmcp.node.worker import main as worker  # noqa: PLC0415 - a worker needs no grammar

        sys.exit(worker(arguments[1:]))
    if arguments[:2] == ["config", "resolve"]:
        from erlmcp.node.configuration import main as answer  # noqa: PLC0415 - nor does the resolver

        sys.exit(answer())
    from erlmcp.cli.grammar import run  # noqa: PLC0415 - click costs 30 ms that those two do not have to spend

    sys.exit(run(arguments))
