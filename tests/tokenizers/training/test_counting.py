"""Words are counted, and requests that no training can grant are refused."""

from itertools import pairwise

import pytest
from generated_texts import SENTENCES

import minibert as mb
from minibert.errors import InputError, TokenizerError
from minibert.tokenizers.training.counting import count_words

NO_WORDS = "The texts hold no words, so there is nothing to learn a vocabulary from."


@pytest.mark.parametrize("train", [mb.train_bpe, mb.train_wordpiece])
class TestEveryTrainer:
    def test_same_texts_same_result(self, train):
        assert train(iter(SENTENCES), 600, progress=False) == train(SENTENCES, 600, progress=False)

    def test_steps_are_the_new_symbols(self, train):
        steps = []
        trained = train(SENTENCES, 800, progress=False, on_step=steps.append)
        assert [step.rank for step in steps] == list(range(len(steps)))
        assert list(trained.vocab)[-len(steps) :] == [step.merged for step in steps]
        assert all(left.frequency >= right.frequency for left, right in pairwise(steps))

    def test_progress_is_shown_or_not(self, train, capsys):
        train(["ab ab"], 300, progress=False)
        assert capsys.readouterr().err == ""
        train(["ab ab"], 300)
        assert "Join pairs" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("texts", "options", "error", "reason"),
        [
            ([], {}, TokenizerError, NO_WORDS),
            (["", ""], {}, TokenizerError, NO_WORDS),
            (["a"], {"vocab_size": 0}, TokenizerError, "vocab_size is 0; it must be at least 1."),
            (["a"], {"special_tokens": ["x", "x"]}, TokenizerError, "The special token 'x' is given twice."),
            (["a"], {"special_tokens": [""]}, TokenizerError, "A special token is empty."),
            ("text", {}, InputError, "The trainers take an iterable of texts, not one str; put it into a list."),
            (["a", b"b"], {}, InputError, "Text 1 for the trainer is a bytes, not a str."),
        ],
    )
    def test_bad_arguments(self, train, texts, options, error, reason):
        with pytest.raises(error) as caught:
            train(texts, progress=False, **options)
        assert str(caught.value) == reason

    def test_lone_surrogates(self, train):
        with pytest.raises(InputError, match=r"lone surrogate, U\+DFFF"):
            train(["a\udfff"], progress=False)


def test_count_words_keeps_the_order_of_appearance():
    assert list(count_words(["b a", "b"], str.split).items()) == [("b", 2), ("a", 1)]
