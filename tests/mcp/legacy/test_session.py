"""Session ids: what they carry, how long they get, and that nobody else makes one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Raw

from erlmcp.mcp import Sealer
from erlmcp.mcp.legacy.session import (
    MAX_CAPABILITIES,
    MAX_CLIENT,
    client_capabilities,
    client_info,
    new_agreement,
    seal,
    unseal,
)
from erlmcp.mcp.seal import FixedRing

SEALER = Sealer()
AGREED = new_agreement("2025-11-25", b'{"sampling":{}}', b'{"name":"c"}')
ID = seal(SEALER, AGREED, "local").encode()


def raw(value):
    return Raw(json.dumps(value).encode())


def test_an_id_says_what_was_agreed_to_whoever_has_the_key_and_the_principal():
    assert unseal(SEALER, ID, "local") == AGREED
    assert unseal(SEALER, ID, "somebody") is None
    assert unseal(Sealer(), ID, "local") is None


def test_a_key_that_was_rotated_away_from_still_opens():
    old, new = b"o" * 32, b"n" * 32
    session_id = seal(Sealer(FixedRing(old)), AGREED, "local").encode()
    assert unseal(Sealer(FixedRing(new, old)), session_id, "local") == AGREED
    assert unseal(Sealer(FixedRing(new)), session_id, "local") is None


def test_no_two_sessions_share_a_key():
    assert len({new_agreement("2025-11-25", b"{}", b"{}").key for _ in range(100)}) == 100


def test_what_was_sealed_for_something_else_is_no_session():
    assert unseal(SEALER, SEALER.seal("other", b"x", b"local").encode(), "local") is None
    assert unseal(SEALER, SEALER.seal("session", b"x", b"local").encode(), "local") is None


@given(at=st.integers(0, len(ID) - 1), byte=st.integers(0, 255))
def test_an_id_with_another_byte_opens_nothing(at, byte):
    forged = ID[:at] + bytes([byte]) + ID[at + 1 :]
    assert forged == ID or unseal(SEALER, forged, "local") is None


@given(forged=st.binary(max_size=400) | st.from_regex(rb"e1\.[A-Za-z0-9_-]{0,400}", fullmatch=True))
def test_whatever_else_is_said_to_be_an_id_opens_nothing(forged):
    assert unseal(SEALER, forged, "local") is None


VALUES = st.recursive(
    st.booleans() | st.none() | st.integers() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=6),
    max_leaves=40,
)
MEANT = dict.fromkeys(("sampling", "elicitation", "roots"), VALUES)


@given(
    capabilities=VALUES | st.fixed_dictionaries({}, optional={**MEANT, "experimental": st.text(max_size=2000)}),
    client=VALUES | st.fixed_dictionaries({"name": st.text(max_size=500), "version": st.text(max_size=500)}),
)
def test_an_id_fits_into_a_header_whatever_a_client_says_of_itself(capabilities, client):
    kept = client_capabilities(raw(capabilities)), client_info(raw(client))
    assert len(kept[0]) <= MAX_CAPABILITIES
    assert len(kept[1]) <= MAX_CLIENT
    session_id = seal(SEALER, new_agreement("2025-11-25", *kept), "local")
    assert len(session_id) <= 1200
    assert session_id.isascii()
    assert all("!" <= each <= "~" for each in session_id)


def test_short_capabilities_are_kept_whole_and_of_long_ones_what_means_something():
    short = {"sampling": {"tools": {}}, "experimental": {"x": 1}, "extensions": {"io.example/y": {}}}
    assert json.loads(client_capabilities(raw(short))) == short
    long = short | {"experimental": {"x": "y" * 600}, "roots": {"listChanged": True, "z": 1}, "elicitation": 5}
    kept = {"sampling": {"tools": {}}, "elicitation": {}, "roots": {"listChanged": True}}
    assert json.loads(client_capabilities(raw(long))) == kept


@pytest.mark.parametrize("size", [MAX_CLIENT, MAX_CLIENT + 1])
def test_a_client_is_known_again_by_the_beginnings_of_what_it_says(size):
    said = {"name": "n", "icon": ""}
    said["icon"] = "i" * (size - len(json.dumps(said, separators=(",", ":"))))
    kept = json.loads(client_info(raw(said)))
    assert kept == (said if size == MAX_CLIENT else {"name": "n"})


def test_who_says_nothing_can_do_nothing():
    assert client_capabilities(UNSET) == client_info(UNSET) == client_capabilities(Raw(b"null")) == b"{}"
