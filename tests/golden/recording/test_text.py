"""The text of a pack, from the first stage on."""

from pathlib import Path

import numpy as np

from minibert.golden import open_pack, record
from tests.golden.models import batch, bert, tokenizer


def test_text_is_recorded_from_the_start(tmp_path: Path) -> None:
    path = record(bert(), None, tmp_path / "p", text=["The dog ran.", "Dogs."], tokenizer=tokenizer())
    text = open_pack(path).manifest["text"]
    assert text["texts"] == ["The dog ran.", "Dogs."]
    assert text["normalized_texts"] == ["the dog ran.", "dogs."]
    assert text["words_of_texts"][0] == [
        ["The", 0, 3, ["the"]], ["dog", 4, 7, ["dog"]], ["ran", 8, 11, ["ran"]], [".", 11, 12, ["."]],
    ]  # fmt: skip
    assert text["words_of_texts"][1][0] == ["Dogs", 0, 4, ["dog", "##s"]]
    assert text["tokens"][1] == ["[CLS]", "dog", "##s", ".", "[SEP]", "[PAD]"]
    np.testing.assert_array_equal(open_pack(path)["input/attention_mask"][1], [1, 1, 1, 1, 1, 0])
    pair = record(bert(), None, tmp_path / "p", text="The dog", text_pair="ran", tokenizer=tokenizer())
    assert open_pack(pair).manifest["text"]["pairs"] == ["ran"]
    only = record(bert(), batch(), tmp_path / "p", text="what it was")
    assert open_pack(only).manifest["text"] == {"texts": ["what it was"]}
