"""What every test shares: the event loop and how hypothesis draws.

The loop is uvloop, and plain asyncio too for a module marked `both_loops`. Hypothesis has no deadline: that would be a
wall-clock assert in disguise, and CI shares its cores.
"""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop
from hypothesis import settings

settings.register_profile("erlmcp", deadline=None)
settings.load_profile("erlmcp")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "both_loops: the module's async tests run on uvloop and on plain asyncio")


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    factories: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"uvloop": uvloop.new_event_loop}
    if item.get_closest_marker("both_loops"):
        factories["asyncio"] = asyncio.SelectorEventLoop
    return factories
