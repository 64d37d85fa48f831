"""Packs recorded from transformers by hooks: minibert has the same names and values, forward and backward."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.golden import GoldenError, check, diff, open_pack, record, record_reference
from tests.random_cases import CLASSES
from tests.small_models import small_inputs, small_model

torch = pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[reference]'")
transformers = pytest.importorskip(
    "transformers", reason="transformers is not installed: pip install -e '.[reference]'"
)

pytestmark = pytest.mark.reference


def both(class_name: str, dtype: str, attention: str = "eager") -> tuple[Any, Any]:
    """minibert's model and transformers', with the same weights."""
    transformers.logging.set_verbosity_error()
    ours = small_model(class_name, dtype=dtype)
    fields = {name: value for name, value in ours.config.to_dict().items() if name not in ("torch_dtype", "dtype")}
    config = getattr(transformers, type(ours.config).__name__)(**fields, attn_implementation=attention)
    theirs = getattr(transformers, class_name)(config).to(getattr(torch, dtype)).eval()
    theirs.load_state_dict({name: torch.tensor(array) for name, array in ours.state_dict().items()}, strict=False)
    theirs.tie_weights()
    return ours, theirs


def inputs_of(model: Any) -> dict[str, Any]:
    inputs = small_inputs(model, labels=True)
    return {name: torch.tensor(np.array(value)) for name, value in inputs.items()}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("class_name", CLASSES)
def test_hooks_see_what_minibert_names(tmp_path: Path, class_name: str, dtype: str) -> None:
    ours, theirs = both(class_name, dtype)
    inputs = inputs_of(ours)
    has_loss = len({"labels", "start_positions"} & set(inputs)) > 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pack = open_pack(record_reference(theirs, inputs, tmp_path / "p", backward=has_loss))
    report = check(pack, ours)
    assert report.ok, str(report)
    kinds = {entry.kind for entry in pack.results()}
    assert ("parameter gradient" in kinds) is has_loss
    unseen = {row.name.removeprefix("grad/") for row in report if row.verdict == "extra"}
    inside = (".scores", ".rstd", ".normalized", "activation", "loss", "attention_mask", "logits", ".choices", ".sum")
    assert [name for name in unseen if not name.endswith(inside)] == []
    # every module whose output is a value of its own is in the pack, under its own name
    hooked = {name for name, _ in theirs.named_modules() if name and name in pack}
    assert {f"{ours.base_model_prefix}.encoder.layer.1.output", "encoder.layer.1.output"} & hooked


def test_reference_pack_and_own_pack_agree(tmp_path: Path) -> None:
    ours, theirs = both("BertForMaskedLM", "float32")
    inputs = inputs_of(ours)
    golden = record_reference(theirs, inputs, tmp_path / "theirs", backward=True)
    own = record(ours, {name: value.numpy() for name, value in inputs.items()}, tmp_path / "ours", backward=True)
    assert diff(golden, own, partial=True).ok
    assert diff(own, golden, partial=True).ok
    manifest = open_pack(golden).manifest
    assert manifest["made_by"] == "minibert.golden.record_reference"
    assert manifest["versions"]["transformers"] == transformers.__version__
    assert manifest["weights"] == open_pack(own).manifest["weights"]
    again = record_reference(theirs, inputs, tmp_path / "again", backward=True)
    assert again.read_bytes() == golden.read_bytes()
    assert all(parameter.grad is None for parameter in theirs.parameters())


def test_wrong_reference_is_found(tmp_path: Path) -> None:
    ours, theirs = both("RobertaForMaskedLM", "float32")
    theirs.roberta.encoder.layer[1].intermediate.intermediate_act_fn = torch.nn.GELU(approximate="tanh")
    inputs = {name: value for name, value in inputs_of(ours).items() if name != "token_type_ids"}
    first = check(record_reference(theirs, inputs, tmp_path / "p"), ours).first
    assert first is not None
    assert first.name == "roberta.encoder.layer.1.intermediate"


def test_bad_references_are_one_sentence(tmp_path: Path) -> None:
    ours, theirs = both("BertModel", "float32")
    inputs = {"input_ids": np.array([[1, 2]])}
    for model, given, text in (
        (ours, inputs, "record_reference takes one of transformers' BERT, RoBERTa or RemBERT models, not a BertModel"),
        (torch.nn.Linear(1, 1), inputs, "not a Linear"),
        (both("BertModel", "float32", "sdpa")[1], inputs, "load it with attn_implementation='eager'"),
        (theirs, {"input_ids": np.array([[99]])}, "99"),
    ):
        with pytest.raises(mb.MinibertError) as caught:
            record_reference(model, given, tmp_path / "p")
        assert text in str(caught.value)
    with pytest.raises(mb.MinibertError, match="no loss"):
        record_reference(theirs, inputs, tmp_path / "p", backward=True)
    with pytest.raises(GoldenError, match=r"the reference is in training mode.*call model\.eval\(\)"):
        record_reference(theirs.train(), inputs, tmp_path / "p")


def test_reference_beyond_minibert_is_one_sentence(tmp_path: Path) -> None:
    _, theirs = both("BertModel", "float32")
    theirs.config.hidden_act = "no such activation"
    with pytest.raises(GoldenError, match=r"minibert cannot stand beside this reference: .*no such activation"):
        record_reference(theirs, {"input_ids": np.array([[1, 2]])}, tmp_path / "p")
