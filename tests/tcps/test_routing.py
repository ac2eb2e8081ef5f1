"""From a signal to a bucket and a priority."""

import pytest

from erlmcp.tcps import Bucket, Code, CreateWorkOrder, Options, PriorityWord, Refused, SignalType
from erlmcp.tcps.routing import priority_number, route


def routed(signal, labels=(), **asked):
    return route(CreateWorkOrder(signal, "x", labels=labels, **asked), Options().default_priority)


@pytest.mark.parametrize(
    ("signal", "labels", "expected"),
    [
        (SignalType.CVE, (), (Bucket.SECURITY, 10)),
        (SignalType.REFUND, (), (Bucket.RELIABILITY, 8)),
        (SignalType.INSTALL, (), (Bucket.FEATURES, 4)),
        (SignalType.GITHUB_ISSUE, (), (Bucket.FEATURES, 3)),
        (SignalType.GITHUB_ISSUE, ("security",), (Bucket.SECURITY, 3)),
        (SignalType.GITHUB_ISSUE, ("bug",), (Bucket.RELIABILITY, 3)),
        (SignalType.GITHUB_ISSUE, ("compliance",), (Bucket.COMPLIANCE, 3)),
        (SignalType.GITHUB_ISSUE, ("refactor",), (Bucket.TECHNICAL_DEBT, 3)),
        (SignalType.GITHUB_ISSUE, ("performance",), (Bucket.COST, 3)),
        (SignalType.GITHUB_ISSUE, ("performance", "refactor", "compliance", "bug"), (Bucket.RELIABILITY, 3)),
        (SignalType.GITHUB_ISSUE, ("bug", "security"), (Bucket.SECURITY, 3)),
        (SignalType.GITHUB_ISSUE, ("good first issue", "high"), (Bucket.FEATURES, 7)),
        (SignalType.GITHUB_ISSUE, ("bug", "critical"), (Bucket.RELIABILITY, 9)),
        (SignalType.GITHUB_ISSUE, ("medium", "bug"), (Bucket.RELIABILITY, 5)),
        (SignalType.GITHUB_ISSUE, ("medium", "high", "critical"), (Bucket.FEATURES, 9)),
        (SignalType.GITHUB_ISSUE, (" Bug ", "HIGH"), (Bucket.RELIABILITY, 7)),
        (SignalType.INTERNAL, (), (Bucket.FEATURES, 4)),
        (SignalType.INTERNAL, ("security", "critical"), (Bucket.FEATURES, 4)),
        (SignalType.CVE, ("bug",), (Bucket.SECURITY, 10)),
    ],
)
def test_a_signal_goes_where_the_table_says(signal, labels, expected):
    assert routed(signal, labels) == expected


@pytest.mark.parametrize(
    ("bucket", "priority"),
    [
        (Bucket.SECURITY, 8),
        (Bucket.RELIABILITY, 6),
        (Bucket.COST, 5),
        (Bucket.COMPLIANCE, 6),
        (Bucket.FEATURES, 4),
        (Bucket.TECHNICAL_DEBT, 3),
    ],
)
def test_an_internal_signal_goes_to_the_bucket_asked_for_with_its_priority(bucket, priority):
    assert routed(SignalType.INTERNAL, bucket=bucket) == (bucket, priority)
    assert routed(SignalType.INTERNAL, bucket=bucket, priority=9) == (bucket, 9)


@pytest.mark.parametrize("signal", [signal for signal in SignalType if signal is not SignalType.INTERNAL])
@pytest.mark.parametrize("asked", [{"bucket": Bucket.COST}, {"priority": 5}])
def test_only_an_internal_signal_may_ask_for_a_bucket_or_a_priority(signal, asked):
    with pytest.raises(Refused) as refused:
        routed(signal, **asked)
    assert refused.value.code is Code.INVALID
    assert next(iter(asked)) in refused.value.message
    assert "signal_type internal" in refused.value.next


@pytest.mark.parametrize(
    ("word", "number"),
    [(PriorityWord.CRITICAL, 10), (PriorityWord.HIGH, 7), (PriorityWord.MEDIUM, 5), (PriorityWord.LOW, 3)],
)
def test_a_priority_may_be_a_word(word, number):
    assert priority_number(word) == number
    assert priority_number(str(word)) == number  # as a door may pass it


def test_a_priority_is_from_1_to_10():
    assert [priority_number(1), priority_number(10)] == [1, 10]
    for wrong in (0, 11, -1, 10**5000, "urgent"):
        with pytest.raises(Refused) as refused:
            priority_number(wrong)
        assert refused.value.code is Code.INVALID
