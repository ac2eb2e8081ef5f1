"""How columns become values."""

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from erlmcp.store import QueryError
from erlmcp.store.rows import builder


class Bucket(StrEnum):
    SECURITY = "security"
    COST = "cost"


class Order(Struct, frozen=True):
    id: str
    bucket: Bucket
    priority: Annotated[int, Meta(ge=1, le=10)]
    open: bool
    labels: tuple[str, ...] = ()
    created_at: datetime | None = None


class Named(Struct, frozen=True, kw_only=True):
    name: str
    note: str | None = None


def test_columns_in_the_order_of_the_fields_become_a_struct():
    build = builder(["id", "bucket", "priority", "open", "labels", "created_at"], Order)
    row = ("WO-1", "cost", 8, 1, '["a","b"]', "2026-07-28T01:02:03Z")
    made = Order("WO-1", Bucket.COST, 8, True, ("a", "b"), datetime(2026, 7, 28, 1, 2, 3, tzinfo=UTC))
    assert build(row) == made
    assert build(row).bucket is Bucket.COST


def test_columns_in_another_order_go_to_their_fields_by_name():
    build = builder(["open", "priority", "id", "bucket"], Order)
    assert build((0, 3, "WO-1", "security")) == Order("WO-1", Bucket.SECURITY, 3, False)


def test_a_struct_of_keywords_is_built_by_keyword():
    assert builder(["name"], Named)(("x",)) == Named(name="x")


def test_null_stays_none():
    build = builder(["id", "bucket", "priority", "open", "labels", "created_at"], Order)
    assert build(("WO-1", "cost", 8, 1, "[]", None)).created_at is None


def test_numbers_text_and_bytes_pass_unchecked_for_the_schema_checks_them():
    assert builder(["id", "bucket", "priority", "open"], Order)(("WO-1", "cost", 99, 1)).priority == 99


@pytest.mark.parametrize(
    ("into", "value", "made"),
    [
        (int, 3, 3),
        (str, "x", "x"),
        (bytes, b"\x00", b"\x00"),
        (bool, 1, True),
        (Bucket, "cost", Bucket.COST),
        (Literal["a", "b"], "a", "a"),
        (Decimal, "1.50", Decimal("1.50")),
        (dict[str, int], '{"a":1}', {"a": 1}),
        (list[int], b"[1,2]", [1, 2]),
        (int | None, None, None),
        (Any, "x", "x"),
    ],
)
def test_one_column_becomes_one_value(into: Any, value: Any, made: Any):
    assert builder(["x"], into)((value,)) == made


def test_raw_json_is_kept_as_it_is():
    assert bytes(builder(["x"], msgspec.Raw)(('{"a": 1.0}',))) == b'{"a": 1.0}'


def test_a_struct_in_a_column_comes_from_json():
    class Holder(Struct):
        inner: Named

    assert builder(["inner"], Holder)(('{"name":"x"}',)) == Holder(Named(name="x"))


@pytest.mark.parametrize(
    ("columns", "into", "line"),
    [
        (["name", "colour"], Named, "Named has no field colour"),
        (["note"], Named, "Named needs name, which the query does not give"),
        (["name", "name"], Named, "a column comes twice: name, name"),
        (["a", "b"], int, "int is one column, and the query gives a, b"),
    ],
)
def test_columns_that_do_not_fit_are_named(columns: list[str], into: type, line: str):
    with pytest.raises(QueryError) as caught:
        builder(columns, into)
    assert str(caught.value) == line


@given(st.permutations(["id", "bucket", "priority", "open", "labels"]))
def test_the_order_of_the_columns_never_matters(columns: list[str]):
    row = {"id": "WO-1", "bucket": "cost", "priority": 2, "open": 0, "labels": "[]"}
    assert builder(columns, Order)(tuple(row[name] for name in columns)) == Order("WO-1", Bucket.COST, 2, False)
