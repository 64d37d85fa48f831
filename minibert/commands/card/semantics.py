"""The semantics card: the rules on which ports of these models go wrong, as this checkpoint has them.

What golden packs say of a model stands here too, in the same words; besides it what the whole model and its
tokenizer do.
"""

from typing import Any

from minibert.golden.packs.manifest import semantics_card


def semantics(model: Any, tokenizer: Any) -> dict[str, str]:
    """rule -> how this model follows it. `tokenizer` is None where the checkpoint has none."""
    config = model.config
    card = semantics_card(config, model.dtype, False)
    del card["dtype"], card["dropout"]
    rules = {
        **card,
        "padding rows": _padding(model),
        "token types": _token_types(config),
        "embeddings": _embeddings(config),
        "pooler": _pooler(model),
        "head": _head(model),
        "tied weights": _tied(model),
        "dropout (training)": _dropout(model),
        "linear layers": "y = x Wᵀ + b: weights are stored (outputs, inputs)",
    }
    return {**rules, **_tokenizer_rules(tokenizer)}


def _token_types(config: Any) -> str:
    size = config.type_vocab_size
    if config.model_type == "roberta":
        rows = "one row" if size == 1 else f"{size} rows, of which RoBERTa's tokenizer uses the first"
        return f"{rows}: pairs are told apart by </s></s> alone"
    return f"{size} rows: 0 for the first text with its special tokens, 1 for the second"


def _padding(model: Any) -> str:
    rows = [f"row {row} of {name}" for name, row in model.parameters.padding.items()]
    return f"{', '.join(rows)}: zero in a new model, and without gradient" if rows else "none"


def _embeddings(config: Any) -> str:
    added = "word + position + token type, then LayerNorm, then dropout"
    if getattr(config, "position_embedding_type", "absolute") != "absolute":
        added = "word + token type (positions enter the attention scores), then LayerNorm, then dropout"
    if config.model_type == "rembert":
        return f"{added}; {config.input_embedding_size} wide, then mapped to {config.hidden_size}"
    return added


def _pooler(model: Any) -> str:
    if not any(".pooler." in f".{name}" for name in model.parameters.shapes):
        return "none"
    return "tanh(W x + b) of the first token's last state"


def _head(model: Any) -> str:
    family, task = model.config.model_type, model.task
    if task in ("masked-lm", "causal-lm", "pre-training"):
        between = "exact gelu (whatever hidden_act is)" if family == "roberta" else model.config.hidden_act
        return f"dense, {between}, LayerNorm, then the vocabulary's matrix and a bias"
    if task == "sequence-classification" and family == "roberta":
        return "dropout, dense, tanh, dropout, dense, on the first token's last state (not the pooler)"
    if task in ("token-classification", "question-answering"):
        return "one dense layer on every token's last state"
    return "none" if task == "encoder" else "one dense layer on the pooler's output"


def _tied(model: Any) -> str:
    tied = model.parameters.tied
    if not tied:
        return "none"
    return "; ".join(f"{copy} is {source}" for copy, source in tied.items())


def _dropout(model: Any) -> str:
    config = model.config
    hidden, attention = config.hidden_dropout_prob, config.attention_probs_dropout_prob
    words = (
        f"{hidden} after the embeddings' LayerNorm and after the dense layers before both residual sums, "
        f"{attention} on the attention probabilities"
    )
    if hasattr(model, "classifier"):
        words += f", {config.classifier_dropout_or_default} before the classifier"
    return words


def _tokenizer_rules(tokenizer: Any) -> dict[str, str]:
    if tokenizer is None:
        return {}
    return {
        "text, first": _normalisation(tokenizer),
        "text, then": _pre_tokenisation(tokenizer.family),
        "special tokens": template_text(tokenizer),
    }


def _normalisation(tokenizer: Any) -> str:
    if tokenizer.family == "bert":
        steps = ["control characters removed, white space made blanks"] if tokenizer.clean_text else []
        steps += ["blanks around CJK ideographs"] if tokenizer.tokenize_chinese_chars else []
        strip = tokenizer.do_lower_case if tokenizer.strip_accents is None else tokenizer.strip_accents
        steps += ["NFD and accents removed"] if strip else []
        steps += ["lower-cased"] if tokenizer.do_lower_case else ["case kept"]
        return ", ".join(steps)
    if tokenizer.family == "roberta":
        prefix = "a blank put before the text" if tokenizer.add_prefix_space else "no blank put before the text"
        return f"nothing: case, accents and blanks are kept; {prefix}"
    steps = ["the SentencePiece model's own character map, blanks as ▁"]
    steps += [] if tokenizer.keep_accents else ["accents removed"]
    return ", ".join([*steps, "lower-cased" if tokenizer.do_lower_case else "case kept"])


def _pre_tokenisation(family: str) -> str:
    return {
        "bert": "cut at white space and around every punctuation mark; each word by WordPiece, longest piece first, "
        '"##" inside a word',
        "roberta": "cut by GPT-2's pattern, a word keeping the blank before it; each word's UTF-8 bytes joined by the "
        "merges in their order",
        "rembert": "no words: the likeliest segmentation of the whole text by Viterbi (Unigram)",
    }[family]


def template_text(tokenizer: Any) -> str:
    """Where special tokens stand: "[CLS] A [SEP] and [CLS] A [SEP] B [SEP]"."""
    single = tokenizer.build_inputs_with_special_tokens([-1])
    pair = tokenizer.build_inputs_with_special_tokens([-1], [-2])
    names = {-1: "A", -2: "B"}

    def row(ids: list[int]) -> str:
        return " ".join(names.get(id_) or tokenizer.convert_ids_to_tokens(id_) for id_ in ids)

    return f"{row(single)}; pairs {row(pair)}"
