"""Ids and moments."""

from datetime import UTC, datetime, timedelta, timezone
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from erlmcp.tcps import Ids
from erlmcp.tcps.moments import moment, stamp

NOW = datetime(2026, 3, 2, 8, 0, 0, 123_987, tzinfo=UTC)
moments = st.datetimes(datetime(2000, 1, 1), datetime(9000, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))


def test_a_moment_is_written_in_utc_with_milliseconds():
    assert stamp(NOW) == "2026-03-02T08:00:00.123Z"
    assert stamp(NOW.astimezone(timezone(timedelta(hours=5, minutes=45)))) == "2026-03-02T08:00:00.123Z"
    assert stamp(NOW.replace(microsecond=0)) == "2026-03-02T08:00:00.000Z"


@given(moments, moments)
def test_moments_sort_as_text_and_come_back_to_the_millisecond(one, other):
    assert timedelta(0) <= one - moment(stamp(one)) < timedelta(milliseconds=1)
    if stamp(one) < stamp(other):
        assert one < other


def test_an_id_has_its_prefix_and_nothing_that_a_url_would_escape():
    made = Ids(Random(1).getrandbits).new("WO", NOW)
    assert made.startswith("WO-")
    assert len(made) == 21
    assert set(made[3:]) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


@given(st.lists(moments, min_size=2, max_size=20))
def test_ids_grow_even_if_the_clock_goes_back(times):
    ids = Ids(Random(1).getrandbits)
    made = [ids.new("WO", at) for at in times]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_ids_of_two_lives_in_the_same_millisecond_differ():
    assert Ids().new("WO", NOW) != Ids().new("WO", NOW)


def test_a_later_millisecond_gives_a_greater_id_in_another_life():
    assert Ids(lambda bits: 2**bits - 1).new("WO", NOW) < Ids(lambda bits: 0).new("WO", NOW + timedelta(milliseconds=1))
