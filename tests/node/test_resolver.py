"""Asking the resolver: what becomes of it when it can not even be started."""

from pathlib import Path

import pytest

from erlmcp.node.exits import Exit, Refusal
from erlmcp.node.resolver import Question, resolve

ASKED = Question({}, {})


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_resolver_that_can_not_be_started_is_a_refusal_and_leaves_no_file_open(tmp_path: Path):
    before = open_files()
    with pytest.raises(Refusal, match=r"the configuration could not be read: .*No such file") as refusal:
        resolve(ASKED, (str(tmp_path / "nothing"),))
    assert refusal.value.code == Exit.CANNOT_BOOT
    assert open_files() == before


def test_a_resolver_that_refuses_is_quoted_with_its_code_and_leaves_no_file_open():
    before = open_files()
    with pytest.raises(Refusal) as refusal:
        resolve(ASKED, ("/bin/sh", "-c", f"echo no >&2; exit {int(Exit.USAGE)}"))
    assert (refusal.value.code, refusal.value.message) == (Exit.USAGE, "no")
    assert open_files() == before
