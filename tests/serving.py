"""A real `erlmcp serve` of an app of the tests, started as `tests.node.nodes` does: the URL, then the drain."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.node.nodes import end, launch, until

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def serving(target: str, workers: int, folder: Path, **settings: str) -> Iterator[str]:
    """The URL of a node that serves `module:app`, found in `folder` or in this repository, with ERLMCP_ `settings`.

    It must drain and exit with 0 when the block ends.
    """
    flags = ("--workers", str(workers))
    node = launch(folder, *flags, source=None, app=target, PYTHONPATH=str(ROOT), **settings)
    try:
        until(node.runs, "a running node")
        yield f"http://127.0.0.1:{node.port()}/mcp"
    finally:
        end(node)
    assert node.process.returncode == 0, node.stderr()
