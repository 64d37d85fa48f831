"""The model as generation sees it: each token is read once, at its own position."""

from typing import Any

import numpy as np
import pytest

from minibert.generation import generate
from tests.generation.small_decoders import IDS, WIDE
from tests.small_models import small_model


def test_roberta_counts_positions_as_told() -> None:
    """transformers counts from 0 where the model counts from pad + 1: the scores differ."""
    model = small_model("RobertaForCausalLM", **WIDE)
    options: dict[str, Any] = {"max_new_tokens": 1, "return_dict_in_generate": True, "output_scores": True}
    own = generate(model, IDS, positions="model", **options).scores[0]
    theirs = generate(model, IDS, **options).scores[0]
    np.testing.assert_allclose(own, model(input_ids=IDS).logits[:, -1], rtol=1e-5)
    places = np.arange(4)[None].repeat(2, axis=0)
    np.testing.assert_allclose(theirs, model(input_ids=IDS, position_ids=places).logits[:, -1], rtol=1e-5)
    assert np.abs(own - theirs).max() > 0.01


@pytest.mark.parametrize("beams", [1, 3])
def test_cross_attention_reads_the_encoder_once(beams: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_model("BertLMHeadModel", add_cross_attention=True, **WIDE)
    states = np.random.default_rng(0).normal(size=(2, 5, model.config.hidden_size))
    inputs: dict[str, Any] = {
        "encoder_hidden_states": states, "encoder_attention_mask": np.array([[1, 1, 1, 0, 0], [1] * 5]),
    }  # fmt: skip
    key = model.base_model.encoder.layer[0].crossattention.self.key
    calls: list[int] = []
    forward = key.forward
    monkeypatch.setattr(key, "forward", lambda x, *rest: calls.append(len(x)) or forward(x, *rest))
    cached = generate(model, IDS, max_new_tokens=6, num_beams=beams, **inputs)
    assert calls == [2]  # once, before the beams part
    np.testing.assert_array_equal(
        cached, generate(model, IDS, max_new_tokens=6, num_beams=beams, use_cache=False, **inputs)
    )


def test_each_token_is_read_once(bert: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    key = bert.base_model.encoder.layer[0].attention.self.key
    shapes: list[tuple[int, ...]] = []
    forward = key.forward
    monkeypatch.setattr(key, "forward", lambda x, *rest: shapes.append(x.shape[:2]) or forward(x, *rest))
    generate(bert, IDS, max_new_tokens=4, num_beams=3)
    assert shapes == [(2, 4), (6, 1), (6, 1), (6, 1)]


def test_scores_are_of_the_last_token_in_float32(bert: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a float64 model too, as in transformers: equal scores must tie on both sides."""
    head, shapes = bert.lm_head_module, []
    forward = head.forward
    monkeypatch.setattr(head, "forward", lambda x, *rest: shapes.append(x.shape[:2]) or forward(x, *rest))
    out = generate(bert, IDS, max_new_tokens=2, return_dict_in_generate=True, output_scores=True)
    assert [scores.dtype for scores in out.scores] == [np.float32] * 2
    assert shapes == [(2, 1), (2, 1)]


def test_token_types_go_on_with_the_last(bert: Any) -> None:
    types = np.array([[0, 0, 1, 1], [0, 0, 0, 2]])
    got = generate(bert, {"input_ids": IDS, "token_type_ids": types}, max_new_tokens=3)
    ids = IDS
    for _ in range(3):
        logits = bert(input_ids=ids, token_type_ids=types, use_cache=False).logits[:, -1]
        ids = np.concatenate([ids, logits.argmax(axis=1)[:, None]], axis=1)
        types = np.concatenate([types, types[:, -1:]], axis=1)
    np.testing.assert_array_equal(got, ids)
