"""Greedy search is argmax after argmax; samples follow the scores."""

from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.functional.softmax import log_softmax
from minibert.generation import generate
from minibert.generation.search import draw
from tests.generation.small_decoders import IDS, WIDE, chi_squared
from tests.small_models import DECODERS, small_model


def greedy_by_definition(model: Any, ids: np.ndarray, steps: int) -> np.ndarray:
    """Read the whole text at every step, and take the likeliest next token."""
    for _ in range(steps):
        logits = model(input_ids=ids, use_cache=False).logits[:, -1]
        ids = np.concatenate([ids, logits.argmax(axis=1)[:, None]], axis=1)
    return ids


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("use_cache", [True, False])
def test_greedy_is_the_likeliest_token_again_and_again(name: str, use_cache: bool) -> None:
    model = small_model(name, **WIDE)
    got = generate(model, IDS, max_new_tokens=9, eos_token_id=None, use_cache=use_cache, positions="model")
    np.testing.assert_array_equal(got, greedy_by_definition(model, IDS, 9))
    assert got.dtype == np.int64


@pytest.mark.parametrize(
    "options",
    [{"top_k": 0}, {"top_k": 6}, {"top_k": 0, "top_p": 0.7}, {"top_k": 0, "temperature": 0.5},
     {"top_k": 0, "temperature": 2.0, "top_p": 0.9, "repetition_penalty": 1.5}, {"top_k": 0, "min_p": 0.3},
     {"top_k": 12, "min_p": 0.1, "temperature": 1.5}],
)  # fmt: skip
def test_samples_follow_the_distribution(bert: Any, options: dict[str, Any]) -> None:
    out = generate(
        bert, IDS[:1], do_sample=True, num_return_sequences=20_000, max_new_tokens=1, seed=1,
        return_dict_in_generate=True, output_scores=True, **options,
    )  # fmt: skip
    scores = mb.to_numpy(bert(input_ids=IDS[:1]).logits)[0, -1].copy()
    if "repetition_penalty" in options:
        for token in set(IDS[0].tolist()):
            scores[token] *= 1.5 if scores[token] < 0 else 1 / 1.5
    scores /= options.get("temperature", 1.0)
    probs = np.exp(log_softmax(scores))
    order = np.argsort(-probs)
    if options["top_k"]:
        probs[order[options["top_k"] :]] = 0.0
    if "top_p" in options:
        before = np.cumsum(probs[order]) - probs[order]  # the probability of all that are likelier
        probs[order[before >= options["top_p"]]] = 0.0
    if "min_p" in options:
        probs[probs < options["min_p"] * probs.max()] = 0.0
    probs /= probs.sum()
    counts = np.bincount(out.sequences[:, -1], minlength=31)
    assert not counts[probs == 0].any()
    assert abs(chi_squared(counts, probs)) < 4.5


@pytest.mark.parametrize(("drawn", "token"), [(0.0, 1), (0.49, 1), (0.51, 3), (1.0 - 2**-53, 3)])
def test_what_is_forbidden_is_never_drawn(drawn: float, token: int) -> None:
    class Fixed(np.random.Generator):
        def random(self, size: Any = None, *rest: Any, **more: Any) -> Any:
            return np.full(size, drawn)

    scores = np.array([[-np.inf, 0.0, -np.inf, 0.0, -np.inf]])
    assert draw(scores, Fixed(np.random.PCG64())).tolist() == [token]


def test_samples_of_two_tokens_follow_the_joint_distribution(bert: Any) -> None:
    """The second token's chances depend on the first: the cache of every text is its own."""
    texts = generate(bert, IDS[:1], do_sample=True, num_return_sequences=20_000, max_new_tokens=2, top_k=0, seed=2)
    first = np.exp(log_softmax(mb.to_numpy(bert(input_ids=IDS[:1]).logits)[0, -1]))
    continued = np.concatenate([IDS[:1].repeat(31, axis=0), np.arange(31)[:, None]], axis=1)
    second = np.exp(log_softmax(mb.to_numpy(bert(input_ids=continued).logits)[:, -1]))
    counts = np.zeros((31, 31))
    np.add.at(counts, (texts[:, 4], texts[:, 5]), 1)
    assert abs(chi_squared(counts.ravel(), (first[:, None] * second).ravel())) < 4.5


def test_nothing_to_choose_from(bert: Any) -> None:
    forbidden = [lambda ids, scores: np.full_like(scores, -np.inf)]
    with pytest.raises(mb.InputError, match="no token is left to draw: no_repeat_ngram_size, min_length or a logits"):
        generate(bert, IDS, do_sample=True, top_k=0, logits_processor=forbidden)
    broken = small_model("BertLMHeadModel", **WIDE)
    broken.parameters["cls.predictions.bias"][3] = np.nan
    with pytest.raises(mb.InputError, match=r"the model's scores are not numbers \(NaN\)"):
        generate(broken, IDS)
