"""Train tiny-bert: 0.95 million parameters, WordPiece, English, lower case.

    python recipes/tiny_bert.py                      # about half an hour on one core
    python recipes/tiny_bert.py --tokens 200000      # a quick look

The same command goes on after an interruption. Needs `pip install minibert-numpy[plot]`, pip and apt-get (for the
Debian package of WordNet).
"""

from pathlib import Path
from typing import Any

from english_models import run
from training import Recipe

import minibert as mb
from minibert.tokenizers.training.wordpiece import train_wordpiece

RECIPE = Recipe("tiny-bert", tokens=24_000_000)
VOCABULARY, POSITIONS = 4000, 128


def make_tokenizer(lines: list[str], folder: Path) -> mb.BertTokenizer:
    """A WordPiece vocabulary learned from the training lines."""
    train_wordpiece(lines, VOCABULARY).save(folder)
    return mb.BertTokenizer.from_pretrained(str(folder), model_max_length=POSITIONS)


def make_model(tokenizer: Any) -> mb.BertForMaskedLM:
    """Fresh weights. A deviation of 0.06 instead of 0.02 lets so narrow a model learn much faster."""
    config = mb.BertConfig(
        vocab_size=len(tokenizer), hidden_size=128, num_hidden_layers=2, num_attention_heads=4, intermediate_size=512,
        max_position_embeddings=POSITIONS, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        initializer_range=0.06, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    return mb.BertForMaskedLM(config, seed=RECIPE.seed)


if __name__ == "__main__":
    run(RECIPE, make_tokenizer, make_model, __doc__, POSITIONS)
