"""The limits of a node: the contract, and what several processes see of one file."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from erlmcp.backplane.limits import SLOTS, NodeLimits
from erlmcp.mcp.limits import Rate, digest
from tests.mcp.limits_contract import LimitsContract

CHILD = """
import sys
from pathlib import Path
from erlmcp.backplane.limits import NodeLimits
from erlmcp.mcp.limits import Rate, digest
limits = NodeLimits(Path(sys.argv[1]))
for line in sys.stdin:
    if line == "enter\\n":
        print(limits.enter(digest("a"), 2) is not None, flush=True)
    else:
        print(sum(limits.wait(digest("a"), Rate(10, 1.0), 100.0) == 0 for _ in range(7)), flush=True)
"""


class Other:
    """Another process with the same file."""

    def __init__(self, path: Path) -> None:
        command = [sys.executable, "-c", CHILD, str(path)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, word: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=10)


@pytest.fixture
def limits(tmp_path: Path) -> Iterator[NodeLimits]:
    made = NodeLimits(tmp_path / "limits")
    yield made
    made.close()


@pytest.fixture
def other(limits: NodeLimits, tmp_path: Path) -> Iterator[Other]:
    made = Other(tmp_path / "limits")
    yield made
    made.kill()


class TestNodeLimits(LimitsContract):
    @pytest.fixture
    def limits(self, tmp_path: Path) -> Iterator[NodeLimits]:
        made = NodeLimits(tmp_path / "limits")
        yield made
        made.close()


def test_places_are_counted_over_processes_and_those_of_a_dead_one_are_free_again(
    limits: NodeLimits, other: Other
) -> None:
    own = limits.enter(digest("a"), 2)
    assert own is not None
    assert other.ask("enter") == "True"
    assert other.ask("enter") == "False"
    assert limits.enter(digest("a"), 2) is None
    other.kill()
    assert limits.enter(digest("a"), 2) is not None


def test_a_rate_is_counted_over_processes(limits: NodeLimits, other: Other) -> None:
    assert sum(limits.wait(digest("a"), Rate(10, 1.0), 100.0) == 0 for _ in range(5)) == 5
    assert other.ask("wait") == "5"
    assert limits.wait(digest("a"), Rate(10, 1.0), 100.0) > 0


def test_a_table_that_is_full_goes_on(limits: NodeLimits, tmp_path: Path) -> None:
    for number in range(2 * SLOTS):
        assert limits.wait(digest(str(number)), Rate(1, 3600.0), 100.0) == 0
    assert (tmp_path / "limits").stat().st_size == SLOTS * 16


def test_what_was_counted_outlives_a_process(tmp_path: Path) -> None:
    first = NodeLimits(tmp_path / "limits")
    assert first.wait(digest("a"), Rate(1, 3600.0), 100.0) == 0
    first.close()
    second = NodeLimits(tmp_path / "limits")
    assert second.wait(digest("a"), Rate(1, 3600.0), 101.0) > 0
    second.close()


def test_where_nothing_is_counted_there_is_no_file(limits: NodeLimits, tmp_path: Path) -> None:
    assert not (tmp_path / "limits").exists()
