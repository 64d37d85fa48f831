"""What a task says of itself."""

import numpy as np
import pytest

import minibert as mb
from minibert.backend import to_numpy
from minibert.functional.losses import IGNORE_INDEX
from tests.random_cases import CLASSES
from tests.small_models import V, small_inputs, small_model

IDS = np.array([[5, 6, 7, 8], [9, 10, 11, 0]])
PADDED = np.array([[5, 6, 7, 8, 9], [4, 3, 2, 0, 0]])


@pytest.mark.parametrize("name", CLASSES)
def test_example_labels_give_a_loss(name: str) -> None:
    """Every task makes labels that it takes; the bare encoders have none."""
    model = small_model(name)
    ids = np.stack([IDS, IDS[::-1]], axis=1) if model.reads_choices else IDS
    labels = model.example_labels(model.config, ids)
    assert bool(labels) == (model.task != "encoder")
    output = model(input_ids=ids, **labels)
    assert ("loss" in output) == bool(labels)
    assert not labels or np.isfinite(to_numpy(output["loss"]))


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_has_a_task_and_an_encoder(name: str) -> None:
    model = small_model(name)
    prefix = "" if model.task == "encoder" else f"{model.base_model_prefix}."
    assert model.base_model.embeddings.path == f"{prefix}embeddings"
    for field, value in model.needs.items():
        assert getattr(model.config, field) == value


def test_families_name_their_tasks_alike() -> None:
    """One class of a family for each task."""
    for family in ("Bert", "Roberta", "RemBert"):
        tasks = [getattr(mb, name).task for name in CLASSES if name.startswith(family)]
        assert len(set(tasks)) == len(tasks)


@pytest.mark.parametrize("class_name", ["BertForMaskedLM", "BertLMHeadModel", "BertForTokenClassification"])
def test_padding_does_not_count(class_name: str) -> None:
    model = small_model(class_name)
    labels = model.example_labels(model.config, PADDED)["labels"]
    assert (labels[PADDED == 0] == IGNORE_INDEX).all()
    assert (labels[PADDED != 0] != IGNORE_INDEX).any()


@pytest.mark.parametrize("class_name", ["BertForPreTraining", "RobertaForCausalLM", "RemBertForMaskedLM"])
def test_logits_to_keep(class_name: str) -> None:
    model = small_model(class_name)
    inputs = small_inputs(model)
    field = "prediction_logits" if "PreTraining" in class_name else "logits"
    whole = model(**inputs)[field]
    for keep, places in [
        (0, slice(None)), (1, slice(-1, None)), (2, slice(-2, None)), (3, slice(None)), (99, slice(None)),
        (np.int64(2), slice(-2, None)), ([0, 2], [0, 2]), ([-1], [2]), ([1, 1, 0], [1, 1, 0]),
        (np.array([2], np.int32), [2]),
    ]:  # fmt: skip
        kept = model(**inputs, logits_to_keep=keep)[field]
        np.testing.assert_allclose(kept, whole[:, places], rtol=1e-12, atol=1e-13)


def test_logits_where_the_labels_are() -> None:
    model = small_model("BertForMaskedLM")
    inputs = small_inputs(model, labels=True)
    expected = model(**inputs)
    traces = mb.Trace(), mb.Trace()
    model(**inputs, trace=traces[0])
    out = model(**inputs, logits_to_keep="labels", trace=traces[1])
    labelled = inputs["labels"] != -100
    assert out.logits.shape == (1, labelled.sum(), V)
    np.testing.assert_allclose(out.logits[0], expected.logits[labelled], rtol=1e-12, atol=1e-13)
    assert out.loss == pytest.approx(expected.loss, rel=1e-13)
    all_gradients, gradients = (model.backward(trace) for trace in traces)
    assert list(gradients) == list(all_gradients)
    for name, gradient in all_gradients.items():
        np.testing.assert_allclose(gradients[name], gradient, rtol=1e-10, atol=1e-13, err_msg=name)


def test_an_answer_has_a_start_and_an_end() -> None:
    message = r"^BertForQuestionAnswering needs num_labels=2, a start and an end: the configuration has 3\.$"
    with pytest.raises(mb.ConfigError, match=message):
        small_model("BertForQuestionAnswering", num_labels=3)
