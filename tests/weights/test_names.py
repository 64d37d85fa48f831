"""Matching names: prefixes, old names, ties, heads; what is missing, unexpected, misshapen."""

import pytest

from minibert.errors import WeightFileError
from tests.weights.plans import BARE, CLASSIFIER, ENCODER, MASKED, POOLER, PREDICTIONS, TASK, TIED, plan, prefixed


def nothing_but(report, **expected):
    """Every field that is not given must be empty; `loaded` and `source` are not looked at."""
    fields = {key: value for key, value in vars(report).items() if key not in ("source", "loaded")}
    return {key: value for key, value in fields.items() if value} == expected


@pytest.mark.parametrize("shapes", [BARE, TASK, MASKED])
def test_the_same_names(shapes):
    made = plan(shapes, shapes)
    assert made.reads == {name: name for name in shapes}
    assert made.report.loaded == list(shapes)
    assert nothing_but(made.report)
    assert made.report.complete
    made.check()


def test_a_bare_encoder_into_a_task_class():
    made = plan(TASK, ENCODER)
    assert made.reads == {f"bert.{name}": name for name in ENCODER}
    assert nothing_but(
        made.report,
        renamed={name: f"bert.{name}" for name in ENCODER},
        initialised=["classifier.weight", "classifier.bias"],
    )
    assert not made.report.complete
    made.check()


def test_a_task_checkpoint_into_a_bare_encoder():
    made = plan(BARE, prefixed(BARE) | PREDICTIONS | {"cls.seq_relationship.bias": (2,)})
    assert made.reads == {name: f"bert.{name}" for name in BARE}
    assert set(made.report.ignored.values()) == {"a head of another task"}
    assert list(made.report.ignored) == [*PREDICTIONS, "cls.seq_relationship.bias"]
    assert made.report.unexpected == []
    made.check()


@pytest.mark.parametrize("family", ["roberta", "rembert"])
def test_the_prefix_of_other_families(family):
    made = plan(prefixed(ENCODER, family), ENCODER, prefix=family)
    assert made.reads == {f"{family}.{name}": name for name in ENCODER}


def test_another_family_s_prefix_is_not_stripped():
    made = plan(prefixed(ENCODER), prefixed(ENCODER, "roberta"))
    assert made.reads == {}
    assert made.report.missing == list(prefixed(ENCODER))
    with pytest.raises(WeightFileError, match="Its names begin with 'roberta': it is a checkpoint of another family"):
        made.check()


def test_gamma_and_beta():
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): shape
        for name, shape in ENCODER.items()
    }
    made = plan(TASK, old | CLASSIFIER)
    assert made.reads["bert.embeddings.LayerNorm.weight"] == "embeddings.LayerNorm.gamma"
    assert made.reads["bert.embeddings.LayerNorm.bias"] == "embeddings.LayerNorm.beta"
    assert made.report.complete


@pytest.mark.parametrize(
    "name",
    ["embeddings.LayerNorm.gamma_scale", "embeddings.gamma", "embeddings.MyLayerNorm.gamma", "gamma", "beta.weight"],
)
def test_gamma_and_beta_are_renamed_by_exact_suffix_only(name):
    made = plan(ENCODER, ENCODER | {name: (8,)})
    assert made.report.unexpected == [name]
    assert made.report.renamed == {}
    model = ENCODER | {name: (8,)}
    assert plan(model, model).reads[name] == name


def test_a_bare_layer_norm_of_its_own():
    assert plan({"LayerNorm.weight": (8,)}, {"LayerNorm.gamma": (8,)}).reads == {"LayerNorm.weight": "LayerNorm.gamma"}


@pytest.mark.parametrize(
    ("extra", "place"),
    [
        ("embeddings.LayerNorm.gamma", "embeddings.LayerNorm.weight"),
        ("bert.embeddings.LayerNorm.bias", "embeddings.LayerNorm.bias"),
    ],
)
def test_two_tensors_for_one_place(extra, place):
    with pytest.raises(WeightFileError) as caught:
        plan(ENCODER, ENCODER | {extra: (8,)}, source="here")
    assert str(caught.value) == (
        f"here: both {place!r} and {extra!r} would be the model's {place!r}. "
        "The checkpoint is a mixture of two; keep one of them."
    )


def test_tied_copies_that_are_stored():
    made = plan(
        MASKED, MASKED | {"cls.predictions.decoder.weight": (30, 8), "cls.predictions.decoder.bias": (30,)}, TIED
    )
    assert made.copies == made.report.tied == TIED
    assert set(made.reads) == set(MASKED)
    assert nothing_but(made.report, tied=TIED)
    assert made.report.complete


def test_tied_copies_that_are_not_stored():
    made = plan(MASKED, MASKED, TIED)
    assert made.copies == {}
    assert made.report.complete


def test_a_copy_without_its_original_is_read_as_the_original():
    checkpoint = dict(MASKED)
    del checkpoint["bert.embeddings.word_embeddings.weight"]
    made = plan(MASKED, checkpoint | {"cls.predictions.decoder.weight": (30, 8)}, TIED)
    assert made.reads["bert.embeddings.word_embeddings.weight"] == "cls.predictions.decoder.weight"
    assert made.copies == {}
    assert made.report.renamed == {"cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight"}
    made.check()


def test_a_tied_copy_of_another_shape():
    made = plan(MASKED, MASKED | {"cls.predictions.decoder.weight": (31, 8)}, TIED)
    assert made.report.mismatched == {"bert.embeddings.word_embeddings.weight": ((30, 8), (31, 8))}
    with pytest.raises(WeightFileError, match="vocab_size is 30 in the model and 31 in the checkpoint"):
        made.check()


def test_an_untied_decoder_is_a_weight_like_any_other():
    model = MASKED | {"cls.predictions.decoder.weight": (30, 8)}
    assert plan(model, model).reads == {name: name for name in model}
    with pytest.raises(WeightFileError, match="saved with tied output embeddings: pass tie_word_embeddings=True"):
        plan(model, MASKED).check()


@pytest.mark.parametrize("buffer", ["embeddings.position_ids", "embeddings.token_type_ids"])
@pytest.mark.parametrize("prefix", ["", "bert."])
@pytest.mark.parametrize("model", [BARE, TASK])
def test_old_buffers_are_ignored(buffer, prefix, model):
    made = plan(model, model | {prefix + buffer: (1, 512)})
    assert nothing_but(made.report, ignored={prefix + buffer: "a buffer of old versions, computed here"})
    assert made.report.complete


def test_a_buffer_elsewhere_is_unexpected():
    assert plan(BARE, BARE | {"encoder.embeddings.position_ids": (1, 2)}).report.unexpected == [
        "encoder.embeddings.position_ids"
    ]


def test_the_heads_of_other_tasks_are_ignored_and_the_new_one_initialised():
    made = plan(TASK, MASKED | {"cls.seq_relationship.weight": (2, 8)})
    assert nothing_but(
        made.report,
        ignored=dict.fromkeys([*PREDICTIONS, "cls.seq_relationship.weight"], "a head of another task"),
        initialised=list(CLASSIFIER),
    )


def test_each_part_of_the_pretraining_heads_is_a_head():
    model = MASKED | {"cls.seq_relationship.weight": (2, 8), "cls.seq_relationship.bias": (2,)}
    made = plan(model, MASKED)
    assert made.report.initialised == ["cls.seq_relationship.weight", "cls.seq_relationship.bias"]
    made.check()


def test_a_head_with_the_same_first_name_but_another_form():
    sequence = {"classifier.dense.weight": (8, 8), "classifier.out_proj.weight": (2, 8)}
    made = plan(TASK, prefixed(ENCODER) | sequence)
    assert made.report.initialised == list(CLASSIFIER)
    assert list(made.report.ignored) == list(sequence)


def test_a_part_of_a_head_is_missing_not_new():
    made = plan(TASK, prefixed(ENCODER) | {"classifier.weight": (2, 8)})
    assert made.report.initialised == []
    assert made.report.missing == ["classifier.bias"]
    with pytest.raises(
        WeightFileError, match=r"checkpoint lacks 1 weight of the model: classifier.bias\. It is damaged"
    ):
        made.check()


def test_an_unknown_part_of_a_head_that_is_loaded_is_unexpected():
    made = plan(TASK, TASK | {"classifier.scale": (2,)})
    assert made.report.unexpected == ["classifier.scale"]
    assert made.report.ignored == {}


@pytest.mark.parametrize("model", [BARE, prefixed(BARE) | CLASSIFIER])
def test_a_pooler_that_is_missing_is_new(model):
    made = plan(model, {name: shape for name, shape in model.items() if "pooler" not in name})
    assert [name.removeprefix("bert.") for name in made.report.initialised] == list(POOLER)
    assert made.report.missing == []


def test_an_unknown_part_of_a_pooler_that_is_loaded_is_unexpected():
    made = plan(BARE, BARE | {"pooler.extra.weight": (8, 8)})
    assert made.report.unexpected == ["pooler.extra.weight"]


def test_half_a_pooler_is_missing():
    checkpoint = {name: shape for name, shape in BARE.items() if name != "pooler.dense.bias"}
    assert plan(BARE, checkpoint).report.missing == ["pooler.dense.bias"]


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_a_pooler_that_the_model_does_not_have(prefix):
    made = plan(TASK, TASK | prefixed(POOLER) if prefix else TASK | POOLER)
    assert made.report.ignored == {prefix + name: "this model has no pooler" for name in POOLER}


def test_which_heads_may_be_new_can_be_said():
    assert plan(TASK, ENCODER, new_heads=["classifier"]).report.initialised == list(CLASSIFIER)
    assert plan(TASK, ENCODER, new_heads=["qa_outputs"]).report.missing == list(CLASSIFIER)
    assert plan(TASK, ENCODER, new_heads=[]).report.missing == list(CLASSIFIER)
    assert plan(TASK, ENCODER, new_heads=["classifier.weight"]).report.missing == ["classifier.bias"]


def test_new_heads_never_excuse_the_encoder():
    assert plan(TASK, CLASSIFIER, new_heads=["bert"]).report.missing == list(prefixed(ENCODER))


def test_more_layers_than_the_model_has_are_unexpected():
    extra = {"bert.encoder.layer.2.output.dense.weight": (8, 32)}
    made = plan(TASK, TASK | extra)
    assert made.report.unexpected == list(extra)
    assert not made.report.complete
    made.check()  # taking the first layers is allowed


def test_an_empty_checkpoint():
    made = plan(TASK, {})
    assert made.report.missing == list(prefixed(ENCODER))
    assert made.report.initialised == list(CLASSIFIER)
    with pytest.raises(WeightFileError, match="It is damaged"):
        made.check()


def test_mismatched_sizes_can_be_ignored():
    checkpoint = TASK | {"classifier.weight": (3, 8), "classifier.bias": (3,), "bert.encoder.layer.9.x": (1,)}
    made = plan(TASK, checkpoint, ignore_mismatched_sizes=True)
    made.check()
    assert set(made.reads) == set(prefixed(ENCODER))
    assert made.report.initialised == list(CLASSIFIER)
    assert made.report.mismatched == {"classifier.weight": ((2, 8), (3, 8)), "classifier.bias": ((2,), (3,))}
    assert made.report.unexpected == ["bert.encoder.layer.9.x"]


def test_ignoring_sizes_does_not_ignore_missing_weights():
    checkpoint = prefixed(ENCODER) | {"classifier.weight": (3, 8)}
    with pytest.raises(WeightFileError, match=r"lacks 1 weight of the model: classifier.bias"):
        plan(TASK, checkpoint, ignore_mismatched_sizes=True).check()


def test_ignoring_sizes_leaves_out_the_copies_too():
    made = plan(MASKED, MASKED | {"cls.predictions.decoder.weight": (31, 8)}, TIED, ignore_mismatched_sizes=True)
    assert made.copies == {}
    assert made.report.tied == {}
    assert made.report.initialised == ["bert.embeddings.word_embeddings.weight"]


def test_shapes_may_be_lists():
    assert plan({"embeddings.x": [2, 3]}, {"embeddings.x": [2, 3]}).report.complete
