"""The door of the parts: what features put into the line process, and their tables."""

from pathlib import Path

import pytest

from erlmcp.backplane import Ground, Part, parts, schema
from erlmcp.mcp import Options
from erlmcp.otp import ChildSpec
from erlmcp.store import Migrations, Queries, QueryError, Schema

GROUND = Ground(None, lambda topic, payload: None, Options())  # type: ignore[arg-type]


async def answer(payload: bytes, seconds: float) -> bytes:
    return payload


async def idle(ready) -> None:
    ready()


def test_all_parts_are_one_part():
    one = Part({"one": answer}, (ChildSpec("one", idle),))
    two = Part({"two": answer}, (ChildSpec("two", idle),))
    whole = parts(GROUND, {"one": lambda _: one, "two": lambda _: two})
    assert list(whole.services) == ["one", "two"]
    assert [child.id for child in whole.children] == ["one", "two"]


def test_two_parts_can_not_offer_one_service():
    part = Part({"till": answer})
    with pytest.raises(ValueError, match="two offers the service 'till', which another part offers already"):
        parts(GROUND, {"one": lambda _: part, "two": lambda _: part})


def test_a_part_is_built_on_the_ground_of_its_line_process():
    seen: list[Ground] = []
    parts(GROUND, {"one": lambda ground: seen.append(ground) or Part()})
    assert seen == [GROUND]


def test_each_feature_numbers_its_own_tables():
    assert all(each.component.startswith("mcp.") and each.steps for each in schema().migrations)


def test_two_schemas_are_one_unless_they_share_a_component(tmp_path: Path):
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE a (b TEXT) STRICT;")
    one, two = (Schema((Migrations.load(name, tmp_path),), Queries()) for name in ("one", "two"))
    assert [each.component for each in (one | two).migrations] == ["one", "two"]
    with pytest.raises(QueryError, match="the migrations of one are there already"):
        one | one
