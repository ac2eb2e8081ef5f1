"""The contract of `Limits`, for every implementation: a test module gives it as the fixture `limits`."""

from typing import Any

from erlmcp.mcp.limits import Rate, digest

TEN = Rate(10, 1.0)


def admitted(limits: Any, key: bytes, now: float, tries: int, rate: Rate = TEN) -> int:
    return sum(limits.wait(key, rate, now) == 0 for _ in range(tries))


class LimitsContract:
    def test_as_many_calls_as_the_rate_says_are_admitted_at_once_and_not_one_more(self, limits: Any) -> None:
        key = digest("a")
        assert admitted(limits, key, 100.0, 10) == 10
        assert limits.wait(key, TEN, 100.0) > 0

    def test_one_more_is_admitted_when_its_time_has_come_and_not_before(self, limits: Any) -> None:
        key = digest("a")
        admitted(limits, key, 100.0, 10)
        wait = limits.wait(key, TEN, 100.0)
        assert abs(wait - 0.1) < 1e-9
        assert limits.wait(key, TEN, 100.0 + wait - 0.001) > 0
        assert limits.wait(key, TEN, 100.0 + wait + 0.001) == 0
        assert limits.wait(key, TEN, 100.0 + wait + 0.002) > 0

    def test_over_a_long_time_the_rate_is_kept(self, limits: Any) -> None:
        key = digest("a")
        count = sum(limits.wait(key, TEN, 100.0 + step * 0.01) == 0 for step in range(1000))
        assert count == 10 + 99

    def test_callers_do_not_share(self, limits: Any) -> None:
        assert admitted(limits, digest("tool", "ada"), 100.0, 11) == 10
        assert admitted(limits, digest("tool", "bob"), 100.0, 11) == 10

    def test_a_clock_that_begins_anew_locks_nobody_out(self, limits: Any) -> None:
        key = digest("a")
        admitted(limits, key, 1_000_000.0, 10)
        assert admitted(limits, key, 5.0, 11) == 10

    def test_so_many_places_are_taken_and_not_one_more(self, limits: Any) -> None:
        key = digest("a")
        releases = [limits.enter(key, 3) for _ in range(3)]
        assert None not in releases
        assert limits.enter(key, 3) is None
        releases[1]()
        again = limits.enter(key, 3)
        assert again is not None
        assert limits.enter(key, 3) is None
        for release in (releases[0], releases[2], again):
            release()

    def test_places_of_one_function_are_not_those_of_another(self, limits: Any) -> None:
        first, second = limits.enter(digest("a"), 1), limits.enter(digest("b"), 1)
        assert first is not None
        assert second is not None
        first()
        second()
