"""The small files beside a vocabulary, and those of an earlier tokenizer that would come before it."""

import json

import minibert as mb
from minibert.tokenizers.training.saving import write_json


def test_json_is_readable_and_ends_with_a_line(tmp_path):
    write_json({"ä": [1]}, tmp_path / "file.json")
    text = (tmp_path / "file.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"ä": [1]}
    assert text.endswith("}\n")
    assert "ä" in text


def test_an_earlier_tokenizer_s_files_do_not_come_before_the_new_vocabulary(tmp_path):
    older = ("tokenizer.json", "added_tokens.json", "special_tokens_map.json")
    for name in (*older, "card.md"):
        (tmp_path / name).write_text("{}")
    mb.train_bpe(["low low"], 300, progress=False).save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "card.md", "merges.txt", "tokenizer_config.json", "vocab.json",
    ]  # fmt: skip
