"""Matching names: prefixes, old names, ties, heads; what is missing, unexpected, misshapen; the texts."""

import json

import pytest

from minibert.errors import WeightFileError
from minibert.weights import LoadReport, plan_loading
from minibert.weights.misfit import describe_misfit

ENCODER = {
    "embeddings.word_embeddings.weight": (30, 8),
    "embeddings.LayerNorm.weight": (8,),
    "embeddings.LayerNorm.bias": (8,),
    "encoder.layer.0.output.dense.weight": (8, 32),
    "encoder.layer.1.output.dense.weight": (8, 32),
}
POOLER = {"pooler.dense.weight": (8, 8), "pooler.dense.bias": (8,)}
CLASSIFIER = {"classifier.weight": (2, 8), "classifier.bias": (2,)}
PREDICTIONS = {"cls.predictions.transform.dense.weight": (8, 8), "cls.predictions.bias": (30,)}
TIED = {
    "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}


def prefixed(shapes, prefix="bert"):
    return {f"{prefix}.{name}": shape for name, shape in shapes.items()}


BARE = ENCODER | POOLER
TASK = prefixed(ENCODER) | CLASSIFIER
MASKED = prefixed(ENCODER) | PREDICTIONS


def plan(model, checkpoint, tied=None, prefix="bert", **options):
    return plan_loading(model, checkpoint, tied, prefix, **options)


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


def test_an_empty_checkpoint():
    made = plan(TASK, {})
    assert made.report.missing == list(prefixed(ENCODER))
    assert made.report.initialised == list(CLASSIFIER)
    with pytest.raises(WeightFileError, match="It is damaged"):
        made.check()


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


# shapes


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


# the report


def test_the_report_of_an_old_task_checkpoint():
    checkpoint = prefixed(ENCODER) | {"bert.embeddings.position_ids": (1, 512)} | PREDICTIONS
    checkpoint["bert.embeddings.LayerNorm.gamma"] = checkpoint.pop("bert.embeddings.LayerNorm.weight")
    checkpoint["cls.predictions.decoder.weight"] = (30, 8)
    model = MASKED | {"cls.seq_relationship.bias": (2,), "cls.seq_relationship.weight": (2, 8)}
    text = str(plan(model, checkpoint | {"bert.encoder.layer.2.x": (1,)}, TIED, source="/models/old").report)
    assert text == (
        "/models/old: 7 tensors loaded\n"
        "  renamed 1: LayerNorm.gamma -> LayerNorm.weight (1)\n"
        "  tied 1: cls.predictions.decoder.weight = bert.embeddings.word_embeddings.weight\n"
        "  ignored 1 (a buffer of old versions, computed here): bert.embeddings.position_ids\n"
        "  unexpected 1: bert.encoder.layer.2.x\n"
        "  initialised 2: cls.seq_relationship.bias, cls.seq_relationship.weight"
    )


def test_the_report_stays_short_however_many_tensors():
    names = [f"encoder.layer.{i}.attention.output.LayerNorm.gamma" for i in range(100)]
    report = LoadReport(
        "here",
        loaded=names,
        renamed={name: f"bert.{name[:-5]}weight" for name in names} | {"embeddings.x": "bert.embeddings.x"},
        ignored=dict.fromkeys(names, "a head of another task"),
        missing=names,
        unexpected=names,
        mismatched=dict.fromkeys(names, ((1,), (2,))),
        initialised=names,
    )
    lines = str(report).split("\n")
    assert len(lines) == 7
    assert lines[1] == "  renamed 101: LayerNorm.gamma -> LayerNorm.weight, + bert. (100), + bert. (1)"
    assert lines[3] == f"  unexpected 100: {', '.join(names[:4])} and 96 more"
    assert max(map(len, lines)) < 300


def test_the_report_names_a_prefix_that_was_dropped():
    assert "  renamed 1: - bert. (1)" in str(LoadReport(renamed={"bert.a.b": "a.b"}))


def test_the_report_as_plain_data():
    made = plan(TASK, TASK | {"classifier.weight": (3, 8)}, source="here")
    plain = json.loads(json.dumps(made.report.to_dict()))
    assert plain["source"] == "here"
    assert plain["mismatched"] == {"classifier.weight": {"expected": [2, 8], "found": [3, 8]}}
    assert plain["loaded"] == list(TASK)
    assert set(plain) == {
        "source", "loaded", "renamed", "tied", "ignored", "missing", "unexpected", "mismatched", "initialised",
    }  # fmt: skip


@pytest.mark.parametrize("field", ["missing", "unexpected", "mismatched", "initialised"])
def test_complete_means_that_nothing_is_left_over(field):
    report = LoadReport()
    assert report.complete
    setattr(report, field, {"w": ((1,), (2,))} if field == "mismatched" else ["w"])
    assert not report.complete
    assert field in str(report)
