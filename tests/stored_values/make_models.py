"""Makes models.safetensors and models.json: golden cases of all 23 classes, computed by transformers in float64.

    python -m tests.stored_values.make_models

needs the `reference` extra. Of the random cases of `tests/random_cases.py` it takes, for every class, the three
that together show the most options and are small enough to store. Weights and upstream gradients are derived from
names (`derived.py`); inputs, outputs and gradients are stored. `tests/models/test_golden.py` compares, without torch.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import minibert as mb
from minibert.models.files import PreTrainedModel
from tests.random_cases import CLASSES, Case, config_name, random_case
from tests.stored_values.derived import derived, golden_weights

HERE = Path(__file__).parent
CASES_A_CLASS, SEEDS, MOST_PARAMETERS = 3, 3000, 1350
LEAVES = ("inputs_embeds", "encoder_hidden_states", "head_mask")


def features(case: Case) -> set[str]:
    """The options that a case shows."""
    config, inputs = case.config, case.inputs
    shown = {name for name, value in inputs.items() if value is not False}
    shown |= {f"{name}={config[name]}" for name in ("position_embedding_type", "tie_word_embeddings", "problem_type",
                                                    "is_decoder", "add_cross_attention") if name in config}  # fmt: skip
    shown |= {f"{name}.ndim={value.ndim}" for name, value in inputs.items() if isinstance(value, np.ndarray)}
    shown |= {f"{name}={value}" for name, value in case.options.items()}
    if config["hidden_act"] != "gelu":
        shown.add("another activation")
    if case.past is not None:
        shown |= {"cached", f"cached, cross={'encoder_hidden_states' in inputs}"}
    if config["num_hidden_layers"] > 1:
        shown.add("several layers")
    return shown


def small_enough(case: Case) -> bool:
    """Whether a case is worth its bytes: few parameters, but several texts, tokens and heads."""
    config = case.config
    text = case.inputs["input_ids"] if "input_ids" in case.inputs else case.inputs["inputs_embeds"][..., 0]
    if config["num_attention_heads"] < 2 or text.shape[0] < 2 or text.shape[-1] < 3 or text.size > 24:
        return False
    if case.inputs.get("encoder_hidden_states", np.zeros(0)).size > 200:
        return False
    return build(case).num_parameters() <= MOST_PARAMETERS and not all_labels_ignored(case)


def all_labels_ignored(case: Case) -> bool:
    """Whether the loss would be NaN, whose gradients tell nothing."""
    inputs, labels = case.inputs, case.inputs.get("labels")
    if "start_positions" in inputs:
        tokens = (inputs["input_ids"] if "input_ids" in inputs else inputs["inputs_embeds"]).shape[1]
        return any((inputs[name] >= tokens).all() for name in ("start_positions", "end_positions"))
    if labels is None or labels.dtype.kind == "f":
        return False
    shifted = "Causal" in case.class_name or "LMHead" in case.class_name
    return bool((labels[:, 1:] == -100).all() if shifted else (labels == -100).all())


def build(case: Case) -> PreTrainedModel:
    """minibert's model of the case."""
    return getattr(mb, case.class_name)(getattr(mb, config_name(case.class_name))(**case.config), **case.options)


def choose(class_name: str, seen: set[str]) -> list[Case]:
    """The cases of this class that show the most, what other classes have shown counting little."""
    candidates = [case for seed in range(SEEDS) if small_enough(case := random_case(class_name, seed))]
    chosen: list[Case] = []
    shown: set[str] = set()
    for _ in range(CASES_A_CLASS):
        best = max(candidates, key=lambda case: (10 * len(features(case) - shown) + 3 * len(features(case) - seen)))
        chosen.append(best)
        candidates.remove(best)
        shown |= features(best)
        seen |= features(best)
    return chosen


def run(case: Case, double: bool) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """{output: array} and {parameter or input: gradient} by transformers."""
    import torch

    from tests.reference import runner

    model = runner.build(case, golden_weights(build(case).parameters.shapes))  # which also finds that names agree
    inputs = runner.tensors(case.inputs)
    if not double:
        model = model.float()
        inputs = {name: value.float() if torch.is_tensor(value) and value.is_floating_point() else value
                  for name, value in inputs.items()}  # fmt: skip
        if case.past is not None:
            case = Case(**{**vars(case), "past": {
                name: value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype == np.float64 else value
                for name, value in case.past.items()}})  # fmt: skip
    leaves = {name: inputs[name].requires_grad_() for name in LEAVES if name in inputs}
    output = runner.forward(model, case, inputs)
    outputs, total = {}, torch.zeros((), dtype=next(model.parameters()).dtype)
    for field, value in output.items():
        if field == "past_key_values":
            continue
        if field == "loss":
            value = runner.loss_in_double(case, output)
            total = total + 0.7 * value
        for i, part in enumerate(value if isinstance(value, tuple) else [value]):
            key = f"{field}/{i}" if isinstance(value, tuple) else field
            outputs[key] = part.detach().numpy()
            if field != "loss":
                total = total + (part * torch.tensor(derived(key, tuple(part.shape)), dtype=part.dtype)).sum()
    total.backward()
    named = dict(model.named_parameters())
    gradients = {name: tensor.grad.numpy() for name, tensor in named.items() if tensor.grad is not None}
    gradients.update({name: leaf.grad.numpy() for name, leaf in leaves.items() if leaf.grad is not None})
    return outputs, gradients


def noise(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    """The largest difference between float32 and float64, relative to each array's largest value (1 at least)."""
    return max(
        float(np.abs(one[name] - other[name]).max(initial=0.0)) / max(1.0, float(np.abs(one[name]).max(initial=0.0)))
        for name in one
    )


def plain(inputs: dict[str, Any] | None, prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, Any] | None:
    """Arrays go to the file; what is left, and the names of the arrays, to the manifest."""
    if inputs is None:
        return None
    for name, value in inputs.items():
        if isinstance(value, np.ndarray):
            arrays[f"{prefix}/{name}"] = np.array(value, order="C")
    return {name: None if isinstance(value, np.ndarray) else value for name, value in inputs.items()}


def main() -> None:
    """Write both files."""
    import torch
    import transformers
    from safetensors.numpy import save_file

    torch.set_num_threads(1)
    arrays: dict[str, np.ndarray] = {}
    cases: list[dict[str, Any]] = []
    seen: set[str] = set()
    for class_name in CLASSES:
        for case in choose(class_name, seen):
            outputs, gradients = run(case, double=True)
            if any(np.isnan(array).any() for array in outputs.values()):
                raise SystemExit(f"{class_name} seed {case.seed} has NaN")
            narrow, narrow_gradients = run(case, double=False)
            key = f"{class_name}/{case.seed}"
            cases.append({
                "class_name": class_name, "seed": case.seed, "config": case.config, "options": case.options,
                "inputs": plain(case.inputs, f"{key}/inputs", arrays), "past": plain(case.past, f"{key}/past", arrays),
                "float32_noise": {"outputs": noise(outputs, narrow), "gradients": noise(gradients, narrow_gradients)},
            })  # fmt: skip
            arrays.update({f"{key}/outputs/{name}": np.array(a, order="C") for name, a in outputs.items()})
            arrays.update({f"{key}/gradients/{name}": np.array(a, order="C") for name, a in gradients.items()})
            print(f"{key}: {sum(a.size for a in gradients.values())} gradients, {sorted(features(case))}")
    manifest = {
        "command": "python -m tests.stored_values.make_models",
        "versions": {"python": sys.version.split()[0], "numpy": np.__version__, "torch": torch.__version__,
                     "transformers": transformers.__version__},
        "weights": "golden_weights of tests/stored_values/derived.py",
        "upstream": "0.7 for the loss, derived(name of the output) for every other",
        "cases": cases,
    }  # fmt: skip
    save_file(arrays, HERE / "models.safetensors")
    (HERE / "models.json").write_text(json.dumps(manifest, indent=1) + "\n")
    (HERE / "models.safetensors").chmod(0o644)
    size = sum((HERE / name).stat().st_size for name in ("models.safetensors", "models.json"))
    print(f"{len(cases)} cases, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
