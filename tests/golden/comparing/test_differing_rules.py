"""Rules and weights that differ are said in words."""

from pathlib import Path

from minibert.golden import check, record
from tests.golden.models import bert
from tests.small_models import small_inputs, small_model


def test_exchanged_layers_are_told_from_the_weights(forward_pack: Path) -> None:
    model = bert()
    for name in list(model.parameters):
        if ".layer.0." in name:
            twin = name.replace(".layer.0.", ".layer.1.")
            model.parameters[name], model.parameters[twin] = model.parameters[twin], model.parameters[name]
    report = check(forward_pack, model)
    first = "bert.encoder.layer.0.attention.self.query.weight holds bert.encoder.layer.1.attention.self.query.weight"
    assert any(first in note for note in report.notes)
    assert report.first.name == "bert.encoder.layer.0.attention.self.query"  # type: ignore[union-attr]


def test_relative_positions_for_absolute(tmp_path: Path) -> None:
    golden = small_model("BertModel", dtype="float32", position_embedding_type="relative_key")
    path = record(golden, small_inputs(golden), tmp_path / "p")
    report = check(path, small_model("BertModel", dtype="float32"))
    assert not report.ok
    assert any("position embeddings: golden 'relative_key', other 'absolute'" in note for note in report.notes)
