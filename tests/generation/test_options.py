"""Options: lengths, values that do not fit, and options without an effect."""

from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.generation import generate
from tests.generation.small_decoders import IDS, WIDE
from tests.small_models import small_model


def test_lengths(bert: Any) -> None:
    assert generate(bert, IDS).shape == (2, 24)  # 20 new tokens
    assert generate(bert, np.tile(IDS, 4)).shape == (2, 24)  # as many as there are positions for
    assert generate(bert, IDS, max_length=7).shape == (2, 7)
    padded = np.array([[0] * 6 + [5, 9], [0] * 5 + [4, 8, 30]])
    assert generate(bert, padded, pad_token_id=0).shape == (2, 24)  # the default counts padding, as transformers does
    assert generate(bert, padded, pad_token_id=0, max_new_tokens=21).shape == (2, 29)  # which needs no positions
    assert generate(small_model("RemBertForCausalLM", bos_token_id=3, **WIDE), max_new_tokens=2).shape == (1, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_length": 4}, "max_length is 4, which counts the prompt's 4 tokens too: give more, or max_new_tokens="),
        ({"max_new_tokens": 21}, r"texts of 25 tokens are asked for \(the prompt has 4\), but the model has positions"
                                 " for 24: give max_new_tokens=20 at most"),
        ({"min_length": 12, "max_length": 8}, "texts of at least 12 tokens are asked for, and of at most 8"),
        ({"max_new_tokens": 0}, "max_new_tokens is 0: an integer of 1 or more belongs there"),
        ({"temperature": 0.0, "do_sample": True}, "temperature is 0.0: a number above 0 belongs there"),
        ({"top_p": 1.5, "do_sample": True}, "top_p is 1.5: a number from 0 to 1 belongs there"),
        ({"top_k": -1, "do_sample": True}, "top_k is -1: an integer of 0 or more belongs there"),
        ({"num_beams": True}, "num_beams is True: an integer of 1 or more belongs there"),
        ({"early_stopping": "soon", "num_beams": 2}, "early_stopping is 'soon': True, False or 'never' belongs there"),
        ({"num_return_sequences": 2}, "num_return_sequences is 2, but greedy search finds one text only"),
        ({"num_return_sequences": 3, "num_beams": 2}, "num_return_sequences is 3, more than the 2 beams"),
        ({"num_beams": 2, "streamer": print}, "a streamer needs one text that only grows"),
        ({"streamer": 3}, "streamer is a int: a function of the new tokens, or one with put and end"),
        ({"eos_token_id": 31}, r"eos_token_id is 31: ids 0..30 exist here"),
        ({"pad_token_id": -1}, r"pad_token_id is -1: ids 0..30 exist here"),
        ({"min_p": 2, "do_sample": True}, "min_p is 2: a number from 0 to 1 belongs there"),
        ({"max_tokens": 3}, r"generate takes no 'max_tokens' \(did you mean 'max_new_tokens'\?\): its options are"),
        ({"colour": 3}, "generate takes no 'colour': its options are max_length, max_new_tokens, "),
        ({"positions": "relative"}, "positions is 'relative': choose one of transformers, model"),
        ({"input_ids": IDS}, "the prompts were given twice"),
        ({"attention_mask": np.ones((2, 5))}, r"attention_mask has shape \(2, 5\): \(2, 4\), as input_ids has"),
    ],
)  # fmt: skip
def test_mistakes(bert: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(mb.InputError, match=message):
        generate(bert, IDS, **options)


def test_warnings(bert: Any) -> None:
    with pytest.warns(UserWarning, match="temperature, top_p has no effect without do_sample=True"):
        generate(bert, IDS, max_new_tokens=1, temperature=0.5, top_p=0.9)
    with pytest.warns(UserWarning, match="length_penalty has no effect without num_beams above 1"):
        generate(bert, IDS, max_new_tokens=1, length_penalty=0.5)
    with pytest.warns(UserWarning, match="a prompt ends with padding"):
        generate(bert, [[5, 6, 0], [7, 8, 9]], max_new_tokens=1, pad_token_id=0)
