"""The rules of a card, each against what the model or the tokenizer does."""

from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.commands.card.semantics import semantics, template_text
from tests.small_checkpoints import FAMILIES, config, model, tokenizer


def rules(family: str, head: str, **changes: Any) -> dict[str, str]:
    return semantics(model(family, head, **changes), tokenizer(family))


def traced(encoder: Any, **inputs: Any) -> mb.Trace:
    trace = mb.Trace()
    encoder(**inputs, trace=trace)
    return trace


@pytest.mark.parametrize("family", FAMILIES)
def test_positions(family: str) -> None:
    pad = tokenizer(family).pad_token_id
    found = traced(model(family, "Model"), input_ids=[[7, 8, 9, pad]])["embeddings.position_ids"].reshape(-1).tolist()
    said = rules(family, "Model")["positions"]
    if family == "roberta":
        assert said == "RoBERTa's: 2, 3, ... over tokens other than padding, 1 for padding"
        assert found == [2, 3, 4, 1]
    else:
        assert said == "0, 1, 2, ... from the first token, padding counted"
        assert found == [0, 1, 2, 3]


def test_layer_norm_divides_by_the_root_of_biased_variance_and_epsilon() -> None:
    said = rules("bert", "Model", layer_norm_eps=1e-3)["LayerNorm"]
    assert said.endswith("biased variance, epsilon 0.001 inside the root")
    trace = traced(model("bert", "Model", layer_norm_eps=1e-3, dtype="float64"), input_ids=[[7, 8]])
    variance = trace["embeddings.sum"].var(-1)
    rstd = trace["embeddings.LayerNorm.rstd"].reshape(variance.shape)
    np.testing.assert_allclose(rstd, 1 / np.sqrt(variance + 1e-3))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_pooler_and_linear_layers(family: str) -> None:
    said = rules(family, "Model")
    assert said["pooler"] == "tanh(W x + b) of the first token's last state"
    assert said["linear layers"] == "y = x Wᵀ + b: weights are stored (outputs, inputs)"
    encoder = model(family, "Model", dtype="float64")
    weights, out = encoder.state_dict(), encoder(input_ids=[[7, 8, 9]])
    first = out.last_hidden_state[:, 0]
    np.testing.assert_allclose(
        out.pooler_output, np.tanh(first @ weights["pooler.dense.weight"].T + weights["pooler.dense.bias"])
    )
    narrow = weights["encoder.layer.0.intermediate.dense.weight"]
    assert narrow.shape == (encoder.config.intermediate_size, encoder.config.hidden_size)


def test_no_pooler_where_the_head_reads_none() -> None:
    assert rules("bert", "ForTokenClassification")["pooler"] == "none"
    assert not [name for name in model("bert", "ForTokenClassification").parameters if "pooler" in name]


def test_padding_rows_are_zero_and_have_no_gradient() -> None:
    said = rules("roberta", "ForMaskedLM")["padding rows"]
    learner = mb.RobertaForMaskedLM(config("roberta"), seed=0).train(0)
    rows = ("roberta.embeddings.word_embeddings.weight", "roberta.embeddings.position_embeddings.weight")
    assert said == f"row 1 of {rows[0]}, row 1 of {rows[1]}: zero in a new model, and without gradient"
    trace = mb.Trace("backward")
    learner(input_ids=[[7, 8, 1]], labels=[[7, 8, 9]], trace=trace)
    gradients = learner.backward(trace)
    assert not learner.parameters[rows[0]][1].any()
    assert not learner.parameters[rows[1]][1].any()
    assert not gradients[rows[1]][1].any()
    assert gradients[rows[1]][2].any()


@pytest.mark.parametrize("family", FAMILIES)
def test_special_tokens_stand_where_the_tokenizer_puts_them(family: str) -> None:
    own = tokenizer(family)
    first, second = own.tokenize("river"), own.tokenize("dog")
    single, pair = template_text(own).split("; pairs ")
    for said, ids in ((single, own("river")["input_ids"]), (pair, own("river", "dog")["input_ids"])):
        parts = {"A": first, "B": second}
        expected = [token for word in said.split() for token in parts.get(word, [word])]
        assert own.convert_ids_to_tokens(ids) == expected


def test_token_types_of_a_pair() -> None:
    own = tokenizer("bert")
    words = "2 rows: 0 for the first text with its special tokens, 1 for the second"
    assert rules("bert", "Model")["token types"] == words
    ids, types = (own("river", "dog")[name] for name in ("input_ids", "token_type_ids"))
    border = ids.index(own.sep_token_id) + 1
    assert types == [0] * border + [1] * (len(ids) - border)
    one_row = rules("roberta", "Model", type_vocab_size=1)["token types"]
    assert one_row == "one row: pairs are told apart by </s></s> alone"
    assert rules("roberta", "Model")["token types"].startswith("2 rows, of which RoBERTa's tokenizer uses the first")


@pytest.mark.parametrize(
    ("family", "head", "words"),
    [
        ("bert", "Model", "none"),
        ("bert", "ForMaskedLM", "dense, gelu, LayerNorm, then the vocabulary's matrix and a bias"),
        ("roberta", "ForMaskedLM",
         "dense, exact gelu (whatever hidden_act is), LayerNorm, then the vocabulary's matrix and a bias"),
        ("bert", "ForSequenceClassification", "one dense layer on the pooler's output"),
        ("roberta", "ForSequenceClassification",
         "dropout, dense, tanh, dropout, dense, on the first token's last state (not the pooler)"),
        ("rembert", "ForQuestionAnswering", "one dense layer on every token's last state"),
    ],
)  # fmt: skip
def test_heads(family: str, head: str, words: str) -> None:
    assert rules(family, head)["head"] == words


def test_robertas_head_has_gelu_whatever_hidden_act_is() -> None:
    learner = model("roberta", "ForMaskedLM", hidden_act="relu", dtype="float64")
    trace = traced(learner, input_ids=[[7, 8, 9]])
    x = trace["lm_head.dense"]
    gelu = mb.functional.find_activation("gelu").forward(x)
    np.testing.assert_allclose(trace["lm_head.activation"], gelu)


def test_tied_weights_are_one_matrix() -> None:
    said = rules("bert", "ForMaskedLM")["tied weights"]
    assert "cls.predictions.decoder.weight is bert.embeddings.word_embeddings.weight" in said.split("; ")
    learner = model("bert", "ForMaskedLM", dtype="float64")
    words, bias = (learner.parameters[n] for n in ("bert.embeddings.word_embeddings.weight", "cls.predictions.bias"))
    trace = traced(learner, input_ids=[[7, 8, 9]])
    np.testing.assert_allclose(trace["cls.predictions"], trace["cls.predictions.transform"] @ words.T + bias)
    assert rules("rembert", "ForMaskedLM")["tied weights"] == "none"


def test_dropout_names_every_probability() -> None:
    changes = {"hidden_dropout_prob": 0.2, "attention_probs_dropout_prob": 0.3, "classifier_dropout": 0.4}
    said = rules("bert", "ForSequenceClassification", **changes)["dropout (training)"]
    assert said.startswith("0.2 after the embeddings' LayerNorm")
    assert "0.3 on the attention probabilities, 0.4 before the classifier" in said


def test_rembert_embeddings_are_mapped_to_the_hidden_width() -> None:
    assert rules("rembert", "Model")["embeddings"].endswith("10 wide, then mapped to 24")
    trace = traced(model("rembert", "Model"), input_ids=[[7, 8]])
    assert trace["embeddings"].shape[-1] == 10
    assert trace["encoder.embedding_hidden_mapping_in"].shape[-1] == 24


def test_the_tanh_form_of_gelu_is_said() -> None:
    assert rules("bert", "Model", hidden_act="gelu_new")["activation"] == "gelu_new: GELU approximated with tanh"


def test_normalisation_is_what_the_tokenizer_does() -> None:
    said = rules("bert", "Model")["text, first"]
    assert said.endswith("NFD and accents removed, lower-cased")
    assert tokenizer("bert").tokenize("RÍVER") == tokenizer("bert").tokenize("river")
    assert rules("roberta", "Model")["text, first"].startswith("nothing: case, accents and blanks are kept")
    assert tokenizer("roberta").decode(tokenizer("roberta")("A  Ríver")["input_ids"][1:-1]) == "A  Ríver"
    assert "Viterbi" in rules("rembert", "Model")["text, then"]


def test_without_a_tokenizer_nothing_is_said_of_texts() -> None:
    with_one, without = rules("bert", "Model"), semantics(model("bert", "Model"), None)
    assert set(with_one) - set(without) == {"text, first", "text, then", "special tokens"}
