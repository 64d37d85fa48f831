"""A run in parts: what is held out, and what its Trainer is told."""

from pathlib import Path
from typing import Any

import pytest

import minibert as mb
from minibert.commands.training.job import Job, make_trainer, split
from tests.commands.training_runs import options_of
from tests.small_checkpoints import model, tokenizer

CORPUS = ("--task", "fill-mask", "corpus.txt")


def arguments_of(folder: Path, *options: str, rows: int = 100, held_out: int = 10) -> Any:
    """The arguments of the Trainer that these options make, for so many rows."""
    row = {"input_ids": [2, 5, 3]}
    given = {**options_of(*CORPUS, *options), "max_length": 32}
    job = Job(model("bert", "ForMaskedLM"), tokenizer("bert"), [row] * rows, [row] * held_out,
              mb.DataCollatorForLanguageModeling(tokenizer("bert")), lambda prediction: {}, [])  # fmt: skip
    return make_trainer(job, given, folder, lambda record: None, quiet=True).args


def test_options_are_taken_as_they_are(tmp_path: Path) -> None:
    found = arguments_of(tmp_path, "--learning-rate", "0.5", "--schedule", "cosine", "--seed", "7", "--epochs", "2")
    assert (found.learning_rate, found.lr_scheduler_type, found.seed) == (0.5, "cosine", 7)
    assert (found.num_train_epochs, found.max_steps, found.disable_tqdm) == (2, -1, True)
    assert arguments_of(tmp_path, "--max-steps", "9").max_steps == 9


def test_the_run_is_logged_evaluated_and_saved_ten_times(tmp_path: Path) -> None:
    # 100 rows in batches of 2, two batches a step: 25 steps an epoch
    options = ("--batch-size", "2", "--gradient-accumulation", "2", "--epochs", "4")
    found = arguments_of(tmp_path, *options)
    assert (found.logging_steps, found.eval_steps, found.save_steps) == (10, 10, 10)
    found = arguments_of(tmp_path, *options, "--log-every", "3", "--eval-every", "4", "--save-every", "5")
    assert (found.logging_steps, found.eval_steps, found.save_steps) == (3, 4, 5)
    assert arguments_of(tmp_path, "--max-steps", "90000").save_steps == 500
    assert arguments_of(tmp_path, "--max-steps", "3").logging_steps == 1


@pytest.mark.parametrize(("tokens", "batch"), [("320", 10), ("100", 3), ("8", 1)])
def test_a_batch_of_tokens_holds_as_many_of_the_longest_texts(tokens: str, batch: int, tmp_path: Path) -> None:
    found = arguments_of(tmp_path, "--batch-tokens", tokens)
    assert found.per_device_train_batch_size == found.per_device_eval_batch_size == batch


def test_without_held_out_data_nothing_is_evaluated(tmp_path: Path) -> None:
    found = arguments_of(tmp_path, "--best", "--patience", "2", held_out=0)
    assert (found.eval_strategy, found.load_best_model_at_end, found.early_stopping_patience) == ("no", False, None)
    found = arguments_of(tmp_path, "--best", "--patience", "2")
    assert (found.eval_strategy, found.load_best_model_at_end, found.early_stopping_patience) == ("steps", True, 2)


def test_a_share_is_held_out_by_the_seed() -> None:
    examples = list(range(50))
    train, held_out = split(examples, 0.1, seed=1)
    assert len(held_out) == 5
    assert sorted(train + held_out) == examples
    assert train == sorted(train)
    assert split(examples, 0.1, seed=1) == (train, held_out)
    assert split(examples, 0.1, seed=2)[1] != held_out
    assert split(examples, 0, seed=1) == (examples, [])
    assert len(split(examples, 0.001, seed=1)[1]) == 1


def test_too_little_data_is_one_sentence() -> None:
    with pytest.raises(mb.InputError) as error:
        split(["one"], 0.1, seed=0)
    assert str(error.value) == (
        "there is too little data: 1 in all, of which --eval-split 0.1 holds out 1; give more, or --eval-split 0."
    )
