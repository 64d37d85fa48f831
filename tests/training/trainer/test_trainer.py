"""The Trainer: whole runs, steps and epochs, optimisers of one's own, and every mistake's sentence."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.training.trainer import checkpoints as files
from minibert.training.trainer.weighting import loss_parts
from tests.training import small
from tests.training.trainer.labelled import IDS, TOKEN_LABELS, build
from tests.training.trainer.runs import trainer_of


def test_a_step_without_any_label_changes_nothing(tmp_path) -> None:
    model = build("BertForTokenClassification")
    before = {name: array.copy() for name, array in model.parameters.items()}
    data = [{"input_ids": row, "labels": np.full(9, -100)} for row in IDS]
    trainer = mb.Trainer(model, small.arguments(tmp_path, max_steps=2, save_strategy="no"), data)
    assert trainer.train().training_loss == 0.0
    assert all((array == before[name]).all() for name, array in model.parameters.items())


def test_one_large_batch_is_many_small_ones(tmp_path) -> None:
    """The whole run, not only a step."""
    data = [{"input_ids": row, "labels": labels} for row, labels in zip(IDS, TOKEN_LABELS, strict=True)]
    losses = []
    for batch, accumulated in ((6, 1), (2, 3), (1, 6)):
        args = small.arguments(
            tmp_path / str(batch),
            per_device_train_batch_size=batch,
            dropout=False,
            gradient_accumulation_steps=accumulated,
            save_strategy="no",
        )
        trainer = mb.Trainer(build("BertForTokenClassification"), args, data)
        trainer.train()
        losses.append([loss for _, loss in small.losses(trainer)])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-8)
    np.testing.assert_allclose(losses[2], losses[0], rtol=1e-8)


def test_it_learns_and_writes_what_it_did(tmp_path) -> None:
    records = []
    trainer = trainer_of(
        tmp_path,
        max_steps=60,
        warmup_steps=5,
        learning_rate=2e-2,
        logging_steps=4,
        dropout=False,
        save_steps=20,
        on_log=records.append,
    )
    result = trainer.train()
    assert result.global_step == 60
    assert trainer.log_history[-1]["loss"] < 0.3 * trainer.log_history[0]["loss"]
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines == records == trainer.log_history
    assert set(lines[0]) == {"step", "epoch", "loss", "learning_rate", "grad_norm", "tokens_per_second"}
    assert [line["step"] for line in lines] == list(range(4, 61, 4))
    assert lines[0]["tokens_per_second"] > 0
    assert not trainer.model.training
    found = mb.BertForSequenceClassification.from_pretrained(tmp_path / "checkpoint-60")
    batch = {"input_ids": [[2, 7, 8, 3]]}
    np.testing.assert_array_equal(found(**batch).logits, trainer.model(**batch).logits)
    tokenizer = mb.BertTokenizer.from_pretrained(tmp_path / "checkpoint-60")
    assert tokenizer("the cat")["input_ids"] == small.tokenizer()("the cat")["input_ids"]


def test_epochs_and_steps(tmp_path) -> None:
    trainer = trainer_of(tmp_path, max_steps=-1, num_train_epochs=1.5, save_strategy="epoch", eval_strategy="epoch")
    # 22 texts, 3 a batch: 8 batches, 2 a step: 4 steps an epoch
    assert trainer.train().global_step == 6
    assert [record["step"] for record in trainer.log_history if "eval_loss" in record] == [4]
    assert [files.step_of(path) for path in files.checkpoints(tmp_path)] == [4, 6]


def test_dropout_masks_can_be_recorded(tmp_path) -> None:
    masks = {}
    trainer = trainer_of(
        tmp_path,
        max_steps=2,
        trace_keep="*.mask",
        save_strategy="no",
        on_trace=lambda step, number, trace: masks.update({(step, number): [n for n in trace if n.endswith(".mask")]}),
    )
    trainer.train()
    assert list(masks) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert "bert.embeddings.dropout.mask" in masks[0, 0]


def test_an_optimizer_and_a_schedule_of_ones_own(tmp_path) -> None:
    data = small.classification_data()
    model = small.classifier()
    optimizer = mb.SGD(model, lr=0.5, momentum=0.9)
    args = small.arguments(tmp_path, max_steps=4)
    trainer = mb.Trainer(
        model,
        args,
        data,
        processing_class=small.tokenizer(),
        optimizers=(optimizer, lambda made: mb.get_constant_schedule_with_warmup(made, 2)),
    )
    trainer.train()
    assert [record["learning_rate"] for record in trainer.log_history] == [0.25, 0.5, 0.5, 0.5]
    assert "momentum_buffer" in optimizer.state["classifier.weight"]


def test_a_loss_that_is_no_number_stops_before_the_update(tmp_path) -> None:
    trainer = trainer_of(tmp_path, max_steps=3, save_strategy="no")
    trainer.model.parameters["classifier.bias"][0] = np.nan
    before = {name: array.copy() for name, array in trainer.model.parameters.items()}
    with pytest.raises(mb.InputError, match="the loss of step 1 is nan: the weights are as they were before it"):
        trainer.train()
    assert all(np.array_equal(array, before[name], equal_nan=True) for name, array in trainer.model.parameters.items())


def test_wrong_use(tmp_path) -> None:
    data, args = small.classification_data(), small.arguments(tmp_path)
    cases = [
        (lambda: mb.Trainer(small.classifier(), {"output_dir": "x"}), "args is a dict: mb.TrainingArguments"),
        (lambda: mb.Trainer(small.classifier(), args, iter(data)), "train_dataset is a list_iterator: a sequence"),
        (lambda: mb.Trainer(small.classifier(), args).train(), "the Trainer has no train_dataset"),
        (lambda: mb.Trainer(small.classifier(), args).evaluate(), "there is no eval_dataset"),
        (lambda: mb.Trainer(small.classifier(), args).predict([]), "the dataset is empty"),
        (
            lambda: mb.Trainer(small.classifier(), small.arguments(tmp_path, eval_strategy="epoch"), data).train(),
            "eval_strategy is 'epoch', but the Trainer has no eval_dataset",
        ),
        (lambda: mb.Trainer(small.classifier(), args, ["text"]).train(), "row 0 of a batch is a str"),
        (
            lambda: mb.Trainer(small.classifier(), args, [{"input_ids": [2, 3]}]).train(),
            "no 'labels', which the loss of Bert",
        ),
        (lambda: loss_parts(build("BertForQuestionAnswering"), {"input_ids": IDS}), "no 'start_positions'"),
    ]
    for make, message in cases:
        with pytest.raises(mb.InputError, match=message):
            make()
    trainer = trainer_of(
        tmp_path, eval_strategy="steps", eval_steps=2, load_best_model_at_end=True, metric_for_best_model="f1"
    )
    with pytest.raises(mb.InputError, match="metric_for_best_model is 'eval_f1', but the evaluation gave eval_loss"):
        trainer.train()


def test_gradients_are_clipped_unless_told_not_to(tmp_path) -> None:
    for limit, moved in ((0.25, 0.25), (0.0, None)):
        data, model = small.classification_data(), small.classifier("float64")
        before = {name: array.copy() for name, array in model.parameters.items()}
        args = small.arguments(tmp_path, max_steps=1, max_grad_norm=limit, save_strategy="no")
        optimizers = (mb.SGD(model, lr=1.0), mb.get_constant_schedule)
        trainer = mb.Trainer(model, args, data, processing_class=small.tokenizer(), optimizers=optimizers)
        trainer.train()
        change = np.sqrt(sum(((array - before[name]) ** 2).sum() for name, array in model.parameters.items()))
        norm = trainer.log_history[0]["grad_norm"]
        assert norm > 0.5
        assert change == pytest.approx(moved or norm, rel=1e-4)


@pytest.mark.parametrize("settings", [{"adam_epsilon": 0.0}, {"learning_rate": 1e39}], ids=str)
def test_a_step_that_breaks_the_weights_ends_the_run(tmp_path: Path, settings: dict[str, Any]) -> None:
    trainer = trainer_of(tmp_path, save_steps=1, warmup_steps=0, **settings)
    with np.errstate(all="ignore"), pytest.raises(mb.NotFiniteError) as caught:
        trainer.train()
    text = str(caught.value)
    assert text.startswith("after step 1 the weight '")
    assert text.endswith(
        ": the run ends here, and this step is not saved; try a smaller learning_rate or a larger adam_epsilon."
    )
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_an_interrupted_step_that_is_saved_is_not_saved_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = []
    trainer = trainer_of(tmp_path, save_steps=1)
    save = trainer.save_checkpoint
    monkeypatch.setattr(trainer, "save_checkpoint", lambda: (saved.append(trainer.global_step), save()))
    trainer.on_log = lambda record: os.kill(os.getpid(), signal.SIGINT) if record["step"] == 2 else None
    with pytest.raises(KeyboardInterrupt, match="stopped after step 2, which is saved"):
        trainer.train()
    assert saved == [1, 2]


@pytest.mark.parametrize("name", ["seed", "data_seed"])
def test_seeds_below_0(tmp_path: Path, name: str) -> None:
    with pytest.raises(mb.InputError) as caught:
        mb.TrainingArguments(tmp_path, **{name: -1})
    assert str(caught.value) == f"{name} is -1: a whole number of at least 0 belongs there."
