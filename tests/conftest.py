"""What every test shares: the event loop. uvloop unless a module is marked `both_loops`."""

import asyncio

import pytest
import uvloop


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "both_loops: the module's async tests run on uvloop and on plain asyncio")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("both_loops") and "event_loop_policy" in metafunc.fixturenames:
        metafunc.parametrize("event_loop_policy", ["uvloop", "asyncio"], indirect=True)


@pytest.fixture
def event_loop_policy(request: pytest.FixtureRequest) -> asyncio.AbstractEventLoopPolicy:
    return asyncio.DefaultEventLoopPolicy() if getattr(request, "param", "uvloop") == "asyncio" else uvloop.EventLoopPolicy()
