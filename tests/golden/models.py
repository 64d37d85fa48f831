"""The models, inputs and packs of these tests."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import minibert as mb
from minibert.backend import to_numpy
from minibert.golden import open_pack
from minibert.golden.diagnosis.known_mistakes import mistakes_of_step
from minibert.golden.diagnosis.tensor_pair import TensorPair
from minibert.golden.packs.manifest import DIGEST_KEY, KEY, canonical, text_digest
from minibert.weights.safetensors import open_safetensors
from minibert.weights.save import save_safetensors
from tests.golden.port import Port

TOKENS = 7
VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "dog", "ran", "##s", "home", "."]


def bert(dtype: str = "float32", seed: int = 0, **changes: Any) -> mb.BertForMaskedLM:
    """A small BertForMaskedLM whose biases and norms are not at 0 and 1."""
    config = mb.BertConfig(
        **{
            "vocab_size": 40, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3,
            "intermediate_size": 36, "max_position_embeddings": 16, "type_vocab_size": 2, "initializer_range": 0.3,
            **changes,
        }
    )  # fmt: skip
    model = mb.BertForMaskedLM(config, seed=seed, dtype=dtype)
    rng = np.random.default_rng(seed)
    for name in sorted(model.parameters):
        array = model.parameters[name]
        array += (rng.normal(size=array.shape) * 0.2).astype(array.dtype)
    return model


def weights() -> dict[str, np.ndarray]:
    """The parameters of `bert()`, on the host."""
    return {name: to_numpy(array) for name, array in bert().state_dict().items()}


def batch(labels: bool = False) -> dict[str, np.ndarray]:
    """Two texts, each a pair, the second with padding."""
    ids = np.array([[2, 9, 17, 3, 31, 9, 3], [2, 25, 3, 8, 3, 0, 0]])
    types = np.array([[0, 0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 0, 0]])
    inputs = {"input_ids": ids, "attention_mask": (ids != 0).astype(np.int64), "token_type_ids": types}
    if labels:
        inputs["labels"] = np.array([[-100, 9, -100, 3, -100, -100, 3], [-100, 25, -100, -100, 3, -100, -100]])
    return inputs


def ported(fault: str = "", layer: int = 0) -> dict[str, np.ndarray]:
    """What a port of `bert()` gives for `batch()`, with one mistake or without."""
    model = bert()
    return Port(model.state_dict(), model.config, fault, layer).run(**batch())


def tokenizer() -> mb.BertTokenizer:
    return mb.BertTokenizer(vocab={token: i for i, token in enumerate(VOCAB)})


def rewrite(path: Path, change: Callable[[dict[str, Any], dict[str, np.ndarray]], None], seal: bool = True) -> None:
    """Change manifest and arrays of a pack, and seal it again with a checksum."""
    file = open_safetensors(path, mapped=False)
    manifest = json.loads(file.metadata[KEY])
    arrays = {name: np.array(file[name]) for name in file}
    change(manifest, arrays)
    text = canonical(manifest)
    sealed = {KEY: text, DIGEST_KEY: text_digest(text) if seal else file.metadata[DIGEST_KEY]}
    save_safetensors(path, arrays, sealed)


def pair_of(path: Path, name: str, other: np.ndarray, weights: Any = None) -> TensorPair:
    """A tensor of a pack beside another array, as diagnoses see them."""
    pack = open_pack(path)
    entry = pack.entries[name]
    floor = 0.0 if entry.floor is None else entry.floor["rms"]
    return TensorPair(entry, pack[name], other, floor, pack, None, weights)


def mistaken(path: Path, name: str, other: np.ndarray, weights: Any = None) -> str:
    """The known mistake of a step that an array is; "" if it is none."""
    pair = pair_of(path, name, other, weights)
    return pair.first_that_explains(mistakes_of_step(pair))
