"""The kinds of files: a folder with whole files, how one of them is damaged, and how the folder is read."""

import json
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import minibert as mb
from minibert.weights import open_checkpoint, open_safetensors
from tests.fuzz.mutations import damaged_bytes, damaged_json
from tests.small_checkpoints import config, save, tokenizer


class Kind(NamedTuple):
    """One kind of file.

    `make` fills a folder; `damage` gives the new content of `file` from the old; `read` reads the folder and uses it.
    """

    file: str
    make: Callable[[Path], Any]
    damage: Callable[[random.Random, bytes], bytes]
    read: Callable[[Path], Any]


def _json(rng: random.Random, data: bytes) -> bytes:
    return damaged_bytes(rng, data) if rng.random() < 0.15 else damaged_json(rng, json.loads(data))


def _safetensors(rng: random.Random, data: bytes) -> bytes:
    """The header as JSON, its length, or any bytes."""
    if rng.random() < 0.2:
        return damaged_bytes(rng, data)
    length = int.from_bytes(data[:8], "little")
    header = damaged_json(rng, json.loads(data[8 : 8 + length]))
    header += b" " * rng.choice([0, -len(header) % 8])
    claimed = len(header) + rng.choice([0] * 9 + [-8, 8, 10**6, 2**63])
    return max(0, claimed).to_bytes(8, "little") + header + data[8 + length :]


def _lines(rng: random.Random, data: bytes) -> bytes:
    """Lines removed, repeated, exchanged, or damaged."""
    if rng.random() < 0.3:
        return damaged_bytes(rng, data)
    lines = data.split(b"\n")
    for _ in range(rng.choice([1, 1, 2, 5])):
        one, two = rng.randrange(len(lines)), rng.randrange(len(lines))
        how = rng.randrange(5)
        if how == 0 and len(lines) > 1:
            del lines[one]
        elif how == 1:
            lines.insert(one, lines[two % len(lines)])
        elif how == 2:
            lines[one] = damaged_bytes(rng, lines[one])
        elif how == 3:
            lines = lines[: one + 1]
        else:
            lines[one] = rng.choice([b"", b" ", b"a b c", b"[UNK]", b"x" * 100_000, b"\xff", b"a\0b"])
    return b"\n".join(lines)


def _weights(folder: Path) -> None:
    from minibert.weights import save_safetensors

    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {f"w{i}": rng.standard_normal((i + 1, 3)).astype("float32") for i in range(4)}
    arrays |= {"half": np.ones((2, 2), np.float16), "ids": np.arange(5), "none": np.ones((0, 4), np.float32)}
    save_safetensors(folder / "model.safetensors", arrays, {"format": "pt"})


def _read_weights(folder: Path) -> None:
    file = open_safetensors(folder / "model.safetensors")
    for name in file:
        assert file[name].nbytes < 10**6
        assert file[name].shape == file.shape(name)


def _shards(folder: Path) -> None:
    from minibert.weights import save_checkpoint

    save_checkpoint(folder, {f"w{i}": np.full((10, 10), i, np.float32) for i in range(6)}, max_shard_size=900)


def _read_shards(folder: Path) -> None:
    checkpoint = open_checkpoint(folder)
    assert all(checkpoint[name].nbytes < 10**6 for name in checkpoint)


def _model(family: str) -> Callable[[Path], Any]:
    return lambda folder: save(family, "ForSequenceClassification", folder)


def _read_model(folder: Path) -> None:
    model = mb.AutoModelForSequenceClassification.from_pretrained(folder)
    model(input_ids=[[model.config.pad_token_id or 0, 1, 2]])
    model.config.to_json_string()


def _config(family: str) -> Callable[[Path], Any]:
    return lambda folder: config(family, num_labels=3).save_pretrained(folder)


def _read_config(folder: Path) -> None:
    found = mb.AutoConfig.from_pretrained(folder)
    assert type(found).from_dict(json.loads(found.to_json_string())) == found


def _tokenizer(family: str, *, without: tuple[str, ...] = ()) -> Callable[[Path], Any]:
    def make(folder: Path) -> None:
        tokenizer(family).save_pretrained(folder)
        for name in without:
            (folder / name).unlink()
        (folder / "config.json").write_text(json.dumps({"model_type": family}))

    return make


def _read_tokenizer(folder: Path) -> None:
    found = mb.AutoTokenizer.from_pretrained(folder)
    encoding = found("The quick brown fox, déjà vu.", "Another one!", return_offsets_mapping=True)
    found.decode(encoding["input_ids"])
    found.decode(encoding["input_ids"], skip_special_tokens=True)


def _trainer(folder: Path, steps: int, resume: Path | None = None) -> None:
    data = [{"input_ids": [5, 6, 7 + i], "labels": [-100, 6, -100]} for i in range(4)]
    with tempfile.TemporaryDirectory() as output:
        args = mb.TrainingArguments(
            output, max_steps=steps, save_strategy="no", disable_tqdm=True, per_device_train_batch_size=2
        )
        trainer = mb.Trainer(mb.BertForMaskedLM(config("bert", num_hidden_layers=1)), args, data)
        trainer.train(resume)
        if resume is None:
            shutil.copytree(trainer.save_checkpoint(), folder, dirs_exist_ok=True)


def _read_trainer(folder: Path) -> None:
    _trainer(folder, 3, folder)


ALONE = ("tokenizer.json",)

KINDS: dict[str, Kind] = {
    "safetensors": Kind("model.safetensors", _weights, _safetensors, _read_weights),
    "shard index": Kind("model.safetensors.index.json", _shards, _json, _read_shards),
    "shard": Kind("model-00002-of-00003.safetensors", _shards, _safetensors, _read_shards),
    **{f"config of {family}": Kind("config.json", _config(family), _json, _read_config)
       for family in ("bert", "roberta", "rembert")},
    "config with weights": Kind("config.json", _model("bert"), _json, _read_model),
    "weights of a model": Kind("model.safetensors", _model("roberta"), _safetensors, _read_model),
    **{f"{file} of a trainer": Kind(file, lambda folder: _trainer(folder, 2), damage, _read_trainer)
       for file, damage in (("trainer_state.json", _json), ("optimizer.safetensors", _safetensors))},
    "vocab.txt": Kind("vocab.txt", _tokenizer("bert", without=ALONE), _lines, _read_tokenizer),
    "vocab.json": Kind("vocab.json", _tokenizer("roberta", without=ALONE), _json, _read_tokenizer),
    "merges.txt": Kind("merges.txt", _tokenizer("roberta", without=ALONE), _lines, _read_tokenizer),
    "sentencepiece": Kind("sentencepiece.model", _tokenizer("rembert"), damaged_bytes, _read_tokenizer),
    **{f"{file} of {family}": Kind(file, _tokenizer(family), _json, _read_tokenizer)
       for family in ("bert", "roberta", "rembert")
       for file in ("tokenizer_config.json", "tokenizer.json") if (family, file) != ("rembert", "tokenizer.json")},
    "special_tokens_map.json": Kind(
        "special_tokens_map.json", _tokenizer("bert", without=("tokenizer.json", "tokenizer_config.json")), _json,
        _read_tokenizer,
    ),
}  # fmt: skip
