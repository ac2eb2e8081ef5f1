"""Functions whose annotations are strings until somebody asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from nowhere import Missing


class Point(msgspec.Struct):
    """Not the Point of the test's module."""

    latitude: float
    longitude: float


def locate(point: Point) -> str:
    return f"{point.latitude}"


def lost(it: Missing) -> None: ...


def local() -> Callable[..., str]:
    class Local(msgspec.Struct):
        name: str

    def tool(it: Local) -> str:
        assert isinstance(it, Local)
        return it.name

    return tool
