"""The server that the official clients call: four workers, started once for all of these tests."""

from collections.abc import Iterator

import pytest

from tests.serving import Server, serving


@pytest.fixture(scope="session")
def shop() -> Iterator[Server]:
    with serving("tests.clients.shop:app", 4) as running:
        yield running
