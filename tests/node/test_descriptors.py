"""The limit of open files, as a worker raises it. The real one is not touched."""

import resource

import pytest

from erlmcp.node import descriptors

UNLIMITED = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "after"),
    [
        (1024, 4096, 2000, 2000),
        (1024, 4096, 10_000, 4096),
        (1024, UNLIMITED, 10_000, 10_000),
        (1024, 1024, 10_000, 1024),
        (4096, 4096, 2000, 4096),
        (UNLIMITED, UNLIMITED, 2000, UNLIMITED),
    ],
)
def test_the_soft_limit_is_raised_as_far_as_wanted_and_allowed(
    soft: int, hard: int, wanted: int, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = [soft]
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _which, pair: limits.append(pair[0]))
    descriptors.allow(wanted)
    assert limits[-1] == after
