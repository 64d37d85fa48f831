"""The settings of a Trainer: wrong ones, and which must stay the same when a run is resumed."""

import json

import pytest

import minibert as mb


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


def test_the_metrics_name_says_what_is_better() -> None:
    assert mb.TrainingArguments("x").greater_is_better is False
    assert mb.TrainingArguments("x", metric_for_best_model="eval_f1").greater_is_better is True
    assert mb.TrainingArguments("x", metric_for_best_model="f1", greater_is_better=False).greater_is_better is False


def test_what_must_stay_the_same_decides_on_data_and_updates() -> None:
    same = mb.TrainingArguments("x").same_run()
    assert {"learning_rate", "seed", "per_device_train_batch_size", "warmup_ratio", "dropout"} <= set(same)
    assert not {"output_dir", "max_steps", "save_steps", "eval_steps", "disable_tqdm"} & set(same)
    assert json.loads(json.dumps(mb.TrainingArguments("x").to_dict()))["output_dir"] == "x"
