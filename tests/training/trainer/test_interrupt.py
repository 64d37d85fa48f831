"""Ctrl-C: the first one asks, the second one stops, and the handler is given back."""

import os
import signal
import threading

import pytest

from minibert.training.trainer.interrupt import Interrupt


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_one_asks_and_the_second_one_stops() -> None:
    with Interrupt() as interrupt:
        assert not interrupt.asked
        press()
        assert interrupt.asked
        with pytest.raises(KeyboardInterrupt):
            press()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_somebody_elses_handler_stays() -> None:
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append("theirs"))
    try:
        with Interrupt() as interrupt:
            press()
        assert seen == ["theirs"]
        assert not interrupt.asked
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_handles_nothing() -> None:
    asked = []

    def work() -> None:
        with Interrupt() as interrupt:
            asked.append(interrupt.asked)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert asked == [False]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
