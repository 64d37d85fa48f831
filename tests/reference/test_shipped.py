"""What is shipped, in transformers: the same ids, and outputs equal to 1e-5."""

import json
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.weights import shipped_folder, shipped_names

torch = pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[reference]'")
transformers = pytest.importorskip(
    "transformers", reason="transformers is not installed: pip install -e '.[reference]'"
)

pytestmark = pytest.mark.reference

TEXTS = ["The capital of France is Paris.", "Mary has a cat. The cat is black.", "a", "Don't stop: it's 10:30, Café!"]


def folders(name: str) -> tuple[Any, Any]:
    return shipped_folder(name), shipped_folder(name, needs=["tokenizer.json"])


@pytest.mark.parametrize("name", shipped_names())
def test_the_model_gives_the_same_outputs(name: str) -> None:
    weights, _ = folders(name)
    kind = json.loads((weights / "config.json").read_text(encoding="utf-8"))["architectures"][0]
    theirs, info = getattr(transformers, kind).from_pretrained(weights, output_loading_info=True)
    assert not info["missing_keys"], info
    assert not info["unexpected_keys"], info
    assert theirs.dtype == torch.float32
    batch = mb.AutoTokenizer.from_pretrained(name)(TEXTS, padding=True, return_tensors="np")
    with torch.no_grad():
        expected = theirs.eval()(**{key: torch.from_numpy(value) for key, value in batch.items()}).logits.numpy()
    got = getattr(mb, kind).from_pretrained(name)(**batch).logits
    counted = batch["attention_mask"].astype(bool)
    assert np.abs(got - expected)[counted].max() <= 1e-5 * max(1.0, np.abs(expected).max())


@pytest.mark.parametrize("name", shipped_names())
@pytest.mark.parametrize("fast", [True, False])
def test_the_tokenizer_gives_the_same_ids(name: str, fast: bool) -> None:
    _, tokens = folders(name)
    if not fast and not any((tokens / file).exists() for file in ("vocab.txt", "vocab.json", "sentencepiece.model")):
        pytest.skip("the slow tokenizer has no file of its own here")
    theirs = transformers.AutoTokenizer.from_pretrained(tokens, use_fast=fast)
    for case in json.loads((tokens / "golden.json").read_text(encoding="utf-8")):
        found = theirs(case["text"], case["text_pair"], return_token_type_ids=True, return_offsets_mapping=fast)
        assert found["input_ids"] == case["input_ids"], case["text"]
        assert theirs.convert_ids_to_tokens(found["input_ids"]) == case["tokens"], case["text"]
        assert found["token_type_ids"] == case["token_type_ids"], case["text"]
        if fast and name != "tiny-rembert":  # whose tokens begin with the blank before them, in minibert's offsets
            assert [list(offsets) for offsets in found["offset_mapping"]] == case["offsets"], case["text"]


@pytest.mark.parametrize("name", [name for name in shipped_names() if name in ("tiny-bert", "tiny-roberta")])
def test_fill_mask_gives_the_same_answers(name: str) -> None:
    weights, tokens = folders(name)
    theirs = transformers.pipeline("fill-mask", model=str(weights), tokenizer=str(tokens))
    ours = mb.pipeline("fill-mask", model=name)
    text = f"Anna lost her key. Then Peter found the {ours.tokenizer.mask_token}."
    for one, other in zip(ours(text), theirs(text), strict=True):
        assert one["token"] == other["token"]
        assert one["sequence"] == other["sequence"]
        assert abs(one["score"] - other["score"]) < 1e-5
