"""Optimisers, clipping, schedules, collators and whole runs, live against PyTorch and transformers."""

import numpy as np
import pytest

import minibert as mb
from tests.training import runs, small

torch = pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[reference]'")
transformers = pytest.importorskip(
    "transformers", reason="transformers is not installed: pip install -e '.[reference]'"
)
from tests.training import torch_runs  # noqa: E402

pytestmark = pytest.mark.reference


@pytest.mark.parametrize("name", runs.CONFIGS)
def test_twenty_steps_give_pytorchs_losses(name: str) -> None:
    model = runs.build(name)
    ours, our_norms = runs.train(model, name)
    theirs, their_norms = torch_runs.train_torch(torch_runs.build_torch(name).eval(), name)
    np.testing.assert_allclose(ours, theirs, rtol=1e-10)
    np.testing.assert_allclose(our_norms, their_norms, rtol=1e-9)
    assert model(**runs.batches(name)[0]).loss < 0.9 * ours[0]  # twenty real steps


@pytest.mark.parametrize("name", runs.CONFIGS)
def test_twenty_steps_with_recorded_dropout_masks_give_pytorchs_losses(name: str) -> None:
    dropout = {"hidden_dropout_prob": 0.2, "attention_probs_dropout_prob": 0.1}
    dropout["classifier_dropout_prob" if name.startswith("RemBert") else "classifier_dropout"] = 0.3
    masks: list[dict[str, np.ndarray]] = []
    ours, _ = runs.train(runs.build(name, **dropout).train(5), name, masks)
    theirs_model = torch_runs.build_torch(name, **dropout).train()
    modules = sum(isinstance(module, torch.nn.Dropout) and module.p > 0 for module in theirs_model.modules())
    assert torch_runs.use_masks(theirs_model, masks) == modules
    theirs, _ = torch_runs.train_torch(theirs_model, name)
    np.testing.assert_allclose(ours, theirs, rtol=1e-10)


def random_problem(seed: int) -> tuple[dict[str, np.ndarray], list[dict[str, np.ndarray]]]:
    """Parameters, and gradients of ten steps in which some are missing."""
    rng = np.random.default_rng(seed)
    shapes = {
        "a.weight": (7, 5),
        "a.bias": (7,),
        "LayerNorm.weight": (5,),
        "big.weight": (70, 1000),
        "scalar.weight": (),
    }
    parameters = {name: np.asarray(rng.normal(size=shape)) for name, shape in shapes.items()}
    steps = [
        {name: np.asarray(rng.normal(size=shape)) for name, shape in shapes.items() if rng.random() < 0.8}
        or {"a.bias": rng.normal(size=(7,))}
        for _ in range(10)
    ]
    return parameters, steps


def compare_optimizers(ours, theirs, parameters, steps, tensors) -> None:
    for grads in steps:
        before = {name: gradient.copy() for name, gradient in grads.items()}
        ours.step(grads)
        for name, tensor in tensors.items():
            tensor.grad = torch.tensor(grads[name]) if name in grads else None
        theirs.step()
        for name, tensor in tensors.items():
            np.testing.assert_allclose(parameters[name], tensor.detach().numpy(), rtol=1e-13, atol=1e-15)
        for name in grads:
            np.testing.assert_array_equal(grads[name], before[name])


def groups(tensors, decay: float) -> list[dict]:
    exempt = ("a.bias", "LayerNorm.weight")
    return [
        {"params": [t for n, t in tensors.items() if n not in exempt], "weight_decay": decay},
        {"params": [tensors[n] for n in exempt], "weight_decay": 0.0},
    ]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "options",
    [
        {"lr": 1e-2},
        {"lr": 0.3, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.3},
        {"lr": 1e-2, "weight_decay": 0.0},
        {"lr": 0.1, "betas": (0.0, 0.0)},
    ],
)
def test_adamw(options: dict, seed: int) -> None:
    parameters, steps = random_problem(seed)
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in parameters.items()}
    theirs = torch.optim.AdamW(
        groups(tensors, options.get("weight_decay", 1e-2)), **{k: v for k, v in options.items() if k != "weight_decay"}
    )
    compare_optimizers(mb.AdamW(parameters, **options), theirs, parameters, steps, tensors)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    "options",
    [
        {"lr": 0.1},
        {"lr": 0.1, "weight_decay": 0.2},
        {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.2},
        {"lr": 0.1, "momentum": 0.8, "dampening": 0.3},
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    ],
)
def test_sgd(options: dict, seed: int) -> None:
    parameters, steps = random_problem(seed)
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in parameters.items()}
    theirs = torch.optim.SGD(
        groups(tensors, options.get("weight_decay", 0.0)), **{k: v for k, v in options.items() if k != "weight_decay"}
    )
    compare_optimizers(mb.SGD(parameters, **options), theirs, parameters, steps, tensors)


@pytest.mark.parametrize("max_norm", [0.0, 0.1, 3.0, 1e6, float("inf")])
def test_clipping(max_norm: float) -> None:
    _, steps = random_problem(4)
    tensors = [torch.tensor(gradient) for gradient in steps[0].values()]
    for tensor in tensors:
        tensor.requires_grad_().grad = tensor.detach().clone()
    norm = float(torch.nn.utils.clip_grad_norm_(tensors, max_norm))
    grads = {name: gradient.copy() for name, gradient in steps[0].items()}
    assert mb.clip_grad_norm(grads, max_norm) == pytest.approx(norm, rel=1e-13)
    for gradient, tensor in zip(grads.values(), tensors, strict=True):
        np.testing.assert_allclose(gradient, tensor.grad.numpy(), rtol=1e-13)


@pytest.mark.parametrize(
    ("name", "extra"),
    [
        ("linear", {}),
        ("cosine", {}),
        ("cosine", {"num_cycles": 1.7}),
        ("cosine_with_restarts", {}),
        ("cosine_with_restarts", {"num_cycles": 3}),
        ("polynomial", {}),
        ("polynomial", {"power": 2.5, "lr_end": 1e-4}),
        ("constant", {}),
        ("constant_with_warmup", {}),
        ("inverse_sqrt", {}),
    ],
)
@pytest.mark.parametrize(("warmup", "steps"), [(0, 30), (7, 30), (30, 31), (5, 8)])
def test_schedules(name: str, extra: dict, warmup: int, steps: int) -> None:
    theirs_optimizer = torch.optim.AdamW(
        [{"params": [torch.zeros(1)], "lr": 0.5}, {"params": [torch.zeros(1)]}], lr=0.1
    )
    theirs = transformers.get_scheduler(name, theirs_optimizer, warmup, steps, scheduler_specific_kwargs=extra or None)
    arrays = {"a": np.zeros(1), "b": np.zeros(1)}
    ours = mb.get_scheduler(
        name, mb.AdamW(arrays, lr=0.1, groups=[{"params": "a", "lr": 0.5}, {"params": "b"}]), warmup, steps, extra
    )
    for _ in range(36):
        assert ours.get_last_lr() == theirs.get_last_lr()
        theirs_optimizer.step()
        theirs.step()
        ours.step()


def test_inverse_sqrt_with_a_timescale() -> None:
    theirs_optimizer = torch.optim.AdamW([torch.zeros(1)], lr=0.1)
    theirs = transformers.get_inverse_sqrt_schedule(theirs_optimizer, 5, timescale=9)
    ours = mb.get_inverse_sqrt_schedule(mb.AdamW({"a": np.zeros(1)}, lr=0.1), 5, timescale=9)
    for _ in range(20):
        assert ours.get_last_lr() == theirs.get_last_lr()
        theirs_optimizer.step()
        theirs.step()
        ours.step()


def their_tokenizer(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join([*small.SPECIAL, *small.WORDS]))
    return transformers.BertTokenizerFast(str(path))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mlm_probability": 0.5},
        {"mlm_probability": 0.6, "mask_replace_prob": 1.0, "random_replace_prob": 0.0},
        {"mlm_probability": 0.6, "mask_replace_prob": 0.3, "random_replace_prob": 0.6},
        {"mlm": False},
        {"mlm_probability": 0.6, "pad_to_multiple_of": 8},
    ],
)
def test_masking_draws_the_references_masks(options: dict, tmp_path) -> None:
    theirs = transformers.DataCollatorForLanguageModeling(
        their_tokenizer(tmp_path), return_tensors="np", seed=7, **options
    )
    ours = mb.DataCollatorForLanguageModeling(small.tokenizer(), seed=7, **options)
    for seed in range(3):
        features = [{"input_ids": ids} for ids in small.texts(5, seed)]
        expected = theirs([dict(feature) for feature in features])
        found = ours(features)
        for name in ("input_ids", "attention_mask", "labels"):
            np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def test_whole_words_are_the_references(tmp_path) -> None:
    tokenizer = their_tokenizer(tmp_path)
    theirs = transformers.DataCollatorForLanguageModeling(
        tokenizer,
        return_tensors="np",
        seed=7,
        whole_word_mask=True,
        mlm_probability=0.4,
        mask_replace_prob=1.0,
        random_replace_prob=0.0,
    )
    ours = mb.DataCollatorForLanguageModeling(
        small.tokenizer(),
        seed=7,
        whole_word_mask=True,
        mlm_probability=0.4,
        mask_replace_prob=1.0,
        random_replace_prob=0.0,
    )
    sentences = ["the unaffable cat sat on unaffably big mat .", "a dog ran , a red cat ran .", "unaffable unaffable ."]
    for sentence in sentences * 5:  # one a batch: the reference does not pad offsets
        features = [dict(tokenizer(sentence, return_offsets_mapping=True))]
        expected, found = theirs([dict(feature) for feature in features]), ours(features)
        for name in ("input_ids", "labels"):
            np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def test_padding_and_token_labels(tmp_path) -> None:
    features = [{"input_ids": ids, "labels": [i % 3 for i in range(len(ids))]} for ids in small.texts(4)]
    theirs = transformers.DataCollatorForTokenClassification(their_tokenizer(tmp_path), return_tensors="pt")
    expected = theirs([dict(feature) for feature in features])
    found = mb.DataCollatorForTokenClassification(small.tokenizer())(features)
    for name in ("input_ids", "attention_mask", "labels"):
        np.testing.assert_array_equal(found[name], expected[name].numpy(), err_msg=name)


def test_clipping_and_accumulation_leave_the_traces_gradients_alone() -> None:
    model = runs.build("BertForMaskedLM")
    trace = mb.Trace()
    model(**runs.batches("BertForMaskedLM")[0], trace=trace)
    grads = model.backward(trace)
    before = {name: np.array(trace.grad[name]) for name in trace.grad}
    mb.clip_grad_norm(grads, 1e-3)
    for name, gradient in before.items():
        np.testing.assert_array_equal(gradient, trace.grad[name], err_msg=name)
