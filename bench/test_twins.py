"""The unit costs of the twins, each pair in a group of its own: head, chunks, JSON-RPC scan and framing."""

from typing import Any

import pytest

from bench.units import UNITS, Unit, twin


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "pure"])
@pytest.mark.parametrize("unit", UNITS, ids=[unit.name for unit in UNITS])
def test_unit(benchmark: Any, unit: Unit, compiled: bool) -> None:
    benchmark.group = unit.name
    benchmark(twin(unit, compiled=compiled))
