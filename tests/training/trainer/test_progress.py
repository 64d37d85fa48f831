"""How far a run has come: mean losses, the best evaluation, early stopping."""

import pytest

import minibert as mb
from minibert.training.trainer.progress import Progress
from tests.training.trainer.runs import trainer_of


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


def test_a_mean_loss_is_of_the_steps_since_the_last_one() -> None:
    progress = Progress()
    assert progress.take_mean_loss() is None
    for loss in (1.0, 3.0):
        progress.count_step(loss)
    assert progress.take_mean_loss() == 2.0
    progress.count_step(5.0)
    assert progress.take_mean_loss() == 5.0
    assert (progress.global_step, progress.loss_sum) == (3, 9.0)


def test_the_best_evaluation_is_remembered() -> None:
    args = mb.TrainingArguments("x", eval_strategy="epoch", early_stopping_patience=2, early_stopping_threshold=0.1)
    progress = Progress()
    found = []
    for loss in (2.0, 1.95, 1.8, 1.9, 1.9):
        progress.count_step(loss)
        found.append((progress.note_evaluation({"eval_loss": loss}, args), progress.bad_evaluations))
    assert found == [(True, 0), (True, 1), (True, 0), (False, 1), (False, 2)]
    assert (progress.best_metric, progress.best_step) == (1.8, 3)
    assert progress.stopped_early(args)


def test_a_metric_that_is_missing_is_an_error_only_where_it_is_needed() -> None:
    progress = Progress()
    assert not progress.note_evaluation({}, mb.TrainingArguments("x"))
    needed = mb.TrainingArguments("x", eval_strategy="epoch", load_best_model_at_end=True)
    with pytest.raises(mb.InputError, match="metric_for_best_model is 'eval_loss', but the evaluation gave nothing"):
        progress.note_evaluation({}, needed)


def test_the_state_is_taken_over() -> None:
    progress = Progress()
    progress.count_step(0.5)
    progress.log_history.append({"step": 1})
    other = Progress()
    other.load_state_dict(progress.state_dict())
    assert other == progress
