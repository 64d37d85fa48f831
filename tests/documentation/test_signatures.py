"""What the pages document by name: every argument with its default and place, every method, every output field.

Read from the pages once, and written down here.
"""

import inspect
import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.models import outputs
from tests.documentation.examples import BERT, REMBERT, ROBERTA
from tests.documentation.hub import folder_of

_BERT_CONFIG: dict[str, Any] = {
    "vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
    "intermediate_size": 3072, "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
    "max_position_embeddings": 512, "type_vocab_size": 2, "initializer_range": 0.02, "layer_norm_eps": 1e-12,
    "pad_token_id": 0, "position_embedding_type": "absolute", "use_cache": True, "classifier_dropout": None,
}  # fmt: skip
_ROBERTA_CONFIG = {
    **{name: _BERT_CONFIG[name] for name in list(_BERT_CONFIG)[:12]},
    "vocab_size": 50265, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
    "position_embedding_type": "absolute", "use_cache": True, "classifier_dropout": None,
}  # fmt: skip
_REMBERT_CONFIG: dict[str, Any] = {
    "vocab_size": 250300, "hidden_size": 1152, "num_hidden_layers": 32, "num_attention_heads": 18,
    "input_embedding_size": 256, "output_embedding_size": 1664, "intermediate_size": 4608, "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "classifier_dropout_prob": 0.1,
    "max_position_embeddings": 512, "type_vocab_size": 2, "initializer_range": 0.02, "layer_norm_eps": 1e-12,
    "use_cache": True, "pad_token_id": 0, "bos_token_id": 312, "eos_token_id": 313,
}  # fmt: skip
CONFIGS = {"BertConfig": _BERT_CONFIG, "RobertaConfig": _ROBERTA_CONFIG, "RemBertConfig": _REMBERT_CONFIG}
COMMON = {"is_decoder": False, "add_cross_attention": False}
TIED = {"BertConfig": True, "RobertaConfig": True, "RemBertConfig": False}


@pytest.mark.parametrize("name", CONFIGS)
def test_configurations(name: str) -> None:
    """Arguments in the documented order with the documented defaults, and attributes of the same names."""
    cls = getattr(mb, name)
    parameters = inspect.signature(cls).parameters
    assert list(parameters)[: len(CONFIGS[name])] == list(CONFIGS[name])
    made = cls()
    for argument, default in CONFIGS[name].items():
        assert parameters[argument].default == default, argument
        assert getattr(made, argument) == default, argument
    for attribute, default in {**COMMON, "tie_word_embeddings": TIED[name]}.items():
        assert getattr(made, attribute) is default


@pytest.mark.parametrize("act", ["gelu", "relu", "silu", "gelu_new"])
def test_documented_activations(act: str) -> None:
    """A name, or a function."""

    def states(hidden_act: Any) -> np.ndarray:
        config = mb.BertConfig(
            vocab_size=9, hidden_size=4, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
            hidden_act=hidden_act, initializer_range=1.0,
        )  # fmt: skip
        return mb.BertModel(config, dtype="float64")([[5, 7]]).last_hidden_state

    functions = {
        "gelu": lambda x: x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2,
        "relu": lambda x: np.where(x > 0, x, 0.0),
        "silu": lambda x: x / (1 + np.exp(-x)),
        "gelu_new": lambda x: x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2,
    }
    np.testing.assert_allclose(states(functions[act]), states(act), rtol=1e-12, atol=1e-12)


_ROLES = {
    "unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]",
}  # fmt: skip
_BERT_TOKENIZER: dict[str, Any] = {
    "do_lower_case": True, "do_basic_tokenize": True, "never_split": None, **_ROLES,
    "tokenize_chinese_chars": True, "strip_accents": None,
}  # fmt: skip
_ROBERTA_TOKENIZER: dict[str, Any] = {
    "merges_file": None, "errors": "replace", "bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>",
    "cls_token": "<s>", "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>", "add_prefix_space": False,
}  # fmt: skip
# RemBERT's ...Fast is documented with lower-casing, <unk> and <pad> as defaults, which its checkpoint overrides: as
# another name of the same tokenizer it has RemBertTokenizer's here.
_REMBERT_TOKENIZER: dict[str, Any] = {
    "do_lower_case": False, "remove_space": True, "keep_accents": True, "bos_token": "[CLS]", "eos_token": "[SEP]",
    "unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]",
}  # fmt: skip
TOKENIZERS: dict[str, dict[str, Any]] = {
    "BertTokenizer": _BERT_TOKENIZER,
    "BertTokenizerFast": {
        "tokenizer_file": None, "do_lower_case": True, **_ROLES, "tokenize_chinese_chars": True, "strip_accents": None,
        "clean_text": True, "wordpieces_prefix": "##",
    },
    "RobertaTokenizer": _ROBERTA_TOKENIZER,
    "RobertaTokenizerFast": {"tokenizer_file": None, **_ROBERTA_TOKENIZER, "trim_offsets": True},
    "RemBertTokenizer": _REMBERT_TOKENIZER,
    "RemBertTokenizerFast": {"tokenizer_file": None, **_REMBERT_TOKENIZER},
}  # fmt: skip
METHODS = {
    "build_inputs_with_special_tokens": ["token_ids_0", "token_ids_1"],
    "get_special_tokens_mask": ["token_ids_0", "token_ids_1", "already_has_special_tokens"],
    "create_token_type_ids_from_sequences": ["token_ids_0", "token_ids_1"],
    "save_vocabulary": ["save_directory", "filename_prefix"],
}


@pytest.mark.parametrize("name", TOKENIZERS)
def test_tokenizers(name: str) -> None:
    cls = getattr(mb, name)
    parameters = inspect.signature(cls).parameters
    assert next(iter(parameters)) == "vocab_file"
    for argument, default in TOKENIZERS[name].items():
        assert parameters[argument].default == default, argument
    for method, arguments in METHODS.items():
        assert list(inspect.signature(getattr(cls, method)).parameters)[1:] == arguments, method


NAMES = {"Bert": BERT, "Roberta": ROBERTA, "RemBert": REMBERT}
VOCABULARIES = {
    "Bert": ["vocab.txt"],
    "Roberta": ["vocab.json", "merges.txt"],
    "RemBert": ["sentencepiece.model"],
}


@pytest.mark.parametrize("family", NAMES)
def test_methods_of_tokenizers(family: str, tmp_path: Path) -> None:
    """[CLS] A [SEP] B [SEP], or <s> A </s></s> B </s> with token types of zero, as the pages say."""
    tok = getattr(mb, f"{family}Tokenizer").from_pretrained(NAMES[family])
    first, last = tok.cls_token_id, tok.sep_token_id
    between = [last, last] if family == "Roberta" else [last]
    assert tok.build_inputs_with_special_tokens([7, 8]) == [first, 7, 8, last]
    pair = tok.build_inputs_with_special_tokens([7, 8], [9])
    assert pair == [first, 7, 8, *between, 9, last]
    mask = [1, 0, 0, *[1] * len(between), 0, 1]
    assert tok.get_special_tokens_mask([7, 8], [9]) == mask
    assert tok.get_special_tokens_mask(pair, already_has_special_tokens=True) == mask
    types = [0] * (3 + len(between)) + [int(family != "Roberta")] * 2
    assert tok.create_token_type_ids_from_sequences([7, 8], [9]) == types
    assert tok.create_token_type_ids_from_sequences([7, 8]) == [0] * 4
    for prefix, before in ((None, ""), ("mine", "mine-")):
        written = tok.save_vocabulary(tmp_path, prefix)
        assert [Path(path).name for path in written] == [before + name for name in VOCABULARIES[family]]
        assert all(Path(path).is_file() for path in written)


@pytest.mark.parametrize("family", NAMES)
def test_tokenizers_from_their_files(family: str) -> None:
    """vocab_file (and merges_file) or tokenizer_file: the same tokenizer."""
    cls, folder = getattr(mb, f"{family}TokenizerFast"), folder_of(NAMES[family])
    files = dict(zip(("vocab_file", "merges_file"), (folder / name for name in VOCABULARIES[family]), strict=False))
    whole = cls(tokenizer_file=str(folder / "tokenizer.json"))
    read, known = cls(**files), cls.from_pretrained(NAMES[family])
    text = f"Hello, my dog{known.mask_token} is cute in Paris {known.sep_token}"
    assert whole(text)["input_ids"] == read(text)["input_ids"] == known(text)["input_ids"]
    assert known.mask_token_id in whole(text)["input_ids"]
    other = next(name for name in NAMES if name != family)
    with pytest.raises(mb.TokenizerError, match=f"is a tokenizer of the {other.lower()} family, not for a {family}T"):
        cls(tokenizer_file=folder_of(NAMES[other]) / "tokenizer.json")


_TEXT = ["input_ids", "attention_mask", "token_type_ids", "position_ids", "head_mask", "inputs_embeds"]
_CROSS = ["encoder_hidden_states", "encoder_attention_mask"]
_FORM = ["output_attentions", "output_hidden_states", "return_dict"]
_MODEL = [*_TEXT, *_CROSS, "past_key_values", "use_cache", *_FORM]
_LABELLED = [*_TEXT, "labels", *_FORM]
_SPAN = [*_TEXT, "start_positions", "end_positions", *_FORM]
_MASKED = [*_TEXT, *_CROSS, "labels", *_FORM]
_CAUSAL = [*_TEXT, *_CROSS, "labels", "past_key_values", "use_cache", *_FORM]
FORWARD: dict[str, list[str]] = {
    "BertModel": [*_MODEL, "cache_position"],
    "BertForPreTraining": [*_TEXT, "labels", "next_sentence_label", *_FORM],
    "BertLMHeadModel": [*_CAUSAL, "cache_position"],
    "BertForMaskedLM": _MASKED,
    "BertForNextSentencePrediction": _LABELLED,
    "RobertaModel": [*_MODEL, "cache_position"],
    "RobertaForCausalLM": _CAUSAL,
    "RobertaForMaskedLM": _MASKED,
    "RobertaForMultipleChoice": [
        "input_ids", "token_type_ids", "attention_mask", "labels", "position_ids", "head_mask", "inputs_embeds", *_FORM,
    ],
    "RemBertModel": _MODEL,
    "RemBertForCausalLM": [*_TEXT, *_CROSS, "past_key_values", "labels", "use_cache", *_FORM],
    "RemBertForMaskedLM": _MASKED,
    "BertForMultipleChoice": _LABELLED,
    "RemBertForMultipleChoice": _LABELLED,
    **{f"{family}ForSequenceClassification": _LABELLED for family in NAMES},
    **{f"{family}ForTokenClassification": _LABELLED for family in NAMES},
    **{f"{family}ForQuestionAnswering": _SPAN for family in NAMES},
}  # fmt: skip


def test_all_model_classes_are_there() -> None:
    assert len(FORWARD) == 23


@pytest.mark.parametrize("name", FORWARD)
def test_arguments_of_forward(name: str) -> None:
    """The same names at the same places, all optional."""
    parameters = inspect.signature(getattr(mb, name).forward).parameters
    assert list(parameters)[1 : len(FORWARD[name]) + 1] == FORWARD[name]
    for argument in list(parameters)[1:]:
        assert parameters[argument].default == (0 if argument == "logits_to_keep" else None), argument


@pytest.mark.parametrize("name", ["BertModel", "RobertaModel", "RemBertModel"])
def test_add_pooling_layer(name: str) -> None:
    assert inspect.signature(getattr(mb, name)).parameters["add_pooling_layer"].default is True


_STATES = ["hidden_states", "attentions"]
OUTPUTS = {
    "BaseModelOutputWithPoolingAndCrossAttentions": [
        "last_hidden_state", "pooler_output", "hidden_states", "past_key_values", "attentions", "cross_attentions",
    ],
    "BertForPreTrainingOutput": ["loss", "prediction_logits", "seq_relationship_logits", *_STATES],
    "CausalLMOutputWithCrossAttentions": ["loss", "logits", "past_key_values", *_STATES, "cross_attentions"],
    "MaskedLMOutput": ["loss", "logits", *_STATES],
    "NextSentencePredictorOutput": ["loss", "logits", *_STATES],
    "SequenceClassifierOutput": ["loss", "logits", *_STATES],
    "MultipleChoiceModelOutput": ["loss", "logits", *_STATES],
    "TokenClassifierOutput": ["loss", "logits", *_STATES],
    "QuestionAnsweringModelOutput": ["loss", "start_logits", "end_logits", *_STATES],
}  # fmt: skip


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs(name: str) -> None:
    """In this order, because the tuple has it too."""
    assert [field.name for field in fields(getattr(outputs, name))] == OUTPUTS[name]
