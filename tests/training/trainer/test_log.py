"""The log of a run: lines that are JSON, speed over the steps alone, and the progress bar."""

import json
import time

import numpy as np

from minibert.training.trainer.log import JsonLines, Speed, as_json, count_tokens
from tests.training.trainer.runs import trainer_of


def test_the_progress_bar_shows_loss_and_speed(tmp_path, capsys) -> None:
    trainer_of(tmp_path, max_steps=3, disable_tqdm=False, save_strategy="no").train()
    shown = capsys.readouterr().err
    assert "3/3" in shown
    assert "loss=" in shown
    assert "tokens/s=" in shown


def test_numbers_are_plain_and_finite() -> None:
    record = as_json({"loss": np.float32(0.5), "norm": float("inf"), "accuracy": float("nan"), "step": np.int64(3)})
    assert json.dumps(record) == '{"loss": 0.5, "norm": null, "accuracy": null, "step": 3}'


def test_a_log_begins_with_the_records_of_a_checkpoint(tmp_path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n{"step": 3')  # cut off
    log = JsonLines(path, [{"step": 1}])
    log.write({"step": 2, "loss": 0.25})
    assert path.read_text() == '{"step": 1}\n{"step": 2, "loss": 0.25}\n'


def test_speed_counts_the_tokens_of_steps_alone() -> None:
    speed = Speed()
    for _ in range(3):
        speed.begin_step()
        time.sleep(0.01)
        speed.end_step([{"input_ids": np.ones((2, 5))}])
        time.sleep(0.05)  # an evaluation
    assert speed.tokens == 30
    assert 0.03 <= speed.seconds < 0.12
    expected = round(30 / speed.seconds, 1)
    assert speed.take() == expected
    assert (speed.tokens, speed.seconds, speed.rate) == (0, 0.0, 0.0)


def test_padding_is_no_token() -> None:
    assert count_tokens({"attention_mask": [[1, 1, 0], [1, 0, 0]], "input_ids": np.ones((2, 3))}) == 3
    assert count_tokens({"inputs_embeds": np.ones((2, 3, 8))}) == 6
