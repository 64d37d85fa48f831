"""What people hand to a call, in one form."""

import pytest

from minibert.errors import InputError
from minibert.tokenizers.calls.texts import read_texts


@pytest.mark.parametrize(
    ("text", "pair", "split", "texts", "batched"),
    [
        ("a", None, False, [("a", None)], False),
        ("a", "", False, [("a", None)], False),  # an empty pair is none
        (["a", ("b", "c")], None, False, [("a", None), ("b", "c")], True),
        (("a", "b"), ["c", ""], False, [("a", "c"), ("b", "")], True),
        (["a", "b"], ["c"], True, [(["a", "b"], ["c"])], False),
        ([["a"], ["b"]], None, True, [(["a"], None), (["b"], None)], True),
        ([], None, False, [], True),
    ],
)
def test_forms(text, pair, split, texts, batched):
    assert read_texts(text, pair, split) == (texts, batched)


@pytest.mark.parametrize(
    ("text", "pair", "split", "message"),
    [
        (5, None, False, r"not int 5\."),
        (b"a", None, False, "decode the bytes first"),
        ("a", None, True, "must be a list of words, not a str"),
        (["a", 5], None, False, "not int 5"),
        (["a"], "b", False, "must be a list or tuple with the same length"),
        (["a", "b"], ["c"], False, "batch length of `text`: 2 does not match batch length of `text_pair`: 1"),
        ([["a", 1]], None, True, "must be a list of words"),
    ],
)
def test_what_is_no_text(text, pair, split, message):
    with pytest.raises(InputError, match=message):
        read_texts(text, pair, split)
