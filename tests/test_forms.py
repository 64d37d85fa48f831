"""How other forms of a step are attached and asked, and every form that minibert attaches against the plain step.

The comparison finds the forms by itself: whoever attaches a new one has it compared, or is told that no pass below
takes it.
"""

import importlib
import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert import forms
from minibert.forms import form_of, forms_of, plain_of, step
from tests import strict_cupy
from tests.small_models import small_inputs, small_model

# the mechanism


def test_a_form_is_asked_first_and_may_decline() -> None:
    @step
    def double(x: Any, note: str = "") -> Any:
        """The plain one."""
        return f"plain {x}{note}"

    @form_of(double)
    def of_integers(x: Any, note: str = "") -> Any:
        return f"integer {x}{note}" if isinstance(x, int) else NotImplemented

    @form_of(double)
    def of_large_numbers(x: Any, note: str = "") -> Any:
        return f"large {x}{note}" if x > 100 else NotImplemented

    @form_of(double, last=True)
    def of_floats(x: Any, note: str = "") -> Any:
        return f"float {x}{note}" if isinstance(x, float) else NotImplemented

    assert double(1) == "integer 1"
    assert double(x=1, note="!") == "integer 1!"
    assert double(200) == "large 200"
    assert double(200.0) == "large 200.0"
    assert double(2.0) == "float 2.0"
    assert double(np.float32(3)) == "plain 3.0"
    assert plain_of(double)(200) == "plain 200"
    assert forms_of(double) == [of_large_numbers, of_integers, of_floats]
    assert double.__doc__ == "The plain one."
    assert double in forms.steps()


def test_a_form_may_give_none_and_a_method_may_be_a_step() -> None:
    class Counter:
        def __init__(self) -> None:
            self.count = 0

        @step
        def add(self, n: int) -> None:
            self.count += n

    @form_of(Counter.add)
    def add_one(self: Counter, n: int) -> Any:
        if n != 1:
            return NotImplemented
        self.count += 10
        return None

    counter = Counter()
    assert counter.add(1) is None
    counter.add(n=2)
    plain_of(Counter.add)(counter, 1)
    assert counter.count == 13


def test_forms_wait_for_their_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are imported once, at the first step that is taken after their array library has been imported."""
    imported: list[str] = []
    monkeypatch.setattr(forms, "_waiting", {})
    monkeypatch.setattr(importlib, "import_module", imported.append)

    @step
    def nothing() -> None:
        pass

    forms.attach_forms("numpy", "first", "second")
    forms.attach_forms("a_library_of_arrays", "third")
    assert not imported
    nothing()
    nothing()
    assert imported == ["first", "second"]
    monkeypatch.setitem(sys.modules, "a_library_of_arrays", ModuleType("a_library_of_arrays"))
    nothing()
    nothing()
    assert imported == ["first", "second", "third"]


def test_kernels_are_imported_with_cupy_alone() -> None:
    code = (
        "import sys, numpy as np\nfrom minibert import functional as F\nF.softmax(np.ones(2))\n"
        "print(*(f'minibert.{name}' in sys.modules for name in ('running.in_place', 'kernels.primitives')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"


# every form against its plain step

for module in (*mb._FORMS["numpy"], *mb._FORMS["cupy"]):
    importlib.import_module(f"minibert.{module}")

ATTACHED = [(taken, form) for taken in forms.steps() if taken.__module__[:9] == "minibert." for form in forms_of(taken)]


def test_every_module_of_forms_is_named() -> None:
    """In `minibert/__init__.py`, or nobody would import it."""
    named = {f"minibert.{module}" for modules in mb._FORMS.values() for module in modules}
    assert {form.__module__ for _, form in ATTACHED} == named
    for path in (Path(mb.__file__).parent).rglob("*.py"):
        if "\n@form_of(" in path.read_text(encoding="utf-8"):
            assert ".".join(path.relative_to(Path(mb.__file__).parents[1]).with_suffix("").parts) in named


def name_of(function: Callable[..., Any]) -> str:
    return f"{function.__module__.removeprefix('minibert.')}.{function.__qualname__}"


@pytest.mark.parametrize(("taken", "form"), ATTACHED, ids=name_of)
def test_a_form_takes_the_arguments_of_its_step(taken: Callable[..., Any], form: Callable[..., Any]) -> None:
    """By the same names and with the same defaults; `*args` stand for what is handed on."""
    ours, expected = (list(inspect.signature(each).parameters.values()) for each in (form, taken))
    handed_on = [each for each in ours if each.kind is inspect.Parameter.VAR_POSITIONAL]
    if handed_on:
        ours = ours[: ours.index(handed_on[0])]
        expected = expected[: len(ours)]
    assert [(each.name, each.default) for each in ours] == [(each.name, each.default) for each in expected]


def inference(backend: str, dtype: str, **config: Any) -> dict[str, Any]:
    model = small_model("BertForMaskedLM", dtype, **config).to(backend)
    return {"logits": model(**small_inputs(model)).logits}


def training(backend: str, dtype: str, class_name: str, keep: str = "backward", **config: Any) -> dict[str, Any]:
    """Loss, gradients, what was kept, and what each value of the pass is called."""
    checkpointing = config.pop("checkpointing", False)
    model = small_model(class_name, dtype, hidden_dropout_prob=0.3, attention_probs_dropout_prob=0.2, **config)
    model.to(backend).train(rng=np.random.default_rng(3))
    if checkpointing:
        model.gradient_checkpointing_enable()
    trace = mb.Trace(keep)
    inputs = small_inputs(model, labels=True)
    loss = model(**inputs, trace=trace).loss
    grads = model.backward(trace)
    return {"loss": loss, **grads, **{name: trace[name] for name in trace}, "names": list(trace.points.values())}


def in_parts(backend: str, dtype: str) -> dict[str, Any]:
    """Inference, with a batch that is worth a cut whatever its size."""
    with pytest.MonkeyPatch.context() as patch, mb.threads(2):
        patch.setattr("minibert.running.parts.WORTH", 0.0)
        return inference(backend, dtype)


def without_padding(backend: str, dtype: str) -> dict[str, Any]:
    """States of tokens, where padding may be left out."""
    model = small_model("BertModel", dtype).to(backend)
    inputs = small_inputs(model)
    batch, tokens = inputs["input_ids"].shape
    useful = np.arange(tokens) < np.maximum(1, tokens - np.arange(batch))[:, None]
    states = model(**{**inputs, "attention_mask": useful.astype(int)}, skip_padding=True).last_hidden_state
    return {"states": mb.to_numpy(states) * useful[..., None]}


def first_token(backend: str, dtype: str) -> dict[str, Any]:
    """Classes of texts, with a last layer that is worth leaving out whatever its size."""
    model = small_model("BertForSequenceClassification", dtype).to(backend)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("minibert.running.parts.WORTH", 0.0)
        return {"logits": model(**small_inputs(model)).logits}


def optimiser(backend: str, dtype: str) -> dict[str, Any]:
    """Three steps of AdamW."""
    xp, rng = mb.backend.load_backend(backend), np.random.default_rng(4)
    weights = {"w": xp.asarray(rng.normal(size=(5, 6)).astype(dtype))}
    adamw = mb.AdamW(weights, lr=0.1)
    for _ in range(3):
        adamw.step({"w": xp.asarray(rng.normal(size=(5, 6)).astype(dtype))})
    return {**weights, **{name: array for name, array in adamw.state["w"].items() if name != "step"}}


PASSES: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "inference": inference,
    "inference in chunks": lambda backend, dtype: inference(backend, dtype, chunk_size_feed_forward=2),
    "training": lambda backend, dtype: training(backend, dtype, "BertForMaskedLM"),
    "training with the other GELU": lambda *where: training(*where, "BertForMaskedLM", hidden_act="gelu_new"),
    "training with checkpoints": lambda *where: training(*where, "BertForMaskedLM", checkpointing=True),
    "without padding": lambda backend, dtype: without_padding(backend, dtype),
    "the first token's class": lambda backend, dtype: first_token(backend, dtype),
    "inference in parts": lambda backend, dtype: in_parts(backend, dtype),
    "everything traced": lambda *where: training(*where, "BertForMaskedLM", keep="*"),
    "optimiser": optimiser,
    "optimiser of float16": lambda backend, dtype: optimiser(backend, "float16"),
    "regression": lambda *where: training(*where, "BertForSequenceClassification", problem_type="regression"),
    "several labels": lambda *where: training(
        *where, "BertForSequenceClassification", problem_type="multi_label_classification"
    ),
}
# forms that go together: what the one keeps only the other reads
TOGETHER = [
    {"checkpointing.forward", "checkpointing.backward"},
    {"cross_entropy", "cross_entropy_backward"},
]
# greatest error, relative to the largest value, of a module's forms or of one; all others keep every bit
TOLERANCE = {
    "running.half_precision": 3e-2,
    "running.blocks": 3e-6,
    "running.in_place.activated": 3e-6,  # GELU in blocks, too
    "running.padding": 2e-5,
    "running.first_token": 2e-5,
    "running.parts": 2e-5,  # products of other sizes
    "kernels.primitives": 2e-5,
    "kernels.steps": 2e-5,
    "kernels.optimizers": 1e-5,
}


@contextmanager
def alone(allowed: list[Callable[..., Any]]) -> Iterator[list[str]]:
    """Within the block no form but these is attached; gives the names of those that were taken."""
    taken: list[str] = []

    def watched(form: Callable[..., Any]) -> Callable[..., Any]:
        def watching(*args: Any, **kwargs: Any) -> Any:
            result = form(*args, **kwargs)
            if result is not NotImplemented:
                taken.append(name_of(form))
            return result

        return watching

    before = [(forms_of(each), list(forms_of(each))) for each in forms.steps()]
    try:
        for attached, originals in before:
            attached[:] = [watched(form) for form in originals if form in allowed]
        yield taken
    finally:
        for attached, originals in before:
            attached[:] = originals


def of_one(name: str, backend: str, dtype: str, allowed: list[Callable[..., Any]]) -> tuple[dict[str, Any], list[str]]:
    """A pass with these forms, and the names of those that were taken."""
    with alone(allowed) as taken, np.errstate(over="ignore"):
        results = PASSES[name](backend, dtype)
    return {key: value if key == "names" else mb.to_numpy(value) for key, value in results.items()}, taken


@cache
def plainly(name: str, backend: str, dtype: str) -> dict[str, Any]:
    return of_one(name, backend, dtype, [])[0]


@pytest.fixture(scope="module")
def stand_in() -> Iterator[ModuleType]:
    if not strict_cupy.kernels.AVAILABLE:
        pytest.skip(strict_cupy.kernels.WHY_NOT)
    with strict_cupy.installed(with_kernels=True) as cupy:
        yield cupy


def compare(form: Callable[..., Any], backend: str, dtype: str) -> None:
    """At least one pass takes the form, and each that does gives what it gives without."""
    together = next((pair for pair in TOGETHER if any(name_of(form).endswith(f".{name}") for name in pair)), set())
    partners = [
        other for _, other in ATTACHED
        if other.__module__ == form.__module__ and any(name_of(other).endswith(f".{name}") for name in together)
    ]  # fmt: skip
    compared = 0
    for name in PASSES:
        ours, taken = of_one(name, backend, dtype, [form, *partners])
        if name_of(form) not in taken:
            continue
        compared += 1
        expected = plainly(name, backend, dtype)
        assert list(ours) == list(expected)
        names, expected_names = ours.get("names"), expected.get("names")
        if form.__module__.endswith("checkpointing"):  # what only backward reads is not named by a pass without tape
            expected_names = [each for each in expected_names if not each.name.endswith((".rstd", ".normalized"))]
            names = [each for each in names if not each.name.endswith((".rstd", ".normalized"))]
        assert names == expected_names
        tolerance = TOLERANCE.get(name_of(form), TOLERANCE.get(form.__module__.removeprefix("minibert."), 0.0))
        for key in expected.keys() - {"names"}:
            plain = expected[key].astype(np.float64)
            shown = np.abs(plain) < 1e4  # all but masked scores
            largest = np.abs(plain[shown]).max(initial=0.1)
            np.testing.assert_allclose(
                ours[key].astype(np.float64)[shown], plain[shown], rtol=0, atol=tolerance * largest, err_msg=key
            )
    assert compared, f"no pass of this test takes {name_of(form)}: add one that does"


ON_THE_CPU = [form for _, form in ATTACHED if form.__module__.startswith("minibert.running.")]
ON_THE_CARD = [form for _, form in ATTACHED if form not in ON_THE_CPU]


@pytest.mark.parametrize("form", ON_THE_CPU, ids=name_of)
def test_forms_on_the_cpu(form: Callable[..., Any]) -> None:
    compare(form, "numpy", "float16" if "half_precision" in form.__module__ else "float32")


@pytest.mark.parametrize("form", ON_THE_CARD, ids=name_of)
@pytest.mark.usefixtures("stand_in")
def test_forms_on_the_card(form: Callable[..., Any]) -> None:
    compare(form, "cupy", "float32")


@pytest.mark.parametrize("plant", ["softmax", "record"])
def test_a_planted_fault_is_found(plant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A form that divides by another number, or that calls a value by another formula, does not pass."""
    from minibert.models import attention
    from minibert.running import in_place

    if plant == "softmax":
        monkeypatch.setattr(in_place.math, "sqrt", lambda x: x**0.5 * 1.001)
    else:
        monkeypatch.setattr(in_place, "SCORES", attention.SCORES[::-1])
    with pytest.raises(AssertionError):
        compare(in_place.probabilities, "numpy", "float32")
