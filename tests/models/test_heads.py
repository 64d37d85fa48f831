"""The heads against their formulas, and the decoder that shares its weight with the word embeddings."""

from typing import Any

import numpy as np
import pytest

from minibert.models.heads import (
    BertLMHead,
    Classifier,
    Decoder,
    NextSentenceHead,
    RemBertLMHead,
    RobertaClassificationHead,
    RobertaLMHead,
)
from minibert.models.module import Embedding, Module
from minibert.models.parameters import Parameters
from minibert.trace import Backward, Run
from tests.gradients import rng_of
from tests.models import by_hand
from tests.models.parts import check_part, filled, traced
from tests.small_models import B, C, D, O, T, V, small_config

HIDDEN, POOLED = rng_of(72).normal(size=(B, T, D)), rng_of(73).normal(size=(B, D))
IDS = np.array([[5, 7, 5], [7, 9, 1]])

# head, its configuration, the paths of its dense map, its norm and its bias
LM_HEADS: dict[str, tuple[Any, Any, str, str, str]] = {
    "bert": (
        BertLMHead, small_config("BertModel"), "cls.transform.dense", "cls.transform.LayerNorm", "cls.bias",
    ),
    "roberta": (
        RobertaLMHead, small_config("RobertaModel", hidden_act="relu"), "cls.dense", "cls.layer_norm", "cls.bias",
    ),
    "rembert": (RemBertLMHead, small_config("RemBertModel"), "cls.dense", "cls.LayerNorm", "cls.decoder.bias"),
}  # fmt: skip


@pytest.mark.parametrize("family", LM_HEADS)
def test_logits_of_a_language_model(family: str) -> None:
    """norm(gelu(hidden Wᵀ + b)) decoderᵀ + bias; RoBERTa's GELU stays whatever the configuration says."""
    make, config, dense, norm, bias = LM_HEADS[family]
    head = filled(lambda parameters: make("cls", parameters, config, None))
    state = head.parameters
    activated = by_hand.gelu(by_hand.linear(HIDDEN, state, dense))
    transformed = by_hand.layer_norm(activated, state, norm, config.layer_norm_eps)
    assert transformed.shape[-1] == (O if family == "rembert" else D)
    logits = head.forward(HIDDEN, Run())
    assert logits.shape == (B, T, V)
    expected = transformed @ state["cls.decoder.weight"].T + state[bias]
    np.testing.assert_allclose(logits, expected, rtol=1e-11, atol=1e-12)


class Words(Module):
    """Word embeddings, and a head on top of them whose decoder may be tied to them."""

    def __init__(self, parameters: Parameters, tied: bool) -> None:
        super().__init__("", parameters)
        self.embedding = Embedding("words", parameters, V, D)
        self.head = BertLMHead("cls", parameters, small_config("BertModel"), "words.weight" if tied else None)

    def forward(self, run: Run) -> np.ndarray:
        return self.head.forward(self.embedding.forward(IDS, run), run)

    def backward(self, dlogits: np.ndarray, back: Backward) -> tuple[()]:
        dwords = self.head.backward(dlogits, back)
        assert dwords is not None
        self.embedding.backward(dwords, back)
        return ()

    def gradients(self) -> dict[str, np.ndarray]:
        run, trace = traced(self)
        back = Backward(trace, {})
        self.backward(rng_of(74).normal(size=self.forward(run).shape), back)
        return back.grads


def words(tied: bool) -> Words:
    return filled(lambda parameters: Words(parameters, tied))


def test_a_tied_decoder_shares_one_array() -> None:
    part = words(tied=True)
    assert part.head.decoder.weight is part.embedding.weight
    assert "cls.decoder.weight" not in part.parameters
    assert part.parameters.tied == {"cls.decoder.weight": "words.weight", "cls.decoder.bias": "cls.bias"}
    assert words(tied=False).parameters.tied == {"cls.decoder.bias": "cls.bias"}


def test_a_tied_weight_learns_from_both_of_its_uses() -> None:
    tied, apart = words(tied=True), words(tied=False)
    for name in apart.parameters:
        apart.parameters[name] = tied.parameters["words.weight" if name == "cls.decoder.weight" else name]
    ours, separate = tied.gradients(), apart.gradients()
    both = separate["words.weight"] + separate["cls.decoder.weight"]
    np.testing.assert_allclose(ours["words.weight"], both, rtol=1e-12, atol=1e-14)
    assert separate["words.weight"].any()
    assert separate["cls.decoder.weight"].any()


def test_the_slopes_through_a_tied_decoder() -> None:
    part = words(tied=True)
    check_part(part, part.forward, part.backward, {})


def test_a_decoder_of_its_own() -> None:
    decoder = filled(lambda parameters: Decoder("decoder", parameters, D, V, None))
    assert decoder.parameters.shapes == {"decoder.weight": (V, D), "decoder.bias": (V,)}
    expected = by_hand.linear(HIDDEN, decoder.parameters, "decoder")
    np.testing.assert_allclose(decoder.forward(HIDDEN, Run(), "logits"), expected, rtol=1e-12)


def test_next_sentence() -> None:
    head = filled(lambda parameters: NextSentenceHead("next", parameters, small_config("BertModel")))
    expected = by_hand.linear(POOLED, head.parameters, "next")
    assert expected.shape == (B, 2)
    np.testing.assert_allclose(head.forward(POOLED, Run()), expected, rtol=1e-12)


def test_a_classifier_drops_out_what_it_reads() -> None:
    head = filled(lambda parameters: Classifier("classifier", parameters, D, C, 0.4, "B", "pooled"))
    np.testing.assert_allclose(
        head.forward(POOLED, Run()), by_hand.linear(POOLED, head.parameters, "classifier"), rtol=1e-12
    )
    run, trace = traced(head, np.random.default_rng(5))
    logits = head.forward(POOLED, run)
    expected = by_hand.linear(POOLED * trace["dropout.mask"] / 0.6, head.parameters, "classifier")
    np.testing.assert_allclose(logits, expected, rtol=1e-12)


def roberta_head() -> RobertaClassificationHead:
    config = small_config("RobertaModel")
    return filled(lambda parameters: RobertaClassificationHead("classifier", parameters, config, C, 0.0))


def test_robertas_classifier_reads_the_first_token() -> None:
    head = roberta_head()
    dense = np.tanh(by_hand.linear(HIDDEN[:, 0], head.parameters, "classifier.dense"))
    expected = by_hand.linear(dense, head.parameters, "classifier.out_proj")
    np.testing.assert_allclose(head.forward(HIDDEN, Run()), expected, rtol=1e-12)


def test_the_slopes_of_robertas_classifier() -> None:
    head = roberta_head()
    check_part(
        head, lambda run, hidden: head.forward(hidden, run), lambda dy, back: (head.backward(dy, back),),
        {"hidden": HIDDEN.copy()},
    )  # fmt: skip
