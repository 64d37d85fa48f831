"""The one error for a checkpoint that does not fit: what is missing, what has another shape, and the likely cause."""

import pytest

from minibert.errors import WeightFileError
from minibert.weights.misfit import describe_misfit
from tests.weights.plans import BARE, TASK, plan


def test_fewer_layers_than_the_model_has():
    checkpoint = {name: shape for name, shape in TASK.items() if ".layer.1." not in name}
    with pytest.raises(WeightFileError) as caught:
        plan(TASK, checkpoint, source="/a/folder").check()
    assert str(caught.value) == (
        "/a/folder lacks 1 weight of the model: bert.encoder.layer.1.output.dense.weight. "
        "It has 1 layers: pass num_hidden_layers=1."
    )


@pytest.mark.parametrize("layer", [0, 1])
def test_a_weight_missing_from_a_layer_that_is_there_is_damage(layer):
    model = TASK | {f"bert.encoder.layer.{layer}.output.dense.bias": (8,)}
    with pytest.raises(
        WeightFileError, match=r"dense.bias\. It is damaged, or a checkpoint of another kind of model\.$"
    ):
        plan(model, TASK).check()


def test_names_behind_another_prefix():
    with pytest.raises(WeightFileError) as caught:
        plan(BARE, {f"module.{name}": shape for name, shape in BARE.items()}).check()
    text = "It has them with 'module.' in front: rename its tensors without that prefix."
    assert str(caught.value).endswith(text)


@pytest.mark.parametrize(("count", "end"), [(12, "w11. It is"), (13, "w11 and 1 more. It is")])
def test_up_to_twelve_missing_weights_are_listed(count, end):
    text = describe_misfit("here", [f"w{i}" for i in range(count)], {}, checkpoint_names=[], base_prefix="bert")
    assert end in text


def test_many_missing_weights_are_not_all_listed():
    text = describe_misfit("here", [f"w{i}" for i in range(20)], {}, checkpoint_names=[], base_prefix="bert")
    assert text == (
        "here lacks 20 weights of the model: w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11 and 8 more. "
        "It is damaged, or a checkpoint of another kind of model."
    )


def misfit(changes, model=TASK, **options):
    with pytest.raises(WeightFileError) as caught:
        plan(model, model | changes, source="here", **options).check()
    return str(caught.value)


def test_one_wrong_shape():
    assert misfit({"classifier.weight": (3, 8)}) == (
        "here does not fit the model: 1 tensor has another shape.\n"
        "  classifier.weight: expected (2, 8), found (3, 8)\n"
        "Probably num_labels is 2 in the model and 3 in the checkpoint. "
        "Pass the checkpoint's num_labels, or ignore_mismatched_sizes=True to begin that head anew."
    )


def test_all_wrong_shapes_and_all_missing_weights_are_in_one_error():
    checkpoint = TASK | {"bert.embeddings.word_embeddings.weight": (40, 8), "classifier.weight": (3, 8)}
    del checkpoint["bert.embeddings.LayerNorm.bias"]
    with pytest.raises(WeightFileError) as caught:
        plan(TASK, checkpoint, source="here").check()
    assert str(caught.value) == (
        "here lacks 1 weight of the model: bert.embeddings.LayerNorm.bias. "
        "It is damaged, or a checkpoint of another kind of model.\n"
        "here does not fit the model: 2 tensors have another shape.\n"
        "  bert.embeddings.word_embeddings.weight: expected (30, 8), found (40, 8)\n"
        "  classifier.weight: expected (2, 8), found (3, 8)\n"
        "Probably vocab_size is 30 in the model and 40 in the checkpoint; num_labels is 2 in the model and 3 in the "
        "checkpoint. Pass the checkpoint's num_labels, or ignore_mismatched_sizes=True to begin that head anew."
    )


CAUSES = [
    ("bert", "bert.embeddings.word_embeddings.weight", (30, 8), (31, 8), "vocab_size is 30"),
    ("bert", "bert.embeddings.word_embeddings.weight", (30, 8), (30, 9), "hidden_size is 8"),
    ("rembert", "rembert.embeddings.word_embeddings.weight", (30, 8), (30, 9), "input_embedding_size is 8"),
    ("bert", "embeddings.position_embeddings.weight", (512, 8), (128, 8), "max_position_embeddings is 512"),
    ("bert", "embeddings.token_type_embeddings.weight", (2, 8), (1, 8), "type_vocab_size is 2"),
    ("rembert", "rembert.embeddings.LayerNorm.bias", (8,), (9,), "input_embedding_size is 8"),
    ("rembert", "rembert.encoder.embedding_hidden_mapping_in.weight", (16, 8), (16, 9), "input_embedding_size is 8"),
    ("rembert", "rembert.encoder.embedding_hidden_mapping_in.weight", (16, 8), (15, 8), "hidden_size is 16"),
    ("bert", "encoder.layer.3.intermediate.dense.weight", (32, 8), (64, 8), "intermediate_size is 32"),
    ("bert", "encoder.layer.3.intermediate.dense.bias", (32,), (64,), "intermediate_size is 32"),
    ("bert", "encoder.layer.3.output.dense.weight", (8, 32), (8, 64), "intermediate_size is 32"),
    ("bert", "encoder.layer.3.attention.output.dense.weight", (8, 8), (9, 9), "hidden_size is 8"),
    ("bert", "encoder.layer.3.attention.self.query.bias", (8,), (9,), "hidden_size is 8"),
    (
        "bert", "encoder.layer.3.attention.self.distance_embedding.weight", (1023, 64), (1023, 32),
        "hidden_size / num_attention_heads is 64",
    ),
    ("roberta", "classifier.out_proj.bias", (2,), (3,), "num_labels is 2"),
    ("bert", "qa_outputs.weight", (2, 8), (3, 8), "num_labels is 2"),
    ("roberta", "classifier.dense.weight", (8, 8), (9, 9), "hidden_size is 8"),
    ("bert", "cls.predictions.bias", (30,), (31,), "vocab_size is 30"),
    ("roberta", "lm_head.bias", (30,), (31,), "vocab_size is 30"),
    ("bert", "cls.predictions.decoder.weight", (30, 8), (30, 9), "hidden_size is 8"),
    ("rembert", "cls.predictions.decoder.weight", (30, 8), (30, 9), "output_embedding_size is 8"),
    ("rembert", "cls.predictions.dense.weight", (20, 16), (24, 16), "output_embedding_size is 20"),
    ("rembert", "cls.predictions.LayerNorm.weight", (20,), (24,), "output_embedding_size is 20"),
]  # fmt: skip


@pytest.mark.parametrize(("family", "name", "expected", "found", "cause"), CAUSES)
def test_the_field_that_is_the_likely_cause(family, name, expected, found, cause):
    text = describe_misfit("here", [], {name: (expected, found)}, checkpoint_names=[name], base_prefix=family)
    assert f"  {name}: expected {expected}, found {found}\n" in text
    assert f"Probably {cause} in the model and " in text
    assert text.count(" in the model and ") == 1
    advice = "Pass the checkpoint's num_labels" if "num_labels" in cause else "Use the config.json that belongs to the"
    assert advice in text


def test_each_cause_is_named_once():
    layers = {f"encoder.layer.{i}.output.dense.weight": ((8, 32), (9, 64)) for i in range(3)}
    text = describe_misfit("here", [], layers, checkpoint_names=[], base_prefix="bert")
    assert text.count("hidden_size is 8 in the model and 9 in the checkpoint") == 1
    assert text.count("intermediate_size is 32 in the model and 64 in the checkpoint") == 1


def test_transposed_weights():
    text = misfit(
        {"bert.encoder.layer.0.output.dense.weight": (32, 8), "bert.encoder.layer.1.output.dense.weight": (32, 8)}
    )
    assert text.endswith("They are transposed: the checkpoint stores (in, out), as TensorFlow and Flax do.")


def test_transposed_weights_beside_another_cause():
    text = misfit({"bert.encoder.layer.0.output.dense.weight": (32, 8), "bert.embeddings.LayerNorm.bias": (9,)})
    assert "Probably hidden_size is 8 in the model and 9 in the checkpoint. Use the config.json" in text


def test_another_number_of_dimensions():
    text = misfit({"bert.embeddings.LayerNorm.bias": (1, 8)})
    assert "  bert.embeddings.LayerNorm.bias: expected (8,), found (1, 8)\n" in text
    assert text.endswith("The checkpoint is of another kind of model.")


def test_a_whole_model_of_another_size_shares_lines_between_layers():
    model = {f"encoder.layer.{i}.{part}.bias": (8,) for i in range(12) for part in ("a", "b")}
    checkpoint = dict.fromkeys(sorted(model), (16,)) | {"encoder.layer.3.a.bias": (32,)}  # 0, 1, 10, 11, 2, ...
    with pytest.raises(WeightFileError) as caught:
        plan(model, checkpoint).check()
    lines = str(caught.value).split("\n")[1:-1]
    assert lines == [
        "  encoder.layer.{0,1,2,4,5,6,7,8,9,10,11}.a.bias: expected (8,), found (16,)",
        "  encoder.layer.{0,1,2,3,4,5,6,7,8,9,10,11}.b.bias: expected (8,), found (16,)",
        "  encoder.layer.3.a.bias: expected (8,), found (32,)",
    ]


def test_up_to_twelve_are_named_one_by_one():
    model = {f"encoder.layer.{i}.a.bias": (8,) for i in range(13)}
    for count in (12, 13):
        names = list(model)[:count]
        text = describe_misfit("x", [], dict.fromkeys(names, ((8,), (9,))), checkpoint_names=[], base_prefix="bert")
        assert text.count("\n  ") == (12 if count == 12 else 1)
