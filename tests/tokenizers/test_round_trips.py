"""A tokenizer that was saved and loaded gives the same ids, whatever its options and special tokens were.

`MINIBERT_ROUND_TRIPS=5000` tries so many tokenizers made at random; a failure names the number of its own.
"""

import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import minibert as mb
from minibert.tokenizers.stages.added_tokens import AddedToken
from minibert.tokenizers.stages.special_tokens import ROLES

COUNT = int(os.environ.get("MINIBERT_ROUND_TRIPS", "200"))
CLASSES = {
    "tiny-bert": mb.BertTokenizer, "tiny-roberta": mb.RobertaTokenizer, "tiny-rembert": mb.RemBertTokenizer,
}  # fmt: skip
CONTENTS = ["[X]", "<y>", "the", "dog", " z", "[CLS]", "[MASK]", "<s>", "İx", "ÄB", "New", "▁a", "Ġthe"]
TEXTS = [
    "The dog [X] ran <y>home z the  [MASK] unbelievable", "<s> New İx  äb dog</s>[CLS]the[SEP]▁a Ġthe", " New the", "",
]  # fmt: skip
FLAGS = ("do_lower_case", "strip_accents", "tokenize_chinese_chars", "add_prefix_space", "trim_offsets", "keep_accents")
SHARED = {
    "padding_side": "left", "truncation_side": "left", "model_max_length": 77, "split_special_tokens": True,
    "clean_up_tokenization_spaces": False, "profile": "original",
}  # fmt: skip


def random_token(rng: random.Random) -> Any:
    content = rng.choice(CONTENTS)
    if rng.random() < 0.5:
        return content
    return AddedToken(content, *(rng.random() < 0.3 for _ in range(5)))


def random_tokenizer(rng: random.Random) -> Any:
    """A shipped tokenizer with other options, whose special tokens were then changed in a few ways."""
    name = rng.choice(list(CLASSES))
    cls = CLASSES[name]
    options = {role: random_token(rng) for role in ROLES if rng.random() < 0.15}
    options |= {flag: rng.random() < 0.5 for flag in FLAGS if flag in cls.own_options() and rng.random() < 0.3}
    options |= {option: value for option, value in SHARED.items() if rng.random() < 0.15}
    unknown = str(options.get("unk_token", ""))
    if cls is mb.BertTokenizer and unknown not in cls.from_pretrained(name).vocab:
        options.pop("unk_token", None)  # it must be in BERT's vocabulary
    tokenizer = cls.from_pretrained(name, **options)
    for _ in range(rng.randrange(4)):
        change(tokenizer, rng)
    return tokenizer


def change(tokenizer: Any, rng: random.Random) -> None:
    kind = rng.choice(["add", "role", "extra", "empty"])
    if kind == "add":
        tokenizer.add_tokens([random_token(rng)], special_tokens=rng.random() < 0.5)
    elif kind == "role":
        tokenizer.add_special_tokens({rng.choice(ROLES): random_token(rng)})
    elif kind == "extra":
        tokenizer.add_special_tokens({"extra_special_tokens": [random_token(rng), random_token(rng)]})
    else:
        setattr(tokenizer, rng.choice(["bos_token", "eos_token", "pad_token", "mask_token"]), None)


def behaviour(tokenizer: Any) -> dict[str, Any]:
    ids = {text: tokenizer(text)["input_ids"] for text in TEXTS}
    # RemBERT looks for added tokens in raw text alone, and its files say so
    raw = isinstance(tokenizer, mb.RemBertTokenizer)
    added = tokenizer.added_tokens_decoder.items()
    return {
        "ids": ids,
        "pairs": {text: tokenizer(text, TEXTS[0])["input_ids"] for text in TEXTS},
        "texts": {text: tokenizer.decode(ids[text], skip_special_tokens=True) for text in TEXTS},
        "roles": tokenizer.special_tokens_map,
        "added": {id_: replace(token, normalized=False) if raw else token for id_, token in added},
        "options": {name: getattr(tokenizer, name) for name in SHARED},
    }


def test_random_tokenizers(tmp_path: Path) -> None:
    for number in range(COUNT):
        tokenizer = random_tokenizer(random.Random(number))
        tokenizer.save_pretrained(tmp_path)
        assert behaviour(type(tokenizer).from_pretrained(tmp_path)) == behaviour(tokenizer), f"tokenizer {number}"


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("tiny-bert", {"bos_token": "[BOS]", "eos_token": "[EOS]"}),
        ("tiny-bert", {"unk_token": "[X]"}),
        ("tiny-bert", {"sep_token": "[X]"}),
        ("tiny-roberta", {"sep_token": "[X]"}),
        ("tiny-roberta", {"mask_token": "[X]", "cls_token": "[Y]"}),
    ],
)
def test_a_role_given_to_another_token(name: str, given: dict[str, str], tmp_path: Path) -> None:
    tokenizer = mb.AutoTokenizer.from_pretrained(name)
    tokenizer.add_special_tokens(given)
    text = "an unknown ☃ [X] dog"
    expected = tokenizer(text)["input_ids"]
    tokenizer.save_pretrained(tmp_path)
    again = mb.AutoTokenizer.from_pretrained(tmp_path)
    assert again(text)["input_ids"] == expected
    assert {role: getattr(again, role) for role in given} == given


@pytest.mark.reference
def test_transformers_reads_the_same_ids(tmp_path: Path) -> None:
    """The compiled tokenizers, from the files that are written; RemBERT's format cannot say all (`profiles.py`)."""
    transformers = pytest.importorskip("transformers", reason="reads what minibert writes")
    for number in range(COUNT // 4):
        tokenizer = random_tokenizer(random.Random(number))
        if tokenizer.profile == "original" or isinstance(tokenizer, mb.RemBertTokenizer):
            continue
        tokenizer.save_pretrained(tmp_path)
        theirs = transformers.PreTrainedTokenizerFast.from_pretrained(tmp_path)
        for text in TEXTS:
            ours = tokenizer(text, TEXTS[0])["input_ids"]
            assert theirs(text, TEXTS[0])["input_ids"] == ours, f"tokenizer {number}, {text!r}"
