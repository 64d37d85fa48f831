"""Dropout from one generator: the same seed, or the recorded masks, give the same pass again."""

import numpy as np
import pytest

import minibert as mb
from tests.training import runs, small

DROPOUT = {"hidden_dropout_prob": 0.3, "attention_probs_dropout_prob": 0.2}


def model(**config):
    return small.classifier("float64", **DROPOUT, **config)


def traced(made, trace_keep="*"):
    trace = mb.Trace(trace_keep)
    batch = {"input_ids": [[2, 7, 8, 3], [2, 9, 3, 0]], "attention_mask": [[1] * 4, [1, 1, 1, 0]], "labels": [0, 2]}
    return made(**batch, trace=trace), trace


def test_recorded_masks_replay_values_and_gradients() -> None:
    first_out, first = traced(model().train(0))
    second_out, second = traced(model().train(mb.replay_masks(first)))
    assert first_out.loss == second_out.loss
    assert list(first) == list(second)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
    made, other = model().train(0), model().train(mb.replay_masks(first))
    grads, again = made.backward(traced(made)[1]), other.backward(traced(other)[1])
    for name, gradient in grads.items():
        np.testing.assert_array_equal(gradient, again[name], err_msg=name)
    assert traced(model().train(1))[0].loss != first_out.loss


@pytest.mark.parametrize("name", runs.CONFIGS)
def test_a_whole_run_is_replayed_from_its_masks(name: str) -> None:
    masks: list[dict[str, np.ndarray]] = []
    losses, _ = runs.train(runs.build(name, **DROPOUT).train(4), name, masks)
    replayed, _ = runs.train(runs.build(name, **DROPOUT).train(mb.replay_masks(*masks)), name)
    assert losses == replayed
    assert len(masks) == runs.STEPS


def test_masks_are_the_same_for_both_dtypes() -> None:
    _, wide = traced(model().train(3))
    _, narrow = traced(small.classifier("float32", **DROPOUT).train(3))
    for name in wide:
        if name.endswith(".mask"):
            np.testing.assert_array_equal(wide[name], narrow[name])


def test_mistakes_are_one_sentence() -> None:
    with pytest.raises(mb.InputError, match="the traces hold no dropout masks"):
        mb.replay_masks(traced(model())[1])
    _, first = traced(model().train(0))
    made = model().train(mb.replay_masks(first))
    traced(made)
    with pytest.raises(mb.TraceError, match=r"the replay has \d+ dropout masks, and one more was asked for"):
        traced(made)
    with pytest.raises(mb.TraceError, match=r"the replay's next mask, .*, has shape \(2, 4, 12\), but \(1, 3, 12\)"):
        model().train(mb.replay_masks(first))(input_ids=[[2, 7, 3]])
