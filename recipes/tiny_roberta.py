"""Train tiny-roberta: 0.95 million parameters, byte-level BPE, English, with capitals.

    python recipes/tiny_roberta.py                   # about half an hour on one core
    python recipes/tiny_roberta.py --tokens 200000   # a quick look

The same command goes on after an interruption. The corpus and the schedule are tiny-bert's. Needs
`pip install minibert-numpy[plot]`, pip and apt-get (for the Debian package of WordNet).
"""

from pathlib import Path
from typing import Any

from english_models import run
from training import Recipe

import minibert as mb
from minibert.tokenizers.training.bpe import train_bpe

RECIPE = Recipe("tiny-roberta", tokens=26_000_000)
VOCABULARY, POSITIONS = 4000, 128


def make_tokenizer(lines: list[str], folder: Path) -> mb.RobertaTokenizer:
    """Byte-level merges learned from the training lines."""
    train_bpe(lines, VOCABULARY).save(folder)
    return mb.RobertaTokenizer.from_pretrained(str(folder), model_max_length=POSITIONS)


def make_model(tokenizer: Any) -> mb.RobertaForMaskedLM:
    """Fresh weights, wider spread than usual (see tiny_bert.py). RoBERTa counts positions from pad_token_id + 1."""
    config = mb.RobertaConfig(
        vocab_size=len(tokenizer), hidden_size=128, num_hidden_layers=2, num_attention_heads=4, intermediate_size=512,
        max_position_embeddings=POSITIONS + tokenizer.pad_token_id + 1, type_vocab_size=1, layer_norm_eps=1e-5,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, initializer_range=0.06,
        pad_token_id=tokenizer.pad_token_id, bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    return mb.RobertaForMaskedLM(config, seed=RECIPE.seed)


if __name__ == "__main__":
    run(RECIPE, make_tokenizer, make_model, __doc__, POSITIONS)
