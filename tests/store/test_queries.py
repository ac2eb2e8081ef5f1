"""Named SQL: what a file of statements may look like, and what is said about one that may not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlmcp.store import Queries, QueryError
from erlmcp.store.queries import parameters
from tests.store.shelf import queries


def written(directory: Path, **files: str) -> Path:
    for name, text in files.items():
        (directory / f"{name}.sql").write_text(text)
    return directory


def test_a_file_names_its_statements(tmp_path: Path):
    text = """-- Slots.

-- name: take_slot
UPDATE kanban SET wip = wip + 1
 WHERE bucket = :bucket AND wip < wip_limit RETURNING wip;

-- name:free
-- gives one back
UPDATE kanban SET wip = wip - 1 WHERE bucket = :bucket
"""
    take, free = Queries.load(written(tmp_path, slots=text))
    assert (take.name, take.parameters, take.origin) == ("take_slot", ("bucket",), "slots.sql:3")
    assert take.sql == "UPDATE kanban SET wip = wip + 1\n WHERE bucket = :bucket AND wip < wip_limit RETURNING wip"
    assert (free.name, free.origin) == ("free", "slots.sql:7")


def test_a_directory_is_read_whole_and_other_files_in_it_are_not(tmp_path: Path):
    written(tmp_path, b="-- name: two\nSELECT 2", a="-- name: one\nSELECT 1")
    (tmp_path / "notes.txt").write_text("not SQL")
    assert [query.name for query in Queries.load(tmp_path)] == ["one", "two"]


def test_one_file_can_be_loaded_by_itself(tmp_path: Path):
    written(tmp_path, a="-- name: one\nSELECT 1", b="-- name: two\nSELECT 2")
    assert [query.name for query in Queries.load(tmp_path / "b.sql")] == ["two"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("SELECT 1;", "a.sql:1: a statement comes before the first '-- name:' line"),
        ("-- name: one\n-- nothing\n", "a.sql:1: query one has no statement"),
        (
            "\n-- name: Take Slot\nSELECT 1",
            "a.sql:2: 'Take Slot' is no name for a query: use small letters, digits and _",
        ),
        ("-- name: a\nSELECT 1;\n-- name: a\nSELECT 2", "a.sql:3: query a is there already, in a.sql:1"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_its_line(tmp_path: Path, text: str, line: str):
    with pytest.raises(QueryError) as caught:
        Queries.load(written(tmp_path, a=text))
    assert str(caught.value) == line


def test_a_query_that_is_not_there_says_which_line_is_missing():
    with pytest.raises(QueryError, match="no query 'tkae': no loaded file has the line '-- name: tkae'"):
        queries(take="SELECT 1")["tkae"]


def test_sets_are_joined_and_a_name_belongs_to_one_of_them():
    both = queries(a="SELECT 1") | queries(b="SELECT 2")
    assert len(both) == 2
    with pytest.raises(QueryError, match="query a is there already"):
        both | queries(a="SELECT 3")


def test_parameters_are_found_once_each_in_the_order_of_their_first_use():
    assert parameters("SELECT :b, :a, :b") == ("b", "a")


@pytest.mark.parametrize(
    "sql",
    ["SELECT ':a'", "SELECT 'it''s :a'", 'SELECT ":a"', "SELECT 1 -- :a", "SELECT /* :a\n:b */ 1", "SELECT x::text"],
)
def test_a_colon_in_text_a_name_a_comment_or_a_cast_starts_no_parameter(sql: str):
    assert parameters(sql) == ()


@given(st.lists(st.sampled_from(["'it''s :no'", '":no"', "/* ' :no */", '-- " :no\n', "::", ":yes", " ", ","])))
def test_whatever_surrounds_it_a_parameter_is_found_and_nothing_else(pieces: list[str]):
    assert parameters(" ".join(pieces)) == (("yes",) if ":yes" in pieces else ())
