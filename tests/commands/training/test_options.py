"""The options of `minibert train`: defaults, paths, and every contradiction."""

import io
import json
import sys
from pathlib import Path

import pytest

import minibert as mb
from minibert.commands.training.options import GROUPS, RATES
from tests.commands.training_runs import options_of, train


def test_mistakes_of_options(
    tmp_path: Path, corpus: str, bert: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(" \n"))
    fill, texts = ["--task", "fill-mask"], ["--task", "text-classification"]
    (tmp_path / "config.json").write_text(json.dumps(mb.BertConfig().to_dict()))
    config = str(tmp_path / "config.json")
    full = tmp_path / "full"
    full.mkdir()
    for name in "abcd":
        (full / name).touch()
    for arguments, message in (
        ([corpus], "--task is missing: give one of fill-mask, text-classification, token-classification."),
        ([*texts, corpus], "text-classification goes on from a checkpoint: give --model."),
        ([*fill, "--model", bert, "--hidden-size", "8", corpus],
         "--hidden-size is for new models, and --model goes on from a checkpoint: give one of them."),
        ([*fill, "--config", config, "--dropout", "0", corpus],
         "--dropout is in the file that --config names: give one of them."),
        ([*fill, "--tokenizer", bert, "--cased", corpus],
         "--cased is for a tokenizer that is learned, and --tokenizer names one."),
        ([*texts, "--model", bert, "--paragraphs", corpus],
         "--paragraphs is an option of fill-mask, not of text-classification."),
        ([*fill, "--pair-column", "b", corpus], "--pair-column is an option of text-classification, not of fill-mask."),
        ([*fill, "--new-head", corpus], "--new-head is an option of text-classification and token-classification."),
        ([*fill, "--eval-file", corpus, "--eval-split", "0.5", corpus],
         "--eval-file and --eval-split say the same thing in two ways: give one of them."),
        ([*fill, "--max-steps", "1", "--epochs", "1", corpus],
         "--max-steps and --epochs say the same thing in two ways: give one of them."),
        ([*fill, "--batch-size", "1", "--batch-tokens", "1", corpus],
         "--batch-size and --batch-tokens say the same thing in two ways: give one of them."),
        ([*fill, "--best", "--eval-split", "0", corpus], "--best needs data to evaluate on, and --eval-split is 0."),
        ([*fill, "--batch-size", "0", corpus], "--batch-size is 0: a whole number of at least 1 belongs there."),
        ([*fill, "--seed", "-1", corpus], "--seed is -1: a whole number of at least 0 belongs there."),
        ([*fill, "--learning-rate", "-1", corpus], "--learning-rate is -1.0: a number above 0 belongs there."),
        ([*fill, "--eval-split", "1", corpus],
         "--eval-split is 1.0: a share of the data, from 0 to below 1, belongs there."),
        ([*fill], "there is no data: give files after the options, or text on standard input."),
        ([*fill, "--max-length", "5", corpus], "--max-length is 5: with special tokens at least 6 fit."),
        ([*fill, "--model", bert, "--max-length", "65", corpus],
         "--max-length is 65, and the model has positions for 64 tokens."),
        ([*fill, "--family", "roberta", "--tokenizer", bert, corpus],
         "the tokenizer is of the bert family, and the model of roberta: give --family."),
        ([*fill, "--hidden-size", "10", "--vocab-size", "99", corpus],
         "hidden_size 10 is not a multiple of num_attention_heads 4."),
        ([*fill, "--device", "7", corpus, "--vocab-size", "99"], "device is 7: give -1 or 'cpu' for NumPy, 0, 'cuda'"),
        ([*fill, "--schedule", "wavy", "--vocab-size", "99", corpus],
         "--schedule is 'wavy': choose one of linear, cosine"),
        (["--resume", "--epochs", "2"], f"--resume takes all options from {tmp_path / 'run' / 'run.json'}: leave out "
         "--epochs."),
        (["--resume", corpus], f"--resume takes all options from {tmp_path / 'run' / 'run.json'}: leave out FILE."),
        (["--resume"], f"{tmp_path / 'run'} holds no run of minibert train to resume: there is no run.json in it."),
    ):  # fmt: skip
        assert train(tmp_path / "run", *arguments) == 1, arguments
        captured = capsys.readouterr()
        assert captured.err.startswith(f"minibert: {message}")
        assert captured.err.count("\n") == 1
        assert not (tmp_path / "run").exists()
    assert train(full, *fill, corpus) == 1
    assert capsys.readouterr().err == (
        f"minibert: {full} holds files that are of no run of minibert train (a, b, c, ...): give a new folder.\n"
    )
    assert train(Path(corpus), *fill, corpus) == 1
    assert capsys.readouterr().err == f"minibert: {corpus} is a file: give --output-dir a folder.\n"


def test_defaults_are_filled_in(bert: str) -> None:
    options = options_of("--task", "fill-mask", "--seed", "3", "a.txt")
    assert (options["hidden_size"], options["batch_size"], options["seed"]) == (128, 16, 3)
    assert options["learning_rate"] == RATES["new"]
    assert options_of("--task", "fill-mask", "--model", bert)["learning_rate"] == RATES["checkpoint"]
    assert not {"command", "run", "resume", "overwrite", "json", "output_dir"} & set(options)
    assert json.loads(json.dumps(options)) == options


def test_paths_mean_the_same_from_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    options = options_of("--task", "fill-mask", "--model", "model", "--eval-file", "dev.txt", "a.txt")
    assert options["files"] == [str(tmp_path / "a.txt")]
    assert options["eval_file"] == str(tmp_path / "dev.txt")
    assert options["model"] == str(tmp_path / "model")
    assert options_of("--task", "fill-mask", "--model", "tiny-bert")["model"] == "tiny-bert"  # a name


def test_what_an_option_does_not_go_with_is_an_option() -> None:
    options = [option for group in GROUPS.values() for option in group]
    names = {option.name for option in options}
    assert len(names) == len(options)
    for option in options:
        assert set(option.not_with) <= names
        assert option.instead_of is None or option.instead_of in names
