"""Small models, data and tokenizers for the tests of training."""

from pathlib import Path
from typing import Any

import numpy as np

import minibert as mb

WORDS = ["the", "cat", "dog", "sat", "ran", "un", "##aff", "##able", "##ly", "on", "mat", ".", ",", "a", "big", "red"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

BERT: dict[str, Any] = {
    "vocab_size": 21,
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 10,
    "max_position_embeddings": 16,
    "type_vocab_size": 2,
    "initializer_range": 0.3,
}
ROBERTA = {**BERT, "type_vocab_size": 1, "max_position_embeddings": 18}
REMBERT = {**BERT, "input_embedding_size": 6, "output_embedding_size": 7}


def tokenizer(padding_side: str = "right") -> mb.BertTokenizer:
    """WordPiece with 21 tokens."""
    vocab = {token: i for i, token in enumerate([*SPECIAL, *WORDS])}
    return mb.BertTokenizer(vocab=vocab, padding_side=padding_side)


def texts(count: int, seed: int = 0) -> list[list[int]]:
    """Rows of ids with [CLS] and [SEP], of different lengths."""
    rng = np.random.default_rng(seed)
    return [[2, *rng.integers(5, 21, size=rng.integers(2, 10)).tolist(), 3] for _ in range(count)]


def classifier(dtype: str = "float32", seed: int = 0, **config: Any) -> mb.BertForSequenceClassification:
    return mb.BertForSequenceClassification(
        mb.BertConfig(**{**BERT, "num_labels": 3, **config}), dtype=dtype, seed=seed
    )


def classification_data(count: int = 22, seed: int = 0) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return [{"input_ids": ids, "labels": int(rng.integers(0, 3))} for ids in texts(count, seed)]


def language_model(dtype: str = "float32", seed: int = 0, **config: Any) -> mb.BertForMaskedLM:
    return mb.BertForMaskedLM(mb.BertConfig(**{**BERT, **config}), dtype=dtype, seed=seed)


def losses(trainer: mb.Trainer) -> list[tuple[int, float]]:
    """(step, loss) of every logged step."""
    return [(record["step"], record["loss"]) for record in trainer.log_history if "loss" in record]


def arguments(folder: Path, **changes: Any) -> mb.TrainingArguments:
    """Short and quiet: three texts a batch, two batches a step, everything logged."""
    settings = {
        "max_steps": 12,
        "per_device_train_batch_size": 3,
        "gradient_accumulation_steps": 2,
        "logging_steps": 1,
        "save_steps": 4,
        "learning_rate": 1e-2,
        "weight_decay": 0.1,
        "warmup_steps": 2,
        "disable_tqdm": True,
    }
    return mb.TrainingArguments(folder, **{**settings, **changes})
