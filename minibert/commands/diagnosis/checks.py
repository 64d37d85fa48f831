"""Small runs of the library that must come out right; each says what it did, or why it failed."""

import functools
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from minibert.errors import MinibertError
from minibert.functional.losses import IGNORE_INDEX

_NONE = IGNORE_INDEX  # a token without a label
_SIZES = {
    "vocab_size": 29, "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 20,
    "max_position_embeddings": 9, "initializer_range": 0.5,
}  # fmt: skip
_INPUTS = {
    "input_ids": np.array([[2, 7, 5, 7, 3], [2, 11, 3, 0, 0]]),
    "attention_mask": np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]),
    "labels": np.array([[_NONE, 8, _NONE, 7, _NONE], [_NONE, 4, _NONE, _NONE, _NONE]]),
}


class CheckFailedError(Exception):
    """What came out is not what must come out."""


def run_check(name: str, check: Callable[[], str]) -> dict[str, Any]:
    """{"name", "ok", "detail", "seconds"}: whatever goes wrong is a finding, never a crash."""
    begun = time.perf_counter()
    try:
        detail, ok = check(), True
    except (CheckFailedError, MinibertError) as reason:
        detail, ok = str(reason), False
    except Exception as reason:
        detail, ok = f"{type(reason).__name__}: {reason}", False
    return {"name": name, "ok": ok, "detail": detail, "seconds": round(time.perf_counter() - begun, 3)}


def self_checks() -> list[dict[str, Any]]:
    """The library's own arithmetic, on a small random model."""
    return [
        run_check("matrix product", _matrix_product),
        run_check("forward", _forward),
        run_check("backward", _backward),
        run_check("save and load", _save_and_load),
    ]


def _model(dtype: str) -> Any:
    import minibert as mb

    return mb.BertForMaskedLM(mb.BertConfig(**_SIZES), seed=1, dtype=dtype, backend="numpy")


def _matrix_product() -> str:
    """BLAS against integer arithmetic, which does not use it."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(-9, 10, (97, 65)), rng.integers(-9, 10, (65, 131))
    for dtype in (np.float32, np.float64):
        if not np.array_equal(a.astype(dtype) @ b.astype(dtype), a @ b):
            raise CheckFailedError(
                f"{np.dtype(dtype).name} products of whole numbers are wrong: NumPy's BLAS is broken"
            )
    return "97 x 65 by 65 x 131, exact in float32 and float64"


def _forward() -> str:
    """float32 against float64, which compute the same by other instructions."""
    exact = _model("float64")(**_INPUTS).logits
    single = _model("float32")(**_INPUTS).logits
    error = float(np.abs(single - exact).max() / np.abs(exact).max())
    if not error < 1e-5:
        raise CheckFailedError(
            f"float32 differs from float64 by {error:.2g} of the largest logit: at most 1e-5 is rounding"
        )
    return f"float32 differs from float64 by {error:.1e} of the largest logit"


def _backward() -> str:
    """Every gradient against finite differences."""
    from minibert.inspection.gradient_check import gradcheck

    report = gradcheck(_model("float64"), _INPUTS, elements=2, verbose=False)
    worst = report.worst
    if not report.ok:
        raise CheckFailedError(f"the gradient of {worst.name} is off by {worst.relative_error:.2g}: at most 1e-7 fits")
    return f"{len(report.rows)} gradients within {worst.relative_error:.1e} of finite differences"


def _save_and_load() -> str:
    import minibert as mb

    model = _model("float32")
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        loaded = mb.BertForMaskedLM.from_pretrained(folder, backend="numpy")
        differing = [
            name for name, array in model.state_dict().items() if not np.array_equal(array, loaded.state_dict()[name])
        ]
        count = len(loaded.state_dict())
        del loaded  # its arrays are views of the file that is removed now
    if differing:
        raise CheckFailedError(f"{differing[0]} is not the same after saving and loading")
    return f"{count} tensors, the same bits"


# shipped models


def shipped_checks(every_pack: bool = False) -> list[dict[str, Any]]:
    """Each shipped model loads, answers, and gives its golden values: those of its smallest pack, or of all."""
    from minibert.weights import shipped_names

    found = []
    for name in shipped_names():
        found.append(run_check(name, functools.partial(_shipped, name, every_pack)))
    return found


def _shipped(name: str, every_pack: bool) -> str:
    import minibert as mb
    from minibert.models.auto import class_of_checkpoint
    from minibert.weights import find_checkpoint

    folder = find_checkpoint(name)
    model = class_of_checkpoint(folder).from_pretrained(folder, backend="numpy")
    batch = mb.AutoTokenizer.from_pretrained(name)("A text.", return_tensors="np")
    logits = model(**batch)[0]
    if not np.isfinite(logits).all():
        raise CheckFailedError("the model's output has numbers that are not finite")
    packs = golden_packs(folder)
    for pack in packs if every_pack else packs[:1]:
        opened = mb.golden.open_pack(pack)
        cls = getattr(mb, opened.manifest["model"]["class"])
        report = mb.golden.check(opened, cls.from_pretrained(folder, backend="numpy"))
        if not report.ok:
            first = report.first
            raise CheckFailedError(f"{pack.name}: {first.name if first else 'a value'} is not the golden one")
    done = len(packs) if every_pack else min(len(packs), 1)
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    return f"{type(model).__name__}, {size / 1e6:.1f} MB, {done} of {len(packs)} golden packs checked"


def golden_packs(folder: Path) -> list[Path]:
    """The golden packs in a checkpoint's folder, the smallest first."""
    from minibert.golden.packs.manifest import KEY
    from minibert.weights import open_safetensors

    files = [path for path in folder.rglob("*.safetensors") if not path.name.startswith("model")]
    packs = [path for path in files if KEY in open_safetensors(path).metadata]
    return sorted(packs, key=lambda path: (path.stat().st_size, path.name))
