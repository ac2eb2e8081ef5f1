"""The file of sealing keys: made, read, rotated, lost and damaged; and what becomes of what was sealed."""

import logging
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlmcp.backplane import KeyKeeper, KeysDamaged, make_keys
from erlmcp.backplane.key_ring import ROTATED, FileRing
from erlmcp.backplane.keys import FILE, KEPT, Key, read, rotated, write
from erlmcp.mcp import KEY_BYTES, Sealer

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Line:
    """A line process: its keeper of keys, a clock, and what it told."""

    def __init__(self, place: Path, days: int = 7) -> None:
        make_keys(place, NOW)
        self.now, self.told, self.place = NOW, list[str](), place
        self.keeper = KeyKeeper(place, days, lambda topic, _: self.told.append(topic), lambda: self.now)
        self.keeper.look()

    def after(self, **time: float) -> None:
        self.now += timedelta(**time)
        self.keeper.look()

    @property
    def keys(self) -> int:
        return len(read(self.place / FILE))


def sealer(place: Path) -> Sealer:
    """Another process of the node."""
    return Sealer(FileRing(place))


def test_the_file_is_made_once_and_its_owner_alone_can_read_it(tmp_path: Path):
    make_keys(tmp_path, NOW)
    first = (tmp_path / FILE).read_bytes()
    make_keys(tmp_path, NOW + timedelta(days=400))
    assert (tmp_path / FILE).read_bytes() == first
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_what_one_process_seals_another_opens_and_after_a_restart_too(tmp_path: Path):
    make_keys(tmp_path, NOW)
    token = sealer(tmp_path).seal("state", b"payload")
    assert sealer(tmp_path).unseal("state", token) == b"payload"
    Line(tmp_path)
    assert sealer(tmp_path).unseal("state", token) == b"payload"


def test_two_nodes_have_nothing_in_common(tmp_path: Path):
    one, two = tmp_path / "one", tmp_path / "two"
    for place in (one, two):
        place.mkdir()
        make_keys(place, NOW)
    assert sealer(two).unseal("state", sealer(one).seal("state", b"payload")) is None


def test_a_key_seals_until_it_is_of_age(tmp_path: Path):
    line = Line(tmp_path, days=7)
    line.after(days=7, seconds=-1)
    assert (line.keys, line.told) == (1, [])
    line.after(seconds=1)
    assert (line.keys, line.told) == (2, [ROTATED])


def test_a_key_opens_for_as_long_as_it_is_kept_and_no_longer(tmp_path: Path):
    line = Line(tmp_path, days=40)
    token = sealer(tmp_path).seal("state", b"payload")
    line.after(days=40)
    line.after(seconds=KEPT - 1)
    assert sealer(tmp_path).unseal("state", token) == b"payload"
    line.after(seconds=1)
    assert sealer(tmp_path).unseal("state", token) is None


def test_a_process_that_meets_the_token_of_a_new_key_reads_the_file_again(tmp_path: Path):
    line = Line(tmp_path)
    old = sealer(tmp_path)
    before = old.seal("state", b"before")
    line.after(days=7)
    after = sealer(tmp_path).seal("state", b"after")
    assert (old.unseal("state", after), old.unseal("state", before)) == (b"after", b"before")


def test_a_process_that_hears_of_another_key_seals_with_it(tmp_path: Path):
    line = Line(tmp_path)
    ring = FileRing(tmp_path)
    first = ring.keys()[0]
    line.after(days=7)
    assert ring.keys()[0] == first
    ring.refresh()
    assert ring.keys()[1] == first


def test_a_file_that_has_not_changed_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    make_keys(tmp_path, NOW)
    ring = FileRing(tmp_path)
    keys = ring.keys()
    monkeypatch.setattr("erlmcp.backplane.key_ring.read", lambda path: pytest.fail("it was read"))
    ring.refresh()
    assert ring.keys() is keys


def test_a_file_that_is_taken_away_while_the_node_runs_is_written_again(tmp_path: Path, caplog):
    line = Line(tmp_path)
    before = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).unlink()
    line.after(seconds=5)
    line.after(seconds=5)
    assert ((tmp_path / FILE).read_bytes(), line.told) == (before, [])
    assert caplog.text.count("is gone; it is written again") == 1


def test_a_file_that_is_damaged_while_the_node_runs_is_set_aside_and_written_again(tmp_path: Path, caplog):
    line = Line(tmp_path)
    before = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(before[:40])
    line.after(seconds=5)
    assert (tmp_path / FILE).read_bytes() == before
    assert (tmp_path / f"{FILE}.damaged").read_bytes() == before[:40]
    assert "holds no ring of keys" in caplog.text


def test_a_process_that_runs_keeps_its_keys_while_the_file_is_damaged_and_says_so_once(tmp_path: Path, caplog):
    make_keys(tmp_path, NOW)
    ring = FileRing(tmp_path)
    keys = ring.keys()
    (tmp_path / FILE).unlink()
    with caplog.at_level(logging.ERROR, "erlmcp.backplane"):
        ring.refresh()
        ring.refresh()
    assert ring.keys() is keys
    assert caplog.text.count("the keys stay as they are") == 1


def test_another_ring_that_its_operator_puts_there_is_taken_over(tmp_path: Path):
    line = Line(tmp_path)
    write(tmp_path / FILE, [Key(NOW, bytes(KEY_BYTES)), Key(NOW, b"x" * KEY_BYTES)])
    line.after(seconds=5)
    assert (line.keys, line.told) == (2, [ROTATED])


def test_a_disk_that_is_full_leaves_the_old_key_sealing(tmp_path: Path, monkeypatch, caplog):
    line = Line(tmp_path)

    def full(path: Path, ring: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("erlmcp.backplane.key_ring.write", full)
        line.after(days=7)
        line.after(seconds=5)
    assert (line.keys, line.told) == (1, [])
    assert caplog.text.count("can not be written: No space left on device") == 1
    line.after(seconds=5)
    assert (line.keys, line.told) == (2, [ROTATED])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "truncated"),
        (b"\xff\xfe", ""),
        (b"[]", "Expected `object`"),
        (b'{"keys":[]}', "it holds no key"),
        (b'{"keys":[{"made":"2026-11-24T12:00:00Z","secret":"c2hvcnQ="}]}', "a key has 5 bytes, 32 are needed"),
        (b'{"keys":[{"made":"2026-11-24T12:00:00","secret":"%b="}]}' % (b"A" * 43), "the time of a key has no zone"),
        (b'{"keys":[{"made":"yesterday","secret":"%b="}]}' % (b"A" * 43), "keys[0].made"),
    ],
)
def test_a_damaged_file_says_what_is_wrong_and_what_to_do(tmp_path: Path, text: bytes, reason: str):
    path = tmp_path / FILE
    path.write_bytes(text)
    with pytest.raises(KeysDamaged) as refusal:
        make_keys(tmp_path, NOW)
    assert str(refusal.value).startswith(f"{path} holds no ring of keys: ")
    assert reason in str(refusal.value)
    assert "Put back the file as it was, or move it away" in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert path.read_bytes() == text


def test_a_file_that_everybody_could_read_is_closed_and_that_is_told(tmp_path: Path, caplog):
    make_keys(tmp_path, NOW)
    (tmp_path / FILE).chmod(0o644)
    make_keys(tmp_path, NOW)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert "could be read by everybody" in caplog.text


def test_a_file_that_its_group_may_read_is_left_alone(tmp_path: Path, caplog):
    make_keys(tmp_path, NOW)
    (tmp_path / FILE).chmod(0o660)
    make_keys(tmp_path, NOW)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o660
    assert caplog.text == ""


@given(st.integers(1, 60), st.lists(st.integers(0, 90 * 86400), max_size=20))
def test_however_time_goes_there_is_a_young_key_and_none_is_dropped_that_may_still_be_needed(days, steps):
    now, ring, count = NOW, (), 0

    def fresh() -> bytes:
        nonlocal count
        count += 1
        return b"%032d" % count

    for step in steps:
        now += timedelta(seconds=step)
        before, ring = ring, rotated(ring, now, days, fresh)
        assert (now - ring[0].made).total_seconds() < days * 86400
        assert len(ring) <= KEPT // (days * 86400) + 2
        for newer, key in pairwise(before):
            assert (key in ring) == ((now - newer.made).total_seconds() < KEPT)
