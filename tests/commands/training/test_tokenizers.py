"""The tokenizer of a run: the one named, the checkpoint's, or one that is learned; kept in the folder."""

import shutil
from pathlib import Path

import pytest

import minibert as mb
from minibert.commands.training.tokenizers import family_of_new, run_tokenizer
from tests.commands.training_runs import options_of
from tests.small_checkpoints import FAMILIES, SENTENCES, save

FILL = ("--task", "fill-mask", "corpus.txt")
SIZES = {"bert": "120", "roberta": "300", "rembert": "150"}


@pytest.mark.parametrize("family", FAMILIES)
def test_one_is_learned_from_the_texts(family: str, tmp_path: Path) -> None:
    options = options_of(*FILL, "--family", family, "--vocab-size", SIZES[family])
    found = run_tokenizer(options, tmp_path, list(SENTENCES) * 3)
    assert found.family == family
    assert len(found) <= int(SIZES[family])
    assert [path.name for path in tmp_path.iterdir()] == ["tokenizer"]  # nothing else is left


def test_what_is_kept_is_used_again(tmp_path: Path) -> None:
    options = options_of(*FILL, "--vocab-size", "120")
    first = run_tokenizer(options, tmp_path, list(SENTENCES) * 3)
    again = run_tokenizer(options, tmp_path, ["other texts"])
    assert again.get_vocab() == first.get_vocab()


def test_case_is_kept_where_that_is_asked_for(tmp_path: Path) -> None:
    for name, more, lower in (("lower", (), True), ("cased", ("--cased",), False)):
        found = run_tokenizer(options_of(*FILL, "--vocab-size", "120", *more), tmp_path / name, list(SENTENCES) * 3)
        assert found.do_lower_case is lower
        assert any(token.lower() != token for token in found.get_vocab() if token[0] != "[") is not lower


def test_the_one_named_comes_before_the_checkpoints_and_is_copied(tmp_path: Path) -> None:
    checkpoint, other = (save("bert", "ForMaskedLM", tmp_path / name) for name in ("checkpoint", "other"))
    vocabulary = other / "vocab.txt"
    vocabulary.write_text(vocabulary.read_text(encoding="utf-8") + "addition\n", encoding="utf-8")
    for path in other.glob("tokenizer.json"):
        path.unlink()
    of_checkpoint = run_tokenizer(options_of(*FILL, "--model", str(checkpoint)), tmp_path / "one")
    named = options_of(*FILL, "--model", str(checkpoint), "--tokenizer", str(other))
    assert len(run_tokenizer(named, tmp_path / "two")) == len(of_checkpoint) + 1
    shutil.rmtree(other)
    assert "addition" in run_tokenizer(named, tmp_path / "two").get_vocab()


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_robertas_words_have_the_blank_that_they_have_in_a_text(family: str, tmp_path: Path) -> None:
    model = str(save(family, "ForMaskedLM", tmp_path / "model"))
    options = options_of("--task", "token-classification", "--model", model, "names.conll")
    words = run_tokenizer(options, tmp_path / "run")
    ids = words(["river"], is_split_into_words=True, add_special_tokens=False)["input_ids"]
    in_a_text = mb.AutoTokenizer.from_pretrained(model)(" river", add_special_tokens=False)["input_ids"]
    assert ids == in_a_text
    if family == "roberta":
        assert words.add_prefix_space
        again = run_tokenizer(options, tmp_path / "run")  # as it is kept
        assert again.add_prefix_space


def test_the_family_of_a_new_model(tmp_path: Path) -> None:
    assert family_of_new(options_of(*FILL, "--family", "rembert")) == "rembert"
    mb.RobertaConfig().save_pretrained(tmp_path)
    assert family_of_new(options_of(*FILL, "--config", str(tmp_path))) == "roberta"
