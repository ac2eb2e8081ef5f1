"""Puts one twin of the HTTP framing under the connection, whichever the door has picked."""

from types import ModuleType

import pytest

import erlmcp.http.connection
from erlmcp._speedups import BACKEND, http

FUNCTIONS = ("encode_head", "next_chunk", "parse_head", "skip_trailer")


def twins() -> dict[str, ModuleType]:
    """The twins there are, by name."""
    if BACKEND == "pure":
        return {"pure": http}
    from erlmcp._speedups import _http  # noqa: PLC0415

    return {"pure": http, "compiled": _http}


def use(twin: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let connections frame with this twin for the length of a test."""
    for name in FUNCTIONS:
        monkeypatch.setattr(erlmcp.http.connection, name, getattr(twin, name))
