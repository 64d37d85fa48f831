"""A vocabulary, a model and a recipe that are small enough for tests."""

from typing import Any

from training import Recipe

import minibert as mb

WORDS = ["the", "a", "cat", "dog", "tree", "house", "sees", "has", "likes", "big", "small", "red", "blue", "."]
VOCAB = {token: i for i, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS])}


def tokenizer() -> mb.BertTokenizer:
    return mb.BertTokenizer(vocab=VOCAB)


def model() -> mb.BertForMaskedLM:
    config = mb.BertConfig(
        vocab_size=len(VOCAB), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=32, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, initializer_range=0.06,
    )  # fmt: skip
    return mb.BertForMaskedLM(config, seed=0)


def recipe(**options: Any) -> Recipe:
    return Recipe("small", **{"tokens": 3000, "batch_tokens": 64, "pool": 40, "log_every": 5, "eval_every": 20,
                              "save_every": 10, **options})  # fmt: skip
