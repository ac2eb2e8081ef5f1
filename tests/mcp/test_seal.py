"""Sealed tokens: what they open with, and that nothing else opens them."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlmcp.mcp.seal import KEY_BYTES, FixedRing, Sealer

OLD, NEW = b"o" * KEY_BYTES, b"n" * KEY_BYTES
SEALER = Sealer(FixedRing(NEW, OLD))
BITS = st.integers(min_value=1, max_value=255)


class TurningRing:
    """A ring that somebody else rotates: `refresh` sees the keys that are on disk by now."""

    def __init__(self, *keys: bytes) -> None:
        self.on_disk = keys
        self.seen: Sequence[bytes] = keys
        self.looks = 0

    def keys(self) -> Sequence[bytes]:
        return self.seen

    def refresh(self) -> None:
        self.looks += 1
        self.seen = self.on_disk


@given(st.binary(max_size=300), st.binary(max_size=50), st.text(max_size=10))
def test_a_token_opens_where_it_was_sealed_for_and_is_url_safe(payload: bytes, bound: bytes, purpose: str):
    token = SEALER.seal(purpose, payload, bound)
    assert re.fullmatch(r"e1\.[A-Za-z0-9_-]+", token)
    assert SEALER.unseal(purpose, token, bound) == payload


@given(st.binary(max_size=60), st.data())
def test_no_other_byte_anywhere_in_a_token_opens(payload: bytes, data: st.DataObject):
    token = SEALER.seal("state", payload, b"bound").encode()
    at, bits = data.draw(st.integers(0, len(token) - 1)), data.draw(BITS)
    other = (token[:at] + bytes([token[at] ^ bits]) + token[at + 1 :]).decode("latin-1")
    assert SEALER.unseal("state", other, b"bound") is None


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_no_other_bound_and_no_other_purpose_opens(bound: bytes, other: bytes):
    token = SEALER.seal("state", b"payload", bound)
    assert (SEALER.unseal("state", token, other) is None) == (bound != other)
    assert SEALER.unseal("session", token, bound) is None


@given(st.text(max_size=80))
def test_whatever_a_stranger_writes_is_no_token_and_no_error(text: str):
    assert SEALER.unseal("state", text) is None
    assert SEALER.unseal("state", "e1." + text) is None


@pytest.mark.parametrize("change", [lambda t: t + "=", lambda t: t[:-1], lambda t: t + "A", lambda t: " " + t])
def test_a_token_has_one_spelling(change):
    assert SEALER.unseal("state", change(SEALER.seal("state", b"payload"))) is None


def test_two_seals_of_the_same_differ():
    assert SEALER.seal("state", b"payload") != SEALER.seal("state", b"payload")


def test_the_first_key_seals_and_any_key_opens():
    before, turned, after = Sealer(FixedRing(OLD)), Sealer(FixedRing(NEW, OLD)), Sealer(FixedRing(NEW))
    assert turned.unseal("state", before.seal("state", b"old")) == b"old"
    assert after.unseal("state", turned.seal("state", b"new")) == b"new"
    assert after.unseal("state", before.seal("state", b"old")) is None


def test_a_key_that_is_not_here_makes_the_ring_look_again_once():
    ring = TurningRing(OLD)
    late, early = Sealer(ring), Sealer(FixedRing(NEW, OLD))
    ring.on_disk = (NEW, OLD)
    assert late.unseal("state", early.seal("state", b"new")) == b"new"
    assert ring.looks == 1
    assert early.unseal("state", late.seal("state", b"now it seals with the new one, too")) is not None
    assert late.unseal("state", Sealer().seal("state", b"a stranger's")) is None
    assert ring.looks == 2


def test_processes_without_a_ring_do_not_open_each_others_tokens():
    assert Sealer().unseal("state", Sealer().seal("state", b"payload")) is None


def test_a_key_of_32_bytes_is_enough_and_one_of_31_is_refused():
    assert FixedRing(b"k" * 32).keys() == (b"k" * 32,)
    with pytest.raises(ValueError, match="31 bytes; it needs 32"):
        FixedRing(b"k" * 31)
