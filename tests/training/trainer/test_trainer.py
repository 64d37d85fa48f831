"""The Trainer: accumulation, evaluation, early stopping, checkpoints, the log, and every mistake's sentence."""

import builtins
import functools
import json
import operator

import numpy as np
import pytest

import minibert as mb
from minibert.training.trainer import checkpoints as files
from minibert.training.trainer.order import epoch_batches
from minibert.training.trainer.weighting import loss_parts
from tests.training import small
from tests.training.trainer.labelled import IDS, LABELS, TOKEN_LABELS, build


def test_a_step_without_any_label_changes_nothing(tmp_path) -> None:
    model = build("BertForTokenClassification")
    before = {name: array.copy() for name, array in model.parameters.items()}
    data = [{"input_ids": row, "labels": np.full(9, -100)} for row in IDS]
    trainer = mb.Trainer(model, small.arguments(tmp_path, max_steps=2, save_strategy="no"), data)
    assert trainer.train().training_loss == 0.0
    assert all((array == before[name]).all() for name, array in model.parameters.items())


@pytest.mark.parametrize("name", LABELS)
def test_evaluation_is_the_loss_of_all_texts_at_once(name: str, tmp_path) -> None:
    model = build(name)
    whole = {"input_ids": IDS, **LABELS[name]}
    data = [{key: value[i] for key, value in whole.items()} for i in range(6)]
    trainer = mb.Trainer(model, small.arguments(tmp_path, per_device_eval_batch_size=4), eval_dataset=data)
    assert trainer.evaluate()["eval_loss"] == pytest.approx(float(model(**whole).loss), rel=1e-12)


def trainer_of(folder, **changes) -> mb.Trainer:
    options = {
        name: changes.pop(name)
        for name in list(changes)
        if name
        in ("compute_metrics", "on_log", "on_trace", "trace_keep", "optimizers", "preprocess_logits_for_metrics")
    }
    data = small.classification_data()
    return mb.Trainer(
        small.classifier(),
        small.arguments(folder, **changes),
        data,
        data[:8],
        processing_class=small.tokenizer(),
        **options,
    )


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


def test_only_the_newest_checkpoints_and_the_best_stay(tmp_path) -> None:
    scores = iter([0.1, 0.9, 0.2, 0.3, 0.4, 0.5])
    trainer = trainer_of(
        tmp_path,
        save_steps=2,
        save_total_limit=2,
        eval_strategy="steps",
        eval_steps=2,
        load_best_model_at_end=True,
        metric_for_best_model="score",
        greater_is_better=True,
        compute_metrics=lambda prediction: {"score": next(scores)},
    )
    trainer.train()
    assert [files.step_of(path) for path in files.checkpoints(tmp_path)] == [4, 10, 12]
    best = mb.BertForSequenceClassification.from_pretrained(tmp_path / "checkpoint-4")
    for name, array in best.parameters.items():
        np.testing.assert_array_equal(array, trainer.model.parameters[name])


def test_early_stopping(tmp_path) -> None:
    scores = iter([0.5, 0.6, 0.605, 0.55, 0.9])
    trainer = trainer_of(
        tmp_path,
        eval_strategy="steps",
        eval_steps=2,
        metric_for_best_model="score",
        greater_is_better=True,
        early_stopping_patience=2,
        early_stopping_threshold=0.05,
        compute_metrics=lambda prediction: {"score": next(scores)},
    )
    assert trainer.train().global_step == 8
    assert trainer.progress.best_step == 6


def test_metrics_are_given_every_prediction(tmp_path) -> None:
    seen = []
    trainer = trainer_of(
        tmp_path, per_device_eval_batch_size=3, compute_metrics=lambda p: seen.append(p) or {"size": 8.0}
    )
    assert trainer.evaluate()["eval_size"] == 8.0
    assert seen[0].predictions.shape == (8, 3)
    np.testing.assert_array_equal(seen[0].label_ids, [row["labels"] for row in small.classification_data()[:8]])
    prediction = trainer.predict(small.classification_data()[:6])  # the same batches again: the same bits
    np.testing.assert_array_equal(prediction.predictions, seen[0].predictions[:6])
    assert trainer.predict([{"input_ids": [2, 6, 3]}]).label_ids is None


def test_predictions_of_unlike_lengths_are_filled(tmp_path) -> None:
    data = [{"input_ids": ids} for ids in small.texts(9)]
    collator = mb.DataCollatorForLanguageModeling(small.tokenizer(), seed=0, mlm_probability=0.5)
    trainer = mb.Trainer(
        small.language_model(),
        small.arguments(tmp_path, per_device_eval_batch_size=2),
        data_collator=collator,
        preprocess_logits_for_metrics=lambda logits, labels: logits.argmax(-1),
    )
    first, second = trainer.predict(data), trainer.predict(data)
    assert first.predictions.shape == first.label_ids.shape == (9, max(len(ids) for ids in small.texts(9)))
    np.testing.assert_array_equal(first.label_ids, second.label_ids)  # the same masks every time
    assert (first.predictions[first.label_ids != -100] >= 0).all()


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


def test_the_order_of_the_data_is_a_function_of_seed_and_epoch() -> None:
    first = epoch_batches(23, 4, 7, 0)
    assert first == epoch_batches(23, 4, 7, 0) != epoch_batches(23, 4, 7, 1) != epoch_batches(23, 4, 8, 0)
    assert sorted(functools.reduce(operator.iadd, first, [])) == list(range(23))
    lengths = np.random.default_rng(0).integers(1, 50, size=400)
    grouped = epoch_batches(400, 8, 0, 0, lengths)
    assert sorted(functools.reduce(operator.iadd, grouped, [])) == list(range(400))
    spread = np.mean([np.ptp(lengths[batch]) for batch in grouped])
    assert spread < 0.2 * np.mean([np.ptp(lengths[batch]) for batch in epoch_batches(400, 8, 0, 0)])


def test_a_loss_that_is_no_number_stops_before_the_update(tmp_path) -> None:
    trainer = trainer_of(tmp_path, max_steps=3, save_strategy="no")
    trainer.model.parameters["classifier.bias"][0] = np.nan
    before = {name: array.copy() for name, array in trainer.model.parameters.items()}
    with pytest.raises(mb.InputError, match="the loss of step 1 is nan: the weights are as they were before it"):
        trainer.train()
    assert all(np.array_equal(array, before[name], equal_nan=True) for name, array in trainer.model.parameters.items())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_steps": 0}, "max_steps is 0: a number above 0"),
        ({"num_train_epochs": 0, "max_steps": -1}, "num_train_epochs is 0"),
        ({"per_device_train_batch_size": 0}, "per_device_train_batch_size is 0: a whole number of at least 1"),
        ({"gradient_accumulation_steps": 1.5}, "gradient_accumulation_steps is 1.5"),
        ({"learning_rate": -1.0}, "learning_rate is -1.0"),
        ({"eval_strategy": "sometimes"}, "eval_strategy is 'sometimes': choose one of no, steps, epoch"),
        ({"lr_scheduler_type": "exp"}, "lr_scheduler_type is 'exp': choose one of linear"),
        ({"warmup_ratio": 2.0}, "warmup_ratio is 2.0"),
        ({"load_best_model_at_end": True}, "load_best_model_at_end needs evaluations"),
        ({"early_stopping_patience": 2}, "early_stopping_patience needs evaluations"),
        ({"save_total_limit": 0}, "save_total_limit is 0"),
    ],
)
def test_wrong_arguments(settings: dict, message: str) -> None:
    with pytest.raises(mb.InputError, match=message):
        mb.TrainingArguments("nowhere", **settings)


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


def test_the_progress_bar_shows_loss_and_speed(tmp_path, capsys) -> None:
    trainer_of(tmp_path, max_steps=3, disable_tqdm=False, save_strategy="no").train()
    shown = capsys.readouterr().err
    assert "3/3" in shown
    assert "loss=" in shown
    assert "tokens/s=" in shown


def test_the_loss_curve(tmp_path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install -e '.[plot]'")
    trainer = trainer_of(
        tmp_path,
        eval_strategy="steps",
        eval_steps=3,
        save_strategy="no",
        compute_metrics=lambda prediction: {"accuracy": 0.5},
    )
    trainer.train()
    picture = trainer.plot_loss(title="loss", metric="eval_accuracy", baselines={"chance": 0.3})
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture == tmp_path / "loss.png"
    assert b"<svg" in mb.plot_loss(tmp_path, tmp_path / "loss.svg").read_bytes()


def test_the_loss_curve_needs_matplotlib_and_a_log(tmp_path, monkeypatch) -> None:
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(
        mb.MinibertError, match=r"matplotlib, which is not installed here: pip install 'minibert-numpy\[plot\]'"
    ):
        mb.plot_loss([{"step": 1, "loss": 1.0}], tmp_path / "loss.png")
    monkeypatch.undo()
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install -e '.[plot]'")
    with pytest.raises(mb.InputError, match=r"should end in \.png, \.svg or \.pdf"):
        mb.plot_loss([{"step": 1, "loss": 1.0}], tmp_path / "loss.jpg")
    with pytest.raises(mb.InputError, match="has no losses yet"):
        mb.plot_loss([{"step": 1}], tmp_path / "loss.png")
    with pytest.raises(mb.InputError, match=r"log.jsonl is not there"):
        mb.plot_loss(tmp_path, tmp_path / "loss.png")
    (tmp_path / "log.jsonl").write_text('{"step": 1}\nnothing\n')
    with pytest.raises(mb.InputError, match="line 2 is no JSON object: 'nothing'"):
        mb.plot_loss(tmp_path, tmp_path / "loss.png")


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


def test_evaluating_does_not_change_the_run(tmp_path) -> None:
    losses = []
    for strategy in ("no", "steps"):
        data = [{"input_ids": ids} for ids in small.texts(23)]
        args = small.arguments(tmp_path / strategy, eval_strategy=strategy, eval_steps=1)
        collator = mb.DataCollatorForLanguageModeling(small.tokenizer(), seed=1, mlm_probability=0.4)
        trainer = mb.Trainer(small.language_model(), args, data, data, collator)
        trainer.train()
        losses.append(small.losses(trainer))
    assert losses[0] == losses[1]
