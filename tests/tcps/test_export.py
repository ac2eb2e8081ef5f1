"""Tampering with an exported chain is caught against the newest checkpoint, and located, with nothing but the files."""

import io
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from erlmcp.tcps import (
    NO_RECEIPT,
    Broken,
    Fault,
    Head,
    Ok,
    export,
    forged,
    key_of_pem,
    line_of,
    pem_of_key,
    read_checkpoint,
    sign,
    verify_file,
    written,
)
from tests.tcps.chains import chain, edited, rehashed

AT = "2026-03-02T08:00:00.000Z"
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
LENGTH = 12
CHAIN = chain(LENGTH)


def noted(receipts, seq, key=KEY, kept=None):
    return sign(key, Head(seq, receipts[seq - 1].hash), kept or seq, AT)


def checked(receipts, checkpoints=(), first=None):
    return verify_file(io.BytesIO(b"".join(map(line_of, receipts))), checkpoints, first)


NEWEST = noted(CHAIN, LENGTH)
EVERY_FOURTH = [noted(CHAIN, seq) for seq in (4, 8, 12)]
positions = st.integers(1, LENGTH)


def anew(receipts, seq, **changes):
    """Everything from this receipt on, hashed anew by somebody who has the whole database."""
    found = list(receipts[: seq - 1])
    for receipt in receipts[seq - 1 :]:
        before = found[-1].hash if found else NO_RECEIPT.hash
        found.append(rehashed(receipt, prev_hash=before, **changes))
        changes = {}
    return found


def located(outcome):
    assert isinstance(outcome, Broken)
    return outcome.seq, outcome.fault


def test_an_export_is_whole_against_every_checkpoint_of_it():
    assert checked(CHAIN) == checked(CHAIN, EVERY_FOURTH) == Ok(LENGTH, Head(LENGTH, CHAIN[-1].hash))
    assert checked([]) == Ok(0, NO_RECEIPT)


@given(positions, st.sampled_from(["actor", "at", "id", "payload", "sku_id", "stage", "type", "work_order_id"]))
def test_an_edited_receipt_is_located(seq, field):
    value = msgspec.Raw(b'{"inputs":{},"outputs":{}}') if field == "payload" else "eve"
    tampered = [*CHAIN[: seq - 1], edited(CHAIN[seq - 1], **{field: value}), *CHAIN[seq:]]
    assert located(checked(tampered, [NEWEST])) == (seq, Fault.EDITED)


@given(st.data())
def test_no_byte_of_an_export_can_be_changed(data):
    text = bytearray(b"".join(map(line_of, CHAIN)))
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] ^= data.draw(st.integers(1, 255))
    seq = text[:place].count(b"\n") + 1
    outcome = verify_file(io.BytesIO(bytes(text)), [NEWEST])
    assert isinstance(outcome, Broken)
    assert outcome.seq in {seq, seq + 1} or outcome.fault in {Fault.MISSING, Fault.OUT_OF_ORDER}


@given(positions)
def test_a_deleted_receipt_is_located(seq):
    outcome = checked(CHAIN[: seq - 1] + CHAIN[seq:], [NEWEST])
    assert located(outcome) == (seq, Fault.TRUNCATED if seq == LENGTH else Fault.MISSING)


@given(positions)
def test_an_inserted_receipt_is_located(seq):
    forgery = rehashed(CHAIN[seq - 1], id="RCPT-FORGED")
    after = [rehashed(receipt, seq=receipt.seq + 1) for receipt in CHAIN[seq - 1 :]]
    assert located(checked([*CHAIN[: seq - 1], forgery, *after], [NEWEST]))[0] in {seq + 1, LENGTH}
    hidden = anew([*CHAIN[: seq - 1], forgery, *after], seq)
    assert located(checked(hidden, [NEWEST])) == (LENGTH, Fault.REWRITTEN)


@given(positions)
def test_a_receipt_that_is_there_twice_is_located(seq):
    assert located(checked([*CHAIN[:seq], *CHAIN[seq - 1 :]], [NEWEST])) == (seq, Fault.OUT_OF_ORDER)


@given(st.sets(positions, min_size=2, max_size=2).map(sorted))
def test_two_that_changed_places_are_located(places):
    one, other = places
    swapped = list(CHAIN)
    swapped[one - 1], swapped[other - 1] = swapped[other - 1], swapped[one - 1]
    assert located(checked(swapped, [NEWEST])) == (one, Fault.MISSING)
    renumbered = [edited(receipt, seq=seq) for seq, receipt in enumerate(swapped, 1)]
    assert located(checked(renumbered, [NEWEST])) == (one, Fault.EDITED)


@given(st.integers(0, LENGTH - 1))
def test_a_truncated_export_is_located(left):
    assert located(checked(CHAIN[:left], [NEWEST])) == (left + 1, Fault.TRUNCATED)


@given(st.integers(1, 200))
def test_an_export_that_ends_within_a_line_is_located(cut):
    text = b"".join(map(line_of, CHAIN))
    cut = min(cut, len(line_of(CHAIN[-1])) - 1)
    assert located(verify_file(io.BytesIO(text[:-cut]), [NEWEST])) == (LENGTH, Fault.UNREADABLE)


@given(positions)
def test_a_chain_that_was_rewritten_from_a_place_on_is_located_between_two_checkpoints(seq):
    outcome = checked(anew(CHAIN, seq, actor="eve"), EVERY_FOURTH)
    after = next(one.seq for one in EVERY_FOURTH if one.seq >= seq)
    assert located(outcome) == (after, Fault.REWRITTEN)
    if after > 4:
        assert f"receipt {after - 4} and those before it are as they were" in outcome.reason
    assert located(checked(anew(CHAIN, seq, actor="eve"), [NEWEST])) == (LENGTH, Fault.REWRITTEN)
    assert isinstance(checked(anew(CHAIN, seq, actor="eve")), Ok)  # which is why checkpoints are kept elsewhere


def test_a_chain_that_was_rewritten_from_the_start_is_caught_by_any_checkpoint():
    for checkpoint in EVERY_FOURTH:
        assert located(checked(anew(CHAIN, 1, actor="eve"), [checkpoint])) == (checkpoint.seq, Fault.REWRITTEN)


@given(st.integers(1, LENGTH - 1), st.integers(0, LENGTH))
def test_a_database_that_was_rolled_back_is_caught_whether_it_went_on_or_not(kept, more):
    rolled_back = CHAIN[:kept]
    assert located(checked(rolled_back, [NEWEST])) == (kept + 1, Fault.TRUNCATED)
    went_on = [*rolled_back, *chain(more, Head(kept, rolled_back[-1].hash))]
    went_on = anew(went_on, kept + 1, actor="eve") if more else went_on
    assert located(checked(went_on, [NEWEST]))[1] in {Fault.TRUNCATED, Fault.REWRITTEN}


def test_a_forged_checkpoint_is_caught():
    key = NEWEST.key
    assert forged([NEWEST], [key]) is None
    for field, value in {"seq": 11, "count": 11, "hash": "f" * 64, "at": "2027-03-02T08:00:00.000Z"}.items():
        broken = forged([*EVERY_FOURTH, replace(NEWEST, **{field: value})], [key])
        assert broken is not None
        assert broken.fault is Fault.FORGED
        assert "does not bear the signature" in broken.reason
    for signature in ("", "00" * 64, "no hex", NEWEST.signature[:-2]):
        assert located(forged([replace(NEWEST, signature=signature)], [key])) == (LENGTH, Fault.FORGED)


def test_a_checkpoint_that_another_key_signed_is_caught():
    stranger = noted(anew(CHAIN, 1, actor="eve"), LENGTH, OTHER)
    assert located(forged([stranger], [NEWEST.key])) == (LENGTH, Fault.FORGED)
    assert located(forged([*EVERY_FOURTH, stranger])) == (LENGTH, Fault.FORGED)
    assert located(forged([replace(stranger, key=NEWEST.key)])) == (LENGTH, Fault.FORGED)
    assert forged([*EVERY_FOURTH, stranger], [NEWEST.key, stranger.key]) is None  # a key that was changed
    assert forged([]) is None


def test_a_signature_is_of_checkpoints_alone():
    """Domain separation: what the key signs elsewhere is no checkpoint."""
    said = msgspec.json.encode({"at": AT, "count": 12, "hash": NEWEST.hash, "key": NEWEST.key, "seq": 12})
    assert forged([replace(NEWEST, signature=KEY.sign(said).hex())]) is not None
    again = KEY.sign(b"erlmcp.tcps.checkpoint.v1\n" + said)
    assert again.hex() == NEWEST.signature


def test_a_checkpoint_and_its_key_are_files():
    assert read_checkpoint(written(NEWEST)) == NEWEST
    assert key_of_pem(pem_of_key(NEWEST.key)) == NEWEST.key
    assert pem_of_key(NEWEST.key).startswith(b"-----BEGIN PUBLIC KEY-----\n")
    for text in (b"", b"{}", b"[1]", b'{"seq": 1}', written(NEWEST)[:-3], b"\xff"):
        with pytest.raises(ValueError, match="it is no checkpoint"):
            read_checkpoint(text)
    with pytest.raises(ValueError, match="no public key"):
        key_of_pem(b"-----BEGIN NOTHING-----")


# A chain that was pruned


@given(st.integers(1, LENGTH - 1))
def test_a_pruned_chain_begins_where_the_newest_checkpoint_says(pruned):
    kept = LENGTH - pruned
    newest = noted(CHAIN, LENGTH, kept=kept)
    base = noted(CHAIN, pruned)
    assert checked(CHAIN[pruned:], [base, newest]) == Ok(kept, Head(LENGTH, CHAIN[-1].hash))
    assert checked(CHAIN[pruned:], [newest]) == Ok(kept, Head(LENGTH, CHAIN[-1].hash))
    assert located(checked(CHAIN[pruned:], [NEWEST])) == (1, Fault.MISSING)
    assert located(checked(CHAIN[pruned:])) == (1, Fault.MISSING)
    assert isinstance(checked(CHAIN[pruned:], first=pruned + 1), Ok)
    assert located(checked(CHAIN[pruned:], first=pruned + 2)) == (pruned + 2, Fault.MISSING)
    if kept > 1:
        assert located(checked(CHAIN[pruned + 1 :], [newest])) == (pruned + 1, Fault.MISSING)


def test_a_pruned_chain_follows_its_checkpoint():
    base, newest = replace(noted(CHAIN, 4), hash="f" * 64), noted(CHAIN, LENGTH, kept=8)
    assert located(checked(CHAIN[4:], [base, newest])) == (4, Fault.REWRITTEN)


# What is no receipt


@pytest.mark.parametrize("line", [b"\n", b"{}\n", b"[]\n", b"null\n", b'{"seq":1}\n', b"\xff\n", b"[" * 5000 + b"\n"])
def test_a_line_that_is_no_receipt_is_located(line):
    text = b"".join(map(line_of, CHAIN[:2])) + line
    broken = verify_file(io.BytesIO(text))
    assert located(broken) == (3, Fault.UNREADABLE)
    assert broken.reason == "line 3 is no receipt, but should be receipt 3"


def test_another_spelling_of_a_receipt_is_not_what_was_hashed():
    first = line_of(CHAIN[0])
    for text in (first.replace(b'"seq":1', b'"seq": 1'), first.replace(b'{"actor"', b'{"actor":"eve","actor"')):
        assert located(verify_file(io.BytesIO(text))) == (1, Fault.EDITED)


async def test_the_line_exports_what_it_hashed(plant, tmp_path):
    for number in range(7):
        await plant.create(f"thing {number} „ä“ \U0001f600")
    path = Path(tmp_path) / "receipts.jsonl"
    with path.open("wb") as file:
        assert await export(plant.database, file.write, 0, 7) == 7
    receipts = await plant.receipts()
    assert path.read_bytes() == b"".join(map(line_of, receipts))
    with path.open("rb") as file:
        assert verify_file(file) == Ok(7, Head(7, receipts[-1].hash))
    part = io.BytesIO()
    assert await export(plant.database, part.write, 2, 5) == 3
    part.seek(0)
    assert verify_file(part, first=3) == Ok(3, Head(5, receipts[4].hash))
