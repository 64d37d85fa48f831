"""Every family's stages, plain and remembered, have all that a stage promises."""

from functools import partial

import pytest
from small_tokenizers import bert, rembert, roberta

from minibert.tokenizers.stages.stage import Decoder, Model, Normalizer, PreTokenizer, Token


def promised(protocol):
    return {name for name in {*vars(protocol), *protocol.__annotations__} if not name.startswith("_")}


@pytest.mark.parametrize("profile", ["transformers", "original"])
@pytest.mark.parametrize("make", [partial(bert, "a"), partial(roberta, []), rembert])
def test_stages_keep_their_promises(make, profile):
    tokenizer = make(profile=profile)
    for stages in (tokenizer.stages, tokenizer.road.memory.stages):
        for protocol, stage in (
            (Normalizer, stages.normalizer), (PreTokenizer, stages.pre_tokenizer), (Model, stages.model),
            (Decoder, stages.decoder),
        ):  # fmt: skip
            assert len(promised(protocol)) >= 2
            assert [name for name in promised(protocol) if not hasattr(stage, name)] == []


def test_a_token_is_its_id_and_place():
    assert Token(7, (2, 5)) == (7, (2, 5))
