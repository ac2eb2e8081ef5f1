"""The servers that the clients call: four workers each, started once for all of these tests."""

from collections.abc import Iterator

import pytest

from tests.serving import serving


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of four workers that serve `tests.clients.shop`."""
    with serving("tests.clients.shop:app", 4, tmp_path_factory.mktemp("shop")) as url:
        yield url


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of four workers that serve the conformance fixture, which asks in every way there is."""
    with serving("tests.conformance.everything:app", 4, tmp_path_factory.mktemp("everything")) as url:
        yield url
