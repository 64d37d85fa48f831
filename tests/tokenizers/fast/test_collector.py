"""The collector of cyclic garbage is held back during a call, and as before after it."""

import gc
import threading

import pytest

from minibert.errors import InputError
from minibert.tokenizers.bert import BertTokenizer
from minibert.tokenizers.fast.collector import collector_paused


def test_the_collector_is_as_before_after_a_call():
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"]
    tokenizer = BertTokenizer(vocab={token: i for i, token in enumerate(vocab)})
    assert gc.isenabled()
    tokenizer(["a b"] * 3)
    assert gc.isenabled()
    with pytest.raises(InputError):
        tokenizer("\ud800")
    assert gc.isenabled()
    gc.disable()
    try:
        tokenizer("a")
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_collector_runs_again_when_the_last_thread_is_done():
    inside, leave = threading.Event(), threading.Event()

    def other():
        with collector_paused:
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with collector_paused:
        thread.start()
        inside.wait(10)
    assert not gc.isenabled()  # the other is still at work
    leave.set()
    thread.join()
    assert gc.isenabled()
