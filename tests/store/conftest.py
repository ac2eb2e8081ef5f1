from pathlib import Path

import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database of a test is made: in a directory that is not there yet."""
    return tmp_path / "data" / "erlmcp.db"
