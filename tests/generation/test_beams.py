"""Beams find the best text, stop when they should, and are drawn by probability."""

import itertools
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.functional.softmax import log_softmax
from minibert.generation import generate
from tests.generation.small_decoders import IDS, chi_squared
from tests.small_models import small_model


def all_texts(model: Any, prompt: np.ndarray, steps: int) -> dict[tuple[int, ...], float]:
    """The logarithm of every continuation's probability."""
    found = {}
    for tokens in itertools.product(range(model.config.vocab_size), repeat=steps):
        ids = np.array([[*prompt, *tokens]])
        scores = log_softmax(mb.to_numpy(model(input_ids=ids, use_cache=False).logits)[0])
        found[tokens] = float(sum(scores[len(prompt) - 1 + i, token] for i, token in enumerate(tokens)))
    return found


def test_wide_beams_find_the_best_text() -> None:
    model = small_model("BertLMHeadModel", vocab_size=7, max_position_embeddings=12)
    prompt = np.array([5, 2, 6])
    scored = all_texts(model, prompt, 3)
    best = sorted(scored, key=lambda tokens: -scored[tokens])[:4]
    out = generate(
        model, [prompt], max_new_tokens=3, num_beams=49, num_return_sequences=4, eos_token_id=None,
        length_penalty=1.0, return_dict_in_generate=True,
    )  # fmt: skip
    assert [tuple(row[3:].tolist()) for row in out.sequences] == best
    np.testing.assert_allclose(out.sequences_scores, [scored[tokens] / 3 for tokens in best], rtol=1e-5)


def test_length_penalty_and_early_stopping(bert: Any) -> None:
    options: dict[str, Any] = {"max_new_tokens": 10, "num_beams": 4, "eos_token_id": list(range(10)), "pad_token_id": 0}
    lengths = {
        penalty: (generate(bert, IDS, length_penalty=penalty, early_stopping="never", **options)[:, 4:] > 0).sum()
        for penalty in (-3.0, 3.0)
    }
    assert lengths[-3.0] < lengths[3.0]
    scores = [
        generate(bert, IDS, early_stopping=kind, return_dict_in_generate=True, **options).sequences_scores
        for kind in (True, "never")
    ]
    assert (scores[1] >= scores[0] - 1e-6).all()  # whoever looks longer finds nothing worse


def test_beams_go_on_where_all_ends_are_likelier(bert: Any) -> None:
    seen: list[np.ndarray] = []

    def falling(ids: np.ndarray, scores: np.ndarray) -> np.ndarray:
        seen.append(ids.copy())
        return np.tile(-np.arange(31.0), (len(ids), 1))

    options: dict[str, Any] = {"num_beams": 2, "early_stopping": "never", "logits_processor": [falling],
                               "length_penalty": 5.0}  # fmt: skip
    generate(bert, IDS[:1], max_new_tokens=2, eos_token_id=[0, 1, 2], **options)
    assert seen[1][:, -1].tolist() == [3, 4]  # the two best that are no end


@pytest.mark.parametrize("early", [True, False, "never"])
@pytest.mark.parametrize("penalty", [-1.0, 1.0, 4.0])
def test_a_prompt_finds_the_same_beside_others(bert: Any, early: Any, penalty: float) -> None:
    """A prompt that is done waits for the others, and takes up no more texts."""
    ids = np.random.default_rng(0).integers(1, 31, size=(8, 3))
    options: dict[str, Any] = {
        "num_beams": 3, "num_return_sequences": 3, "eos_token_id": list(range(0, 31, 3)), "pad_token_id": 0,
        "max_new_tokens": 12, "early_stopping": early, "length_penalty": penalty,
    }  # fmt: skip
    together = generate(bert, ids, **options)
    for row, texts in zip(ids, together.reshape(8, 3, -1), strict=True):
        alone = generate(bert, row[None], **options)
        np.testing.assert_array_equal(texts[:, : alone.shape[1]], alone)


@pytest.mark.parametrize(
    ("steps", "options", "best", "taken"),
    [
        # two complete texts are enough for True, though the running text would be better
        ([{3: -0.1, 0: -1.0}, {3: -0.1, 0: -1.0}, {0: -0.1}], {"early_stopping": True}, [3, 0], 2),
        ([{3: -0.1, 0: -1.0}, {3: -0.1, 0: -1.0}, {0: -0.1}], {"early_stopping": False}, [3, 3, 0], 3),
        # False stops where the running text is worse at its present length, "never" where it will always be
        ([{0: -0.1, 1: -0.2, 3: -3.0}, {0: -0.1}], {"early_stopping": False}, [0], 1),
        ([{0: -2.9, 1: -2.95, 3: -3.0}, {3: 0.0}, {0: 0.0}], {"early_stopping": "never"}, [3, 3, 0], 4),
        # where short texts are favoured, the present length is the best that a running text can have
        ([{3: -0.1, 0: -2.5}, {3: -0.1, 0: -2.5}, {0: -0.05}], {"early_stopping": "never", "length_penalty": -2.0},
         [3, 3, 0], 3),
        # the texts that are given decide how long they are, not the others that were found
        ([{0: -0.3, 3: -1.0}, {0: -0.5}], {"early_stopping": True, "length_penalty": -2.0}, [0], 2),
    ],
)  # fmt: skip
def test_when_beams_stop(
    bert: Any, steps: list[dict[int, float]], options: dict[str, Any], best: list[int], taken: int
) -> None:
    lengths: list[int] = []

    def scripted(ids: np.ndarray, scores: np.ndarray) -> np.ndarray:
        lengths.append(ids.shape[1])
        scores = np.full_like(scores, -20.0)
        for token, score in steps[min(len(lengths), len(steps)) - 1].items():
            scores[:, token] = score
        return scores

    texts = generate(
        bert, IDS[:1], num_beams=2, eos_token_id=[0, 1], pad_token_id=1, max_new_tokens=12,
        logits_processor=[scripted], **options,
    )  # fmt: skip
    assert texts[0, 4:].tolist() == best
    assert len(lengths) == taken


def test_drawn_beams_are_different_texts_by_probability() -> None:
    """With one step, two beams are a draw of two tokens without putting back: the better one comes first."""
    model = small_model("BertLMHeadModel", vocab_size=9, max_position_embeddings=12)
    probs = np.exp(log_softmax(mb.to_numpy(model(input_ids=[[5, 2]]).logits)[0, -1]))
    rng, counts, draws = np.random.default_rng(3), np.zeros((9, 9)), 1500
    for _ in range(draws):
        texts = generate(model, [[5, 2]], do_sample=True, num_beams=2, num_return_sequences=2, max_new_tokens=1,
                         top_k=0, eos_token_id=None, seed=rng)  # fmt: skip
        counts[tuple(sorted(texts[:, -1]))] += 1
    assert not np.diag(counts).any()
    # the first two of a draw of four in order: p(a) p(b) / (1 - p(a)), both ways round
    pair = probs[:, None] * probs / (1 - probs)[:, None]
    pair = np.triu(pair + pair.T, 1)
    assert abs(chi_squared(counts.ravel(), pair.ravel())) < 4.5


def test_beams_without_a_cache_find_the_same(bert: Any) -> None:
    options: dict[str, Any] = {"max_new_tokens": 8, "num_beams": 4, "num_return_sequences": 4, "eos_token_id": 7}
    np.testing.assert_array_equal(generate(bert, IDS, **options), generate(bert, IDS, use_cache=False, **options))
