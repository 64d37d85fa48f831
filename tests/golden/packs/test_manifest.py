"""What a manifest says: where the values come from, and by which rules."""

from pathlib import Path

from minibert.golden import check, open_pack, record
from tests.golden.models import batch, bert
from tests.small_models import small_model


def test_manifest_says_where_the_values_come_from(tmp_path: Path) -> None:
    model = bert()
    inputs = {"input_ids": batch()["input_ids"], "output_attentions": True}
    pack = open_pack(record(model, inputs, tmp_path / "p", case={"name": "mine"}))
    manifest = pack.manifest
    assert manifest["model"]["class"] == "BertForMaskedLM"
    assert manifest["model"]["config"]["hidden_size"] == 24
    assert manifest["command"] == "minibert.golden.record(BertForMaskedLM, input_ids (2, 7), output_attentions=True)"
    assert manifest["semantics"]["dropout"] == "off (evaluation)"
    assert manifest["semantics"]["activation"] == "gelu: x Φ(x), exact, with erf"
    assert "√8" in manifest["semantics"]["scores"]
    assert manifest["case"] == {"name": "mine"}
    assert len(manifest["weights"]["parameters"]) == len(model.state_dict())
    assert manifest["outputs"]["logits"] == {"names": "cls.predictions", "shape": [2, 7, 40]}
    assert str(tmp_path) not in str(manifest)
    assert check(pack, model).ok


def test_semantics_card_tells_families_and_forms_apart(tmp_path: Path) -> None:
    roberta = small_model("RobertaModel", dtype="float32", hidden_act="gelu_new")
    inputs = {"input_ids": [[5, 7, 9]]}
    card = open_pack(record(roberta, inputs, tmp_path / "p")).manifest["semantics"]
    assert card["activation"] == "gelu_new: GELU approximated with tanh"
    assert card["positions"].startswith("RoBERTa's: 2, 3, ...")
    causal = small_model("BertLMHeadModel", dtype="float32", hidden_act="relu")
    card = open_pack(record(causal, inputs, tmp_path / "p")).manifest["semantics"]
    assert card["causal"].startswith("yes")
    assert card["activation"] == "relu"
