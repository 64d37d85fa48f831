"""Prompts: padding on the left, and what is none."""

from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.generation import generate
from tests.generation.small_decoders import IDS, WIDE
from tests.small_models import DECODERS, small_model


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("beams", [1, 3])
def test_padding_on_the_left_changes_nothing(name: str, beams: int) -> None:
    model = small_model(name, **WIDE)
    pad = model.config.pad_token_id
    batch = np.array([[pad, pad, 5, 9], [11, 4, 8, 30]])
    options: dict[str, Any] = {"max_new_tokens": 6, "num_beams": beams, "eos_token_id": None, "positions": "model"}
    together = generate(model, batch, **options)
    alone = generate(model, [[5, 9]], **options)
    np.testing.assert_array_equal(together[0, 2:], alone[0])
    np.testing.assert_array_equal(together, generate(model, batch, attention_mask=batch != pad, **options))
    np.testing.assert_array_equal(together, generate(model, {"input_ids": batch}, **options))


def test_where_padding_is_assumed(bert: Any) -> None:
    ids = np.array([[5, 9, 17, 9], [7, 7, 8, 30]])
    options: dict[str, Any] = {"max_new_tokens": 6, "pad_token_id": 7}
    padded = generate(bert, ids, attention_mask=ids != 7, eos_token_id=None, **options)
    np.testing.assert_array_equal(generate(bert, ids, eos_token_id=None, **options), padded)
    whole = generate(bert, ids, attention_mask=np.ones_like(ids), eos_token_id=7, **options)
    np.testing.assert_array_equal(generate(bert, ids, eos_token_id=7, **options), whole)  # ends may stand in a prompt
    many = generate(bert, ids, attention_mask=3.0 * (ids != 7), eos_token_id=None, **options)
    np.testing.assert_array_equal(many, padded)


def test_mistakes_in_prompts_and_models(bert: Any) -> None:
    with pytest.raises(mb.InputError, match="the prompts have different lengths: pad them on the left"):
        generate(bert, [[1, 2], [3]])
    with pytest.raises(mb.InputError, match=r"input_ids has shape \(2,\) and dtype int64"):
        generate(bert, [1, 2])
    with pytest.raises(mb.InputError, match="there is no prompt, and no bos_token_id to begin with"):
        generate(bert)
    with pytest.raises(mb.InputError, match="the prompt has 24 tokens and the model positions for 24"):
        generate(bert, np.ones((1, 24), dtype=int))
    with pytest.raises(mb.InputError, match="the BertLMHeadModel is an encoder, whose tokens see those after them"):
        generate(small_model("BertLMHeadModel", is_decoder=False), IDS)
    with pytest.raises(mb.InputError, match="a BertForMaskedLM does not generate: BertLMHeadModel"):
        generate(small_model("BertForMaskedLM"), IDS)
    with pytest.raises(mb.InputError, match=r"input_ids\[0, 0\] is 99: ids 0..30 exist here"):
        generate(bert, [[99, 1]])
