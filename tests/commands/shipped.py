"""A model in the place of the shipped ones."""

from pathlib import Path

import numpy as np

import minibert as mb
from minibert import golden
from tests.small_checkpoints import save, tokenizer


def ship(folder: Path) -> Path:
    """A small model in the place of the shipped ones, with two golden packs."""
    home = save("bert", "ForMaskedLM", folder / "weights" / "tiny-bert")
    (home / "golden").mkdir()
    model = mb.BertForMaskedLM.from_pretrained(home)
    ids = tokenizer("bert")("The river", return_tensors="np")["input_ids"]
    for name, row in (("small", ids), ("large", np.repeat(ids, 3, axis=1))):
        golden.record(model, {"input_ids": row}, home / "golden" / f"{name}.safetensors", command="test")
    return home
