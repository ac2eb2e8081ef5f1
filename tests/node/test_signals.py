"""Signals to this process, heard as a loop would hear them."""

import os
import selectors
import signal
from collections.abc import Iterator

import pytest

from erlmcp.node.signals import HEARD, Signals


@pytest.fixture
def signals() -> Iterator[Signals]:
    before = {number: signal.getsignal(number) for number in HEARD}
    fd = signal.set_wakeup_fd(-1)
    heard = Signals()
    yield heard
    if heard.wakeup.fileno() >= 0:
        heard.close()
    signal.set_wakeup_fd(fd)
    for number, handler in before.items():
        signal.signal(number, handler)


def test_signals_are_heard_in_order_and_once(signals: Signals) -> None:
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGTERM):
        os.kill(os.getpid(), number)
    assert signals.take() == [signal.SIGHUP, signal.SIGTERM, signal.SIGTERM]
    assert signals.take() == []


def test_a_signal_wakes_a_selector_until_it_was_taken(signals: Signals) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(signals.wakeup, selectors.EVENT_READ)
        assert not selector.select(0)
        os.kill(os.getpid(), signal.SIGUSR1)
        assert selector.select(5)
        signals.take()
        assert not selector.select(0)


def test_no_signal_is_lost_in_a_storm_of_others(signals: Signals) -> None:
    for _ in range(5000):
        os.kill(os.getpid(), signal.SIGHUP)
    os.kill(os.getpid(), signal.SIGCHLD)
    assert signals.take()[-1] == signal.SIGCHLD
    os.kill(os.getpid(), signal.SIGTERM)
    assert signals.take() == [signal.SIGTERM]


def test_when_nothing_more_is_heard_another_signal_does_no_harm(signals: Signals) -> None:
    signals.close()
    for number in HEARD:
        os.kill(os.getpid(), number)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
