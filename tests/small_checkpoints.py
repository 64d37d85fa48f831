"""Small checkpoints of every family with tokenizers learned here: what pipelines are tested with."""

import functools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import minibert as mb

SENTENCES = (
    "Plants create oxygen through a process known as photosynthesis.",
    "My name is Wolfgang and I live in Berlin, not far from the river.",
    "The quick brown fox jumps over the lazy dog, doesn't it?",
    "Sarah's employers - Microsoft and Huggingface Inc. - sit in New York City.",
    "Le cœur déçu mais l'âme plutôt naïve, Louÿs rêva de crapaüter en canoë.",
    "In 1998 Dr. O'Neill paid $3.50 for two unaffable books; what a bargain!",
    "Zażółć gęślą jaźń. Die Straße führt über die Brücke nach Öhringen.",
    "Some words are short; others, incomprehensibilities among them, are not.",
)
LONG = " ".join(SENTENCES * 4)
FAMILIES = ("bert", "roberta", "rembert")
_PREFIX = {"bert": "Bert", "roberta": "Roberta", "rembert": "RemBert"}
POSITIONS = 64


@functools.cache
def tokenizer(family: str) -> Any:
    """The family's tokenizer, learned from the sentences above."""
    folder = Path(tempfile.mkdtemp())
    texts = list(SENTENCES) * 3
    if family == "bert":
        mb.train_wordpiece([text.lower() for text in texts], 300, progress=False).save(folder)
    elif family == "roberta":
        mb.train_bpe(texts, 420, progress=False).save(folder)
    else:
        mb.train_unigram(texts, 150, progress=False).save(folder)
    return getattr(mb, f"{_PREFIX[family]}Tokenizer").from_pretrained(folder, model_max_length=POSITIONS - 4)


def config(family: str, **changes: Any) -> Any:
    """A configuration that fits the family's tokenizer."""
    tok = tokenizer(family)
    fields: dict[str, Any] = {
        "vocab_size": len(tok) + 3,
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "intermediate_size": 32,
        "max_position_embeddings": POSITIONS,
        "initializer_range": 0.6,
        "pad_token_id": tok.pad_token_id,
    }
    if family == "rembert":
        fields |= {"input_embedding_size": 10, "output_embedding_size": 14}
        fields |= {"bos_token_id": tok.cls_token_id, "eos_token_id": tok.sep_token_id}
    return getattr(mb, f"{_PREFIX[family]}Config")(**{**fields, **changes})


def model(family: str, head: str, *, seed: int = 0, dtype: str = "float32", **changes: Any) -> Any:
    """A random model, "ForMaskedLM" and so on; biases are not zero."""
    if head in ("LMHeadModel", "ForCausalLM"):
        head = "LMHeadModel" if family == "bert" else "ForCausalLM"
        changes = {"is_decoder": True, **changes}
    made = getattr(mb, _PREFIX[family] + head)(config(family, **changes), seed=seed, dtype=dtype)
    rng = np.random.default_rng(seed)
    for name, array in made.parameters.items():
        if name.endswith("bias"):
            array += (rng.normal(size=array.shape) * 0.3).astype(array.dtype)
    return made


def save(family: str, head: str, folder: Path, **options: Any) -> Path:
    """A checkpoint with its tokenizer."""
    model(family, head, **options).save_pretrained(folder)
    tokenizer(family).save_pretrained(folder)
    return folder
