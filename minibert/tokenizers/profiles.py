"""Where the references differ, and what each profile does.

`profile="transformers"`, the default, gives what today's compiled tokenizers give for BERT and RoBERTa, and
SentencePiece's ids for RemBERT. `profile="original"` follows google-research/bert, GPT-2's and RoBERTa's
original Python rules, and SentencePiece's own decoding.

`DIFFERENCES` lists everything that depends on the profile; `tests/tokenizers/test_profiles.py` runs every
example both ways. `NOT_FOLLOWED` lists where minibert leaves a reference on purpose, whatever the profile.
"""

# ruff: noqa: E501 - a row of the tables is a line
from typing import NamedTuple


class Difference(NamedTuple):
    """One rule that depends on the profile: an example, and what it becomes under each."""

    family: str
    about: str
    example: str
    transformers: list[str]
    original: list[str]


class NotFollowed(NamedTuple):
    """A reference's behaviour that minibert does not have, and why."""

    family: str
    reference: str
    instead: str


DIFFERENCES = (
    Difference("bert", "cleaning removes private use characters", "a\ue000b", ["ab"], ["[UNK]"]),
    Difference("bert", "13 format characters newer than Unicode 8 stay", "a\u08e2b", ["[UNK]"], ["ab"]),
    Difference("bert", "U+2B820 to U+2B91F are ideographs to Google only", "a\U0002b820b", ["[UNK]"], ["a", "[UNK]", "b"]),
    Difference("bert", "marks newer than Unicode 8 are stripped by Google only", "a\u1df6b", ["[UNK]"], ["ab"]),
    Difference("bert", "punctuation newer than Unicode 8 splits for Google only", "a\u2e52b", ["[UNK]"], ["a", "[UNK]", "b"]),
    Difference("bert", "a capital sigma that ends a word", "ΑΣ", ["ας".replace("ς", "σ")], ["ας"]),
    Difference("bert", "a word may have 100 characters, or 200", "a" * 150, ["[UNK]"], ["a"] + ["##a"] * 149),
    Difference("roberta", "the prefix space: each part between special tokens, or the text once", "<s>a", ["<s>", "Ġa"], ["Ġ", "<s>", "a"]),
    Difference("roberta", "the prefix space before white space that is no blank", "\na", ["Ġ", "Ċ", "a"], ["Ċ", "a"]),
)  # fmt: skip

# Differences of calls and of decoding, in words: each has a test of its own in test_profiles.py.
CALL_DIFFERENCES = (
    NotFollowed("all", "truncating a pair, longest_first: each gets half (3 + 2 tokens of 7 + 5)", "original: one token at a time from the longer (2 + 3)"),
    NotFollowed("bert", "decoding closes the blanks before . , ! ? and contractions of each token, always", "original: only when clean_up_tokenization_spaces asks for it"),
    NotFollowed("roberta", "clean_up_tokenization_spaces is ignored, with a warning", "original: applied"),
    NotFollowed("roberta", "is_split_into_words adds a blank to words only with add_prefix_space", "original: a blank before each word in either case"),
    NotFollowed("roberta", "a byte without a token vanishes", "original: it becomes the unknown token"),
    NotFollowed("rembert", "decoding writes special tokens as they are, [UNK] included", "original: control tokens vanish, the unknown is written as the model says"),
)  # fmt: skip

NOT_FOLLOWED = (
    NotFollowed("all", "transformers 4's Python tokenizers swallow U+001C to U+001F with the blanks beside a token", "white space as Unicode defines it, as in the compiled ones"),
    NotFollowed("bert", "transformers 4's Python tokenizer composes the text (NFC) first", "neither Google nor the compiled tokenizer does"),
    NotFollowed("bert", "transformers 4's Python tokenizer has never_split and do_basic_tokenize", "accepted and ignored, as by the compiled one"),
    NotFollowed("bert", "Google's code knows no special tokens in text", "they are found under both profiles; split_special_tokens=True turns it off"),
    NotFollowed("all", "decode drops ids outside the vocabulary, convert_ids_to_tokens gives None", "InputError with the id"),
    NotFollowed("all", "a lone surrogate: TypeError, UnicodeEncodeError, or silence", "InputError with its place"),
    NotFollowed("all", "a negative max_length or stride: OverflowError; a stride as wide as the window: a panic", "InputError"),
    NotFollowed("all", "tokenize() shows the blanks that a token swallowed", "the token's own name"),
    NotFollowed("all", "an empty batch raises IndexError", "empty lists"),
    NotFollowed("roberta", "without special tokens, overflowing rows of a pair have token type 1", "RoBERTa has one token type: 0"),
    NotFollowed("roberta", "transformers 5, given vocab and merges alone, makes <mask> a plain token", "<mask> swallows the blank before it, as in every published tokenizer"),
    NotFollowed("rembert", "the compiled tokenizer: `` and '' become \", runs of blanks are collapsed before the map, blanks at the end and blank text give ▁, the map is applied to grapheme clusters, user-defined symbols get no bonus", "SentencePiece's ids"),
    NotFollowed("rembert", "transformers 4's compiled class defaults to do_lower_case=True, keep_accents=False", "False and True, as the Python class and transformers 5"),
    NotFollowed("rembert", "transformers 5 from a .model: unknown text gets id 2, no special tokens are added", "the model's unknown piece, and [CLS] A [SEP]"),
)  # fmt: skip
