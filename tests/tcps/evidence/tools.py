"""Reports that real tools wrote: of a small module with known faults, and of this environment. Made once a run."""

import functools
import subprocess
import sys
import tempfile
from pathlib import Path

SHOP = '''"""Looked at by the tools."""
import subprocess


def total(prices):
    if not prices:
        return 0
    return sum(prices)


def run(command):
    return subprocess.run(command, shell=True)


def never():
    return 1
'''
TESTS = """import pytest
from shop import total


def test_total():
    assert total([1, 2]) == 3


def test_empty():
    assert total([]) == 0


@pytest.mark.skip(reason="later")
def test_later():
    pass


@pytest.fixture
def breaks():
    yield
    raise RuntimeError("teardown")


def test_fails_twice(breaks):
    assert total([1]) == 2


def test_wrong():
    assert total([2]) == 5
"""
NODE = """import test from 'node:test';
import assert from 'node:assert';
import { half } from './half.mjs';
test.describe('outer', () => {
  test('ok', () => { assert.equal(half(4), 2); });
  test('bad', () => { assert.equal(half(4), 3); });
  test.describe('inner', () => { test('deep', () => {}); test.skip('later', () => {}); });
});
"""
HALF = """export function half(n) {
  if (n < 0) {
    return 0;
  }
  return n / 2;
}
"""


@functools.cache
def folder() -> Path:
    place = Path(tempfile.mkdtemp(prefix="evidence-"))
    for name, text in (("shop.py", SHOP), ("test_shop.py", TESTS), ("half.mjs", HALF), ("half.test.mjs", NODE)):
        (place / name).write_text(text)
    return place


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder(), capture_output=True, text=True, timeout=60, check=False
    )


@functools.cache
def _pytest() -> None:
    reports = ("--junitxml=junit.xml", "--cov=shop", "--cov-report=xml:cobertura.xml", "--cov-report=lcov:lcov.info")
    done = _python("pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir=.", *reports, "test_shop.py")
    assert done.returncode == 1, done.stdout + done.stderr


@functools.cache
def report(name: str) -> bytes:
    """`junit.xml`, `cobertura.xml`, `lcov.info`, `ruff.sarif`, `bandit.sarif` or `bom.json`."""
    if name in {"junit.xml", "cobertura.xml", "lcov.info"}:
        _pytest()
    elif name == "ruff.sarif":
        rules = ("--isolated", "--select", "F,D103,S", "--no-cache", "--exit-zero")
        _python("ruff", "check", "shop.py", *rules, "--output-format", "sarif", "-o", name)
    elif name == "bandit.sarif":
        _python("bandit", "-q", "shop.py", "-f", "sarif", "-o", name)
    else:
        root = Path(__file__).resolve().parents[3]
        source = ("--pyproject", str(root / "pyproject.toml"))
        # Its look at its own file takes nine seconds, and changes nothing in it.
        _python("cyclonedx_py", "environment", "--no-validate", *source, "-o", name)
    return (folder() / name).read_bytes()


@functools.cache
def node_report(node: str, reporter: str) -> bytes:
    """What Node's own runner reports, as `junit` or `lcov`."""
    command = [node, "--test", f"--test-reporter={reporter}", "--experimental-test-coverage", "half.test.mjs"]
    return subprocess.run(command, cwd=folder(), capture_output=True, timeout=60, check=False).stdout
