"""What is killed while it writes: each scene alternates between two states of a folder, A and B, and can tell them."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import minibert as mb
from minibert import golden
from minibert.files.output import output_file
from minibert.weights import open_safetensors, save_safetensors
from tests.small_checkpoints import config, tokenizer

SENTENCE = "The quick brown fox, déjà vu."


class Scene(NamedTuple):
    """`write(folder, state)` brings the folder into state 0 or 1; `read(folder)` loads it and gives a fingerprint."""

    write: Callable[[Path, int], Any]
    read: Callable[[Path], Any]


@functools.cache
def _models() -> tuple[Any, Any]:
    """Two models that differ in their weights and in their configuration."""
    return (
        mb.BertForMaskedLM(config("bert"), seed=1),
        mb.BertForMaskedLM(config("bert", num_hidden_layers=3, layer_norm_eps=1e-6), seed=2),
    )


def _read_model(folder: Path) -> Any:
    model = mb.AutoModelForMaskedLM.from_pretrained(folder)
    return model.config.num_hidden_layers, float(model(input_ids=[[1, 2, 3]]).logits.sum())


def _save_model(sizes: tuple[str, str]) -> Callable[[Path, int], Any]:
    return lambda folder, state: _models()[state].save_pretrained(folder, max_shard_size=sizes[state])


def _save_weights(folder: Path, state: int) -> None:
    save_safetensors(folder / "w.safetensors", {"w": np.full(1000, state), "v": np.full(9, state)})


def _read_weights(folder: Path) -> Any:
    file = open_safetensors(folder / "w.safetensors")
    return int(file["w"].sum()), int(file["v"].sum())


@functools.cache
def _tokenizers(family: str) -> tuple[Any, Any]:
    """Two tokenizers with other ids for the same text."""
    one = tokenizer(family)
    two = mb.AutoTokenizer.from_pretrained(one.name_or_path)
    two.add_tokens(["quick brown", "fox"])
    return one, two


def _save_tokenizer(family: str) -> Callable[[Path, int], Any]:
    return lambda folder, state: _tokenizers(family)[state].save_pretrained(folder)


def _read_tokenizer(family: str) -> Callable[[Path], Any]:
    classes = {"bert": mb.BertTokenizer, "roberta": mb.RobertaTokenizer, "rembert": mb.RemBertTokenizer}
    return lambda folder: tuple(classes[family].from_pretrained(folder)(SENTENCE)["input_ids"])


def _write_page(folder: Path, state: int) -> None:
    with output_file(folder / "page.html") as file:
        for _ in range(20):
            file.write(b"%d" % state * 10_000)


def _write_pack(folder: Path, state: int) -> None:
    golden.record(_models()[state], {"input_ids": [[1, 2, 3]]}, folder / "pack.safetensors", command="kills")


def _read_pack(folder: Path) -> Any:
    file = open_safetensors(folder / "pack.safetensors")
    return len(file), float(sum(float(np.abs(file[name]).sum()) for name in file))


SCENES: dict[str, Scene] = {
    "a model in one file": Scene(_save_model(("5GB", "5GB")), _read_model),
    "a model in shards": Scene(_save_model(("20KB", "20KB")), _read_model),
    "shards and one file in turn": Scene(_save_model(("5GB", "10KB")), _read_model),
    "a safetensors file": Scene(_save_weights, _read_weights),
    "a page": Scene(_write_page, lambda folder: (folder / "page.html").read_bytes()),
    "a golden pack": Scene(_write_pack, _read_pack),
    **{f"a tokenizer of {family}": Scene(_save_tokenizer(family), _read_tokenizer(family))
       for family in ("bert", "roberta", "rembert")},
}  # fmt: skip
