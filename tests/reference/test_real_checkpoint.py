"""The real checkpoint against transformers, and what minibert saves, read by transformers."""

from pathlib import Path

import numpy as np
import pytest

import minibert as mb
from tests.random_cases import CLASSES, random_case
from tests.real_checkpoint import FOLDER, needs_real_checkpoint

torch = pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[reference]'")
transformers = pytest.importorskip(
    "transformers", reason="transformers is not installed: pip install -e '.[reference]'"
)

pytestmark = pytest.mark.reference


@needs_real_checkpoint
def test_float32_agrees() -> None:
    theirs = transformers.BertModel.from_pretrained(FOLDER, attn_implementation="eager").eval()
    ours = mb.BertModel.from_pretrained(FOLDER)
    rng = np.random.default_rng(0)
    ids = rng.integers(1000, 30000, size=(6, 64))
    mask = (np.arange(64) < rng.integers(3, 65, size=(6, 1))).astype(np.int64)
    with torch.no_grad():
        expected = theirs(torch.tensor(ids), attention_mask=torch.tensor(mask), output_hidden_states=True)
    got = ours(ids, attention_mask=mask, output_hidden_states=True)
    for one, other in zip(got.hidden_states, expected.hidden_states, strict=True):
        assert np.abs(one - other.numpy()).max() <= 2e-5
    assert np.abs(got.pooler_output - expected.pooler_output.numpy()).max() <= 2e-5


@pytest.mark.parametrize("class_name", CLASSES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_transformers_loads_what_we_save(class_name: str, dtype: str, tmp_path: Path) -> None:
    """Every weight is bit-equal, nothing is missing, nothing is unexpected; and the other way round."""
    case = random_case(class_name, 1)
    family = class_name.split("For")[0].replace("Model", "").replace("LMHead", "")
    config = getattr(mb, f"{family}Config")(**case.config)
    ours = getattr(mb, class_name)(config, seed=5, dtype=dtype, **case.options)
    ours.save_pretrained(tmp_path / "ours")
    theirs, info = getattr(transformers, class_name).from_pretrained(
        tmp_path / "ours", output_loading_info=True, dtype="auto", **case.options
    )
    assert not info["missing_keys"], info
    assert not info["unexpected_keys"], info
    assert not info["mismatched_keys"], info
    state = theirs.state_dict()
    for name, array in ours.state_dict().items():
        assert state[name].numpy().tobytes() == array.tobytes(), name
    theirs.save_pretrained(tmp_path / "theirs")
    again = getattr(mb, class_name).from_pretrained(tmp_path / "theirs", dtype=dtype, **case.options)
    for name, array in ours.state_dict().items():
        assert again.state_dict()[name].tobytes() == array.tobytes(), name
    assert again.load_report.complete or again.load_report.ignored or again.load_report.tied
    for name, value in case.config.items():
        assert getattr(again.config, name) == value or (name, class_name[:7]) == ("tie_word_embeddings", "RemBert")
