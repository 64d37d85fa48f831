"""Greedy and beam search against transformers': the same tokens, in float64, for many random models."""

import random
import warnings
from typing import Any

import numpy as np
import pytest

from minibert.generation import generate
from tests.small_models import small_model

torch = pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[reference]'")
transformers = pytest.importorskip(
    "transformers", reason="transformers is not installed: pip install -e '.[reference]'"
)

pytestmark = pytest.mark.reference
transformers.logging.set_verbosity_error()
DECODERS = ("BertLMHeadModel", "RobertaForCausalLM", "RemBertForCausalLM")
SEEDS = range(2)
WIDE = {"vocab_size": 61, "max_position_embeddings": 40}


def reference(model: Any) -> Any:
    """The same model in transformers."""
    fields = {name: value for name, value in model.config.to_dict().items() if name != "model_type"}
    config = getattr(transformers, type(model.config).__name__)(**fields, attn_implementation="eager")
    config.tie_word_embeddings = model.config.tie_word_embeddings
    theirs = getattr(transformers, type(model).__name__)(config).double().eval()
    theirs.load_state_dict({name: torch.tensor(array) for name, array in model.state_dict().items()}, strict=False)
    theirs.tie_weights()
    return theirs


def prompts(model: Any, padded: bool) -> dict[str, np.ndarray]:
    pad = model.config.pad_token_id
    ids = np.array([[5, 9, 17, 9], [11, 4, 8, 30], [25, 26, 27, 28]])
    mask = np.ones_like(ids)
    if padded:
        mask[0, :2] = mask[2, :1] = 0
        ids[mask == 0] = pad
    return {"input_ids": ids, "attention_mask": mask}


def agree(model: Any, theirs: Any, inputs: dict[str, Any], **options: Any) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tensors = {name: torch.tensor(array) for name, array in inputs.items()}
        expected = theirs.generate(**tensors, do_sample=False, **options).numpy()
        got = generate(model, **inputs, **options)
    np.testing.assert_array_equal(got, expected, err_msg=str(options))
    return got


@pytest.fixture(scope="module", params=[(name, seed) for name in DECODERS for seed in SEEDS], ids=str)
def pair(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    name, seed = request.param
    model = small_model(name, seed=seed, **WIDE)
    return model, reference(model)


@pytest.mark.parametrize("padded", [False, True])
def test_greedy(pair, padded: bool) -> None:
    inputs = prompts(pair[0], padded)
    free = agree(*pair, inputs, max_new_tokens=12, eos_token_id=None)
    agree(*pair, inputs)
    agree(*pair, inputs, max_length=9, use_cache=False)
    # ends that are really met
    for eos in (int(free[0, 6]), [int(free[1, 5]), int(free[2, 9])]):
        agree(*pair, inputs, max_new_tokens=12, eos_token_id=eos)
        agree(*pair, inputs, max_new_tokens=12, eos_token_id=eos, min_length=8)
        agree(*pair, inputs, max_new_tokens=12, eos_token_id=eos, min_new_tokens=5, repetition_penalty=1.7)
    agree(*pair, inputs, max_new_tokens=14, no_repeat_ngram_size=2, eos_token_id=None)
    agree(*pair, {"input_ids": inputs["input_ids"]}, max_new_tokens=5)


@pytest.mark.parametrize("padded", [False, True])
def test_beams(pair, padded: bool) -> None:
    inputs = prompts(pair[0], padded)
    free = agree(*pair, inputs, max_new_tokens=10, num_beams=3, eos_token_id=None)
    ends = sorted({int(token) for token in free[:, 5:8].ravel()} - {pair[0].config.pad_token_id})
    for eos in (ends[0], ends[:3]):
        for early, penalty in ((True, 1.0), (False, 0.0), ("never", 2.0), (False, -1.5), ("never", -0.5)):
            agree(*pair, inputs, max_new_tokens=10, num_beams=3, eos_token_id=eos, early_stopping=early,
                      length_penalty=penalty, num_return_sequences=3)  # fmt: skip
    agree(*pair, inputs, max_new_tokens=9, num_beams=4, num_return_sequences=2, no_repeat_ngram_size=2,
          repetition_penalty=1.3, eos_token_id=ends[0], min_length=7)  # fmt: skip
    agree(*pair, inputs, max_new_tokens=6, num_beams=2, use_cache=False)
    agree(*pair, inputs, max_new_tokens=1, num_beams=5, num_return_sequences=5)


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("beams", [1, 3])
def test_cross_attention(name: str, beams: int) -> None:
    """transformers' generate gives such a decoder a cache that cannot hold the encoder's keys, so it goes without."""
    model = small_model(name, add_cross_attention=True, **WIDE)
    rng = np.random.default_rng(0)
    inputs = {
        **prompts(model, True),
        "encoder_hidden_states": rng.normal(size=(3, 6, model.config.hidden_size)),
        "encoder_attention_mask": np.array([[1] * 6, [1, 1, 1, 0, 0, 0], [0, 1, 1, 1, 1, 1]]),
    }
    slow = agree(model, reference(model), inputs, max_new_tokens=8, num_beams=beams, use_cache=False)
    np.testing.assert_array_equal(generate(model, **inputs, max_new_tokens=8, num_beams=beams), slow)


@pytest.mark.parametrize("kind", ["relative_key", "relative_key_query"])
def test_token_types_and_relative_positions(kind: str) -> None:
    """The quirk of relative positions with a cache is the reference's own, so the tokens are the same."""
    model = small_model("BertLMHeadModel", position_embedding_type=kind, **WIDE)
    inputs = prompts(model, False)
    inputs["token_type_ids"] = np.array([[0, 0, 1, 1], [0, 1, 1, 1], [1, 1, 1, 0]])
    agree(model, reference(model), inputs, max_new_tokens=8)
    agree(model, reference(model), inputs, max_new_tokens=8, num_beams=3)
    agree(model, reference(model), inputs, max_new_tokens=8, use_cache=False)


def test_scores_of_beams() -> None:
    model = small_model("BertLMHeadModel", **WIDE)
    inputs = prompts(model, True)
    options = {"max_new_tokens": 6, "num_beams": 3, "num_return_sequences": 3, "return_dict_in_generate": True}
    expected = reference(model).generate(
        **{name: torch.tensor(array) for name, array in inputs.items()}, **options, output_scores=True
    )
    got = generate(model, **inputs, **options, output_scores=True)
    np.testing.assert_allclose(got.sequences_scores, expected.sequences_scores.numpy(), rtol=1e-5)
    assert len(got.scores) == len(expected.scores) == 6


@pytest.mark.parametrize("options", [{"top_k": 5}, {"top_p": 0.8, "top_k": 0}, {"temperature": 0.7, "top_k": 0},
                                     {"top_k": 20, "top_p": 0.5, "temperature": 1.5}, {"top_k": 0, "min_p": 0.2},
                                     {"top_k": 30, "min_p": 0.05, "top_p": 0.9}])  # fmt: skip
def test_scores_that_are_drawn_from(options: dict[str, Any]) -> None:
    """The distribution of the first token drawn is transformers' own, token by token."""
    model = small_model("BertLMHeadModel", **WIDE)
    inputs = prompts(model, False)
    common = {"max_new_tokens": 1, "do_sample": True, "return_dict_in_generate": True, "output_scores": True}
    expected = reference(model).generate(
        **{name: torch.tensor(array) for name, array in inputs.items()}, **common, **options
    )
    got = generate(model, **inputs, **common, **options, seed=0)
    np.testing.assert_allclose(got.scores[0], expected.scores[0].numpy(), rtol=1e-4, atol=1e-5)


def random_options(rng: random.Random, vocabulary: int, prompt: int) -> dict[str, Any]:
    """A combination of options that may be given together."""
    end = rng.choice([None, 5, [1, 4], [0], list(range(4))])
    chances: dict[str, tuple[float, list[Any]]] = {
        "min_length": (0.2, [0, 4, 6]),
        "min_new_tokens": (0.2, [1, 2]),
        "repetition_penalty": (0.25, [0.7, 1.3, 2.0]),
        "no_repeat_ngram_size": (0.25, [2, 3] if vocabulary > 30 else [3]),
        "pad_token_id": (0.3, [0, 1, 2]),
        "use_cache": (0.2, [False]),
    }
    if prompt > 2:
        chances["bad_words_ids"] = (0.3, [[[1]], [[2, 3], [4]], [[5], [6, 1, 2]], [[0, 0], [1, 1], [2]]])
    options = {name: rng.choice(values) for name, (chance, values) in chances.items() if rng.random() < chance}
    options |= {"eos_token_id": end, "max_new_tokens": rng.choice([6, 8, 15])}
    if rng.random() < 0.6:
        options |= {
            "num_beams": rng.choice([2, 3, 5]), "length_penalty": rng.choice([-2.0, -0.5, 0.0, 1.0, 3.0]),
            "early_stopping": rng.choice([True, False, "never"]), "num_return_sequences": rng.choice([1, 2]),
        }  # fmt: skip
    return options


@pytest.mark.parametrize("seed", range(12))
def test_random_options_of_random_models(seed: int) -> None:
    rng, numbers = random.Random(seed), np.random.default_rng(seed)
    cross, vocabulary = seed % 4 == 3, (7, 31, 200)[seed % 3]
    model = small_model(
        DECODERS[seed % 5 % 3], seed=seed, vocab_size=vocabulary, max_position_embeddings=24, add_cross_attention=cross,
        num_hidden_layers=rng.choice([1, 2, 3]), pad_token_id=rng.choice([0, 1, 3]),
    )  # fmt: skip
    theirs, pad = reference(model), model.config.pad_token_id
    for _ in range(6):
        rows, length = rng.choice([1, 2, 3]), rng.choice([1, 2, 5])
        ids = numbers.integers(0, vocabulary, size=(rows, length))
        mask = np.arange(length) >= np.array([[rng.randrange(length)] for _ in range(rows)])
        inputs = {"input_ids": np.where(mask, ids, pad), "attention_mask": mask.astype(np.int64)}
        options = random_options(rng, vocabulary, length)
        if rng.random() < 0.3:
            inputs["token_type_ids"] = numbers.integers(0, 2, size=(rows, length))
        if cross:
            inputs["encoder_hidden_states"] = numbers.normal(size=(rows, 4, model.config.hidden_size))
            options["use_cache"] = False  # as above
        agree(model, theirs, inputs, **options)
