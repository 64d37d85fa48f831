"""What `import minibert` brings along, and that its folders hide nobody else's packages."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import minibert as mb

ROOT = Path(mb.__file__).resolve().parents[1]
EXTRAS = ("torch", "transformers", "cupy", "matplotlib", "huggingface_hub", "tokenizers", "sentencepiece", "scipy",
          "safetensors", "regex", "tqdm", "pandas", "numpy.testing", "numpy.f2py", "unittest", "IPython")  # fmt: skip


def modules_after(code: str) -> set[str]:
    """Which modules a fresh interpreter holds after this code."""
    code += "\nimport sys, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_import_is_light() -> None:
    loaded = modules_after("import minibert")
    assert not loaded & set(EXTRAS)
    assert {name for name in loaded if name.startswith("minibert")} == {"minibert", "minibert.forms"}


def test_models_need_no_extra() -> None:
    config = "vocab_size=9, hidden_size=4, num_hidden_layers=1, num_attention_heads=2, intermediate_size=4"
    loaded = modules_after(
        f"import minibert as mb; mb.BertForMaskedLM(mb.BertConfig({config}))(input_ids=[[1, 2]], labels=[[1, 2]])"
    )
    heavy = {"torch", "transformers", "cupy", "matplotlib", "huggingface_hub", "tokenizers", "sentencepiece", "scipy"}
    assert not loaded & heavy


def test_every_public_name_is_found() -> None:
    for name in mb.__all__:
        assert getattr(mb, name) is not None
    assert set(mb.__all__) <= set(dir(mb))
    for name in ("backend", "functional", "models", "tokenizers", "weights"):
        assert getattr(mb, name).__name__ == f"minibert.{name}"
    with pytest.raises(AttributeError, match=r"^module 'minibert' has no attribute 'BertModle'$"):
        _ = mb.BertModle


def test_all_23_classes_are_public() -> None:
    from tests.random_cases import CLASSES

    assert len(set(CLASSES)) == 23
    for name in CLASSES:
        assert getattr(mb, name).__name__ == name
        assert name in mb.__all__


def test_the_errors_are_also_builtin_ones() -> None:
    for name in ("InputError", "ConfigError", "WeightFileError", "TokenizerError", "TraceError"):
        assert issubclass(getattr(mb, name), (mb.MinibertError))
        assert issubclass(getattr(mb, name), ValueError)
    assert issubclass(mb.BackendError, RuntimeError)


@pytest.mark.parametrize("name", ["tokenizers", "weights"])
def test_the_root_hides_no_package(name: str) -> None:
    """The folders of shipped files carry no __init__.py, so that `import tokenizers` here finds Hugging Face's."""
    code = f"import importlib.util as u; spec = u.find_spec({name!r}); print(spec is not None and spec.origin)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    origin = done.stdout.strip()
    assert not origin.startswith(str(ROOT) + "/" + name)
    assert not (ROOT / name / "__init__.py").exists()
