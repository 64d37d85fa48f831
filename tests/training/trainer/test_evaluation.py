"""Evaluation: the loss of all texts at once, every prediction, and a run that it leaves alone."""

import numpy as np
import pytest

import minibert as mb
from minibert.training.trainer.evaluation import collate
from tests.training import small
from tests.training.trainer.labelled import IDS, LABELS, build
from tests.training.trainer.runs import trainer_of


@pytest.mark.parametrize("name", LABELS)
def test_evaluation_is_the_loss_of_all_texts_at_once(name: str, tmp_path) -> None:
    model = build(name)
    whole = {"input_ids": IDS, **LABELS[name]}
    data = [{key: value[i] for key, value in whole.items()} for i in range(6)]
    trainer = mb.Trainer(model, small.arguments(tmp_path, per_device_eval_batch_size=4), eval_dataset=data)
    assert trainer.evaluate()["eval_loss"] == pytest.approx(float(model(**whole).loss), rel=1e-12)


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


def test_columns_that_the_model_does_not_take_are_left_out() -> None:
    collator = mb.DataCollatorWithPadding(small.tokenizer())
    batch = collate(small.classifier(), collator, [{"input_ids": [2, 5, 3], "text": "the", "label": 1}])
    assert set(batch) == {"input_ids", "attention_mask", "labels"}
    with pytest.raises(mb.InputError, match="row 1 of a batch is a str: the data must hold dicts"):
        collate(small.classifier(), collator, [{"input_ids": [2]}, "the cat"])


def test_a_data_set_without_labels_has_no_loss(tmp_path) -> None:
    trainer = trainer_of(tmp_path)
    assert trainer.evaluate([{"input_ids": [2, 5, 3]}]) == {}
    assert trainer.evaluator.run([{"input_ids": [2, 5, 3]}], keep_predictions=False).prediction is None
