"""A signal interrupts once, and not in the middle of what must be done whole."""

from __future__ import annotations

import signal

import pytest

from pm.demo.interrupts import Interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_signal_interrupts(number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt), Interrupts().listening():
        signal.raise_signal(number)


def test_a_deferred_block_runs_to_its_end_first() -> None:
    done = []

    def act() -> None:
        interrupts = Interrupts()
        with interrupts.listening():
            with interrupts.deferred():
                signal.raise_signal(signal.SIGTERM)
                done.append("whole")
            done.append("never")

    with pytest.raises(KeyboardInterrupt):
        act()
    assert done == ["whole"]


def test_a_second_signal_does_not_interrupt_the_cleaning_up() -> None:
    done = []

    def act() -> None:
        with Interrupts().listening():
            try:
                signal.raise_signal(signal.SIGINT)
            finally:
                signal.raise_signal(signal.SIGINT)
                done.append("clean")

    with pytest.raises(KeyboardInterrupt):
        act()
    assert done == ["clean"]


def test_handlers_are_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Interrupts().listening():
        pass
    assert signal.getsignal(signal.SIGTERM) is before
