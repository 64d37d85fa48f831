"""The part of training that recipes share: batches, masks, baselines, float16, going on after an interruption."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training import (
    BatchCollator,
    baselines,
    cut_batches,
    encode,
    encode_pairs,
    hidden_tokens,
    make_trainer,
    plan_batches,
    pretrain,
)

import minibert as mb
from minibert.weights import open_safetensors
from tests.recipes.small import VOCAB, WORDS, model, recipe, tokenizer


def lines(count: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, rng.integers(2, 12))) + "." for _ in range(count)]


def rows_of(batches: list[Any]) -> Counter[tuple[int, ...]]:
    return Counter(tuple(row) for batch in batches for row in batch["input_ids"])


def test_batches_hold_every_row_once_and_no_more_tokens_than_allowed() -> None:
    rows = encode(tokenizer(), lines(100), 10)
    batches = cut_batches(rows, 64)
    assert rows_of(batches) == Counter(tuple(row["input_ids"]) for row in rows)
    for batch in batches:
        longest = max(map(len, batch["input_ids"]))
        assert longest <= 10
        assert longest * len(batch["input_ids"]) <= 64
        assert [len(row) for row in batch["token_type_ids"]] == [len(row) for row in batch["input_ids"]]


def test_a_row_that_is_too_long_for_a_batch_stands_alone() -> None:
    rows = [{"input_ids": [1] * length} for length in (3, 9, 2)]
    assert [[len(row) for row in batch["input_ids"]] for batch in cut_batches(rows, 6)] == [[3], [9], [2]]


def test_planned_batches_are_whole_epochs_until_the_budget_is_spent() -> None:
    rows = encode(tokenizer(), lines(100), 32)
    epoch = sum(len(row["input_ids"]) for row in rows)
    planned = plan_batches(rows, recipe(tokens=2 * epoch))
    once = Counter(tuple(row["input_ids"]) for row in rows)
    assert rows_of(planned) == once + once
    assert plan_batches(rows, recipe(tokens=2 * epoch)) == planned
    assert plan_batches(rows, recipe(tokens=2 * epoch, seed=1)) != planned
    more = plan_batches(rows, recipe(tokens=2 * epoch + 1))
    assert more[: len(planned)] == planned
    assert len(more) == len(planned) + 1
    padding = [len(batch["input_ids"]) * max(map(len, batch["input_ids"])) for batch in planned]
    assert sum(padding) < 1.15 * 2 * epoch  # lines of like length: little padding


def test_pairs_have_both_token_types_and_fit() -> None:
    pairs = encode_pairs(tokenizer(), lines(50), 20, 16, seed=3)
    assert len(pairs) == 20
    assert pairs == encode_pairs(tokenizer(), lines(50), 20, 16, seed=3)
    for row in pairs:
        assert set(row["token_type_ids"]) == {0, 1}
        assert len(row["input_ids"]) <= 16


def test_the_collator_draws_as_the_library_s() -> None:
    rows = encode(tokenizer(), lines(8), 32)
    (batch,) = cut_batches(rows, 10_000)
    ours = BatchCollator(tokenizer(), mlm_probability=0.3, seed=5)([batch])
    theirs = mb.DataCollatorForLanguageModeling(tokenizer(), mlm_probability=0.3, seed=5)(rows)
    assert ours.pop("logits_to_keep") == "labels"
    assert set(ours) == set(theirs) | {"attention_mask"}
    for name in theirs:
        np.testing.assert_array_equal(ours[name], theirs[name])
    lengths = [len(row["input_ids"]) for row in rows]
    np.testing.assert_array_equal(ours["attention_mask"].sum(1), lengths)


def test_baselines_by_hand() -> None:
    train = [{"input_ids": [2, 6, 7, 3]}] * 3 + [{"input_ids": [2, 8, 7, 3]}]
    batches = [{"input_ids": [[2, 6, 7, 3], [2, 9, 7, 3]] * 50}]
    short = recipe(eval_masked=0.5)
    pairs = list(hidden_tokens(batches, short, tokenizer()))
    found = baselines(train, batches, short, tokenizer())
    # 7 is the commonest token; after [CLS] comes 6 most often, after 6 comes 7, after 9 nothing known: 7
    assert found["unigram"]["accuracy"] == round(np.mean([token == 7 for _, token in pairs]), 4)
    assert found["bigram"]["accuracy"] == round(np.mean([token in (6, 7) for _, token in pairs]), 4)
    counts = {6: 3, 7: 4, 8: 1}
    total = 8 + len(VOCAB)
    expected = -np.mean([np.log((counts.get(token, 0) + 1) / total) for _, token in pairs])
    assert found["unigram"]["loss"] == pytest.approx(expected, abs=1e-4)


def test_evaluation_hides_what_the_baselines_count() -> None:
    rows, held_out = encode(tokenizer(), lines(60), 32), encode(tokenizer(), lines(30, seed=9), 32)
    trainer = make_trainer(recipe(), model(), tokenizer(), rows, {"one": held_out}, Path("unused"))
    (batches,) = trainer.held_out.values()
    found = trainer.evaluator.run(batches, keep_predictions=True)
    assert found.prediction is not None
    pairs = list(hidden_tokens(batches, recipe(), tokenizer()))
    labels = [batch_labels[batch_labels != -100] for batch_labels in [found.prediction.label_ids]]
    assert [token for _, token in pairs] == np.concatenate(labels).tolist()


def run(folder: Path, **options: Any) -> dict[str, Any]:
    held_out = {"one": encode(tokenizer(), lines(20, seed=8), 32), "two": encode(tokenizer(), lines(20, seed=9), 32)}
    rows = encode(tokenizer(), lines(120), 32)
    return pretrain(recipe(**options), model(), tokenizer(), rows, held_out, folder)


def test_a_whole_run_writes_what_it_measured(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the loss curve needs matplotlib: pip install -e '.[plot]'")
    figures = run(tmp_path)
    folder = tmp_path / "model"
    assert figures["tokens"] >= 3000
    assert json.loads((folder / "figures.json").read_text())["final_two_loss"] == figures["final_two_loss"]
    last = json.loads((folder / "log.jsonl").read_text().splitlines()[-1])
    assert last["final_one_accuracy"] == figures["final_one_accuracy"]
    stored = open_safetensors(folder / "model.safetensors")
    assert {stored.stored_dtype(name) for name in stored} == {"F16"}
    again = mb.BertForMaskedLM.from_pretrained(str(folder))
    assert again.dtype == np.float32
    trainer = make_trainer(
        recipe(), again, tokenizer(), encode(tokenizer(), lines(120), 32),
        {"one": encode(tokenizer(), lines(20, seed=8), 32)}, tmp_path / "unused",
    )  # fmt: skip
    assert trainer.evaluate()["eval_one_loss"] == figures["final_one_loss"]
    assert (folder / "loss.png").is_file()


def test_an_interrupted_run_goes_on_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="the loss curve needs matplotlib: pip install -e '.[plot]'")
    whole = run(tmp_path / "whole")
    steps = 0
    step = mb.AdamW.step

    def interrupted(self: Any, grads: Any) -> None:
        nonlocal steps
        steps += 1
        if steps == 27:
            raise KeyboardInterrupt
        step(self, grads)

    with monkeypatch.context() as patch:
        patch.setattr(mb.AdamW, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "halves")
    rest = run(tmp_path / "halves")
    one, other = (tmp_path / name / "model" / "model.safetensors" for name in ("whole", "halves"))
    assert one.read_bytes() == other.read_bytes()
    assert rest["cpu_seconds"] is None
    assert {**rest, "cpu_seconds": 0} == {**whole, "cpu_seconds": 0}
