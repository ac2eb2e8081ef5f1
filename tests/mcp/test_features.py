"""Lists of features: their order, their pages and their cursors."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlmcp.jsonrpc import INVALID_PARAMS, RpcError
from erlmcp.mcp.features import Features


class Entry:
    def __init__(self, key: str) -> None:
        self.key = key

    def definition(self, modern: bool) -> bytes:
        return b'{"name":"%b","modern":%b}' % (self.key.encode(), b"true" if modern else b"false")


def features_of(count: int) -> Features[Entry]:
    features: Features[Entry] = Features("tools", "tool")
    for number in range(count):
        features.add(Entry(f"t{number}"))
    return features


def page(features: Features[Entry], cursor: str | None, size: int, modern: bool = True):
    return msgspec.json.decode(b"{" + features.page(cursor, size, modern) + b"}")


def walk(features: Features[Entry], size: int) -> list[list[str]]:
    pages, cursor = [], None
    while True:
        members = page(features, cursor, size)
        pages.append([entry["name"] for entry in members["tools"]])
        cursor = members.get("nextCursor")
        if cursor is None:
            return pages


def test_an_empty_list_is_one_empty_page():
    assert page(features_of(0), None, 10) == {"tools": []}


def test_features_are_listed_in_the_order_of_their_registration():
    features: Features[Entry] = Features("tools", "tool")
    for key in ("zebra", "ant", "mole"):
        features.add(Entry(key))
    assert [entry["name"] for entry in page(features, None, 10)["tools"]] == ["zebra", "ant", "mole"]
    assert [feature.key for feature in features] == ["zebra", "ant", "mole"]


def test_a_name_that_is_taken_is_refused():
    features = features_of(1)
    with pytest.raises(ValueError, match="tool 't0' is registered twice"):
        features.add(Entry("t0"))
    assert len(features) == 1


def test_a_full_last_page_has_no_next_cursor():
    assert walk(features_of(4), 2) == [["t0", "t1"], ["t2", "t3"]]


def test_one_more_than_a_page_opens_another_page():
    assert walk(features_of(5), 4) == [["t0", "t1", "t2", "t3"], ["t4"]]


@given(count=st.integers(0, 60), size=st.integers(1, 25))
def test_the_pages_together_are_the_list(count: int, size: int):
    pages = walk(features_of(count), size)
    assert [name for each in pages for name in each] == [f"t{number}" for number in range(count)]
    assert all(len(each) == size for each in pages[:-1])


def test_the_empty_cursor_names_the_first_page():
    features = features_of(3)
    assert features.page("", 2, True) == features.page(None, 2, True)


NO_PAGE = {
    "words": "nonsense",
    "odd": "0",
    "umlaut": "é",
    "surrogate": "\udce9",
    "no number": "61743a",
    "zero": "61743a30",
    "not a page": "61743a31",
    "the end": "61743a38",
    "far": "61743a3939",
    "upper case": "61743A34",
    "leading zero": "61743a3034",
}


@pytest.mark.parametrize("cursor", NO_PAGE.values(), ids=NO_PAGE)
def test_a_cursor_that_names_no_page_is_refused(cursor: str):
    features = features_of(8)
    assert page(features, "61743a34", 4)["tools"][0]["name"] == "t4"
    with pytest.raises(RpcError) as refused:
        features.page(cursor, 4, True)
    assert refused.value.code == INVALID_PARAMS
    assert "cursor" in refused.value.message


@given(cursor=st.text(max_size=12))
def test_any_cursor_is_a_page_or_refused(cursor: str):
    features = features_of(50)
    try:
        members = page(features, cursor, 10)
    except RpcError as error:
        members, refused = {}, error.code
    else:
        refused = 0
    assert refused == INVALID_PARAMS or len(members["tools"]) == 10


def test_a_page_shows_what_was_added_after_it_was_first_asked_for():
    features = features_of(1)
    assert len(page(features, None, 10)["tools"]) == 1
    features.add(Entry("late"))
    assert [entry["name"] for entry in page(features, None, 10)["tools"]] == ["t0", "late"]


def test_each_era_has_its_own_page():
    features = features_of(1)
    assert page(features, None, 1, modern=True)["tools"] == [{"name": "t0", "modern": True}]
    assert page(features, None, 1, modern=False)["tools"] == [{"name": "t0", "modern": False}]


def test_a_page_is_encoded_once():
    features = features_of(3)
    assert features.page(None, 2, True) is features.page(None, 2, True)


def test_features_are_found_by_key():
    features = features_of(2)
    assert features.get("t1") is not None
    assert features.get("t2") is None
    assert "t1" in features
    assert "t2" not in features
