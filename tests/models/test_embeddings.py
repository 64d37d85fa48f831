"""Embeddings against LayerNorm(word + position + type), looked up one token at a time, and what the tables learn."""

from typing import Any

import numpy as np

from minibert.models.embeddings import Embeddings
from minibert.trace import Backward, Run
from tests.gradients import rng_of
from tests.models import by_hand
from tests.models.parts import check_part, filled, traced
from tests.small_models import B, D, T, small_config

IDS, TYPES = np.array([[5, 7, 5], [5, 9, 0]]), np.array([[0, 1, 1], [0, 0, 3]])
POSITIONS = np.arange(T)[None]  # one row for every text
WORD, POSITION, TYPE = (f"embeddings.{name}_embeddings.weight" for name in ("word", "position", "token_type"))
DY = rng_of(71).normal(size=(B, T, D))


def embeddings(**changes: Any) -> Embeddings:
    config = small_config("BertModel", **changes)
    return filled(lambda parameters: Embeddings("embeddings", parameters, config, D))


def normalised(total: np.ndarray, part: Embeddings) -> np.ndarray:
    return by_hand.layer_norm(total, part.parameters, "embeddings.LayerNorm", 1e-5)


def test_word_position_and_type_of_every_token() -> None:
    part = embeddings()
    total, state = np.zeros((B, T, D)), part.parameters
    for b, t in np.ndindex(B, T):
        total[b, t] = state[WORD][IDS[b, t]] + state[POSITION][t] + state[TYPE][TYPES[b, t]]
    y = part.forward(IDS, TYPES, POSITIONS, None, Run())
    np.testing.assert_allclose(y, normalised(total, part), rtol=1e-11, atol=1e-12)


def test_every_text_may_have_positions_of_its_own() -> None:
    part, positions = embeddings(), np.array([[4, 4, 0], [1, 2, 11]])
    y = part.forward(IDS, TYPES, positions, None, Run(), shared_positions=False)
    state = part.parameters
    total = state[WORD][IDS] + state[TYPE][TYPES] + state[POSITION][positions]
    np.testing.assert_allclose(y, normalised(total, part), rtol=1e-11, atol=1e-12)


def test_relative_positions_are_no_part_of_the_sum() -> None:
    part = embeddings(position_embedding_type="relative_key")
    total = part.parameters[WORD][IDS] + part.parameters[TYPE][TYPES]
    y = part.forward(IDS, TYPES, POSITIONS, None, Run())
    np.testing.assert_allclose(y, normalised(total, part), rtol=1e-11, atol=1e-12)


def test_vectors_may_be_given_in_place_of_ids() -> None:
    part = embeddings()
    expected = part.forward(IDS, TYPES, POSITIONS, None, Run())
    np.testing.assert_array_equal(
        part.forward(None, TYPES, POSITIONS, part.parameters[WORD][IDS], Run()), expected
    )


def sums_and_gradients() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The gradient of the sum, and those of the tables."""
    part = embeddings()
    run, trace = traced(part)
    part.forward(IDS, TYPES, POSITIONS, None, run)
    back = Backward(trace, {})
    part.backward(DY.copy(), back)
    return trace.grad["embeddings.sum"], back.grads


def test_a_row_learns_from_each_of_its_tokens() -> None:
    dtotal, grads = sums_and_gradients()
    np.testing.assert_allclose(grads[WORD][5], dtotal[0, 0] + dtotal[0, 2] + dtotal[1, 0], rtol=1e-12)
    np.testing.assert_allclose(grads[TYPE][1], dtotal[0, 1] + dtotal[0, 2], rtol=1e-12)
    np.testing.assert_allclose(grads[POSITION][:T], dtotal.sum(axis=0), rtol=1e-12)
    assert not grads[POSITION][T:].any()
    assert not grads[WORD][[1, 2, 3, 4, 6, 8]].any()


def test_the_padding_row_learns_nothing() -> None:
    dtotal, grads = sums_and_gradients()
    assert dtotal[1, 2].any()  # where the padding token stands
    assert not grads[WORD][0].any()


def test_the_slopes() -> None:
    part = embeddings()

    def backward(dy: np.ndarray, back: Backward) -> tuple[()]:
        part.backward(dy, back)
        return ()

    check_part(part, lambda run: part.forward(IDS, TYPES, POSITIONS, None, run), backward, {}, left_out={WORD: 0})
