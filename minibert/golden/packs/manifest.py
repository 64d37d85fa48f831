"""What a golden pack says about its arrays: whose they are, by which rules, how exact, with which bytes.

Everything in it follows from the model, the inputs and the installed versions: no time, no name of a machine or a
folder, so the same command writes the same bytes.
"""

import hashlib
import json
import platform
from typing import Any

import numpy as np

from minibert.backend import to_numpy
from minibert.models.files import PreTrainedModel

FORMAT = 1
KEY, DIGEST_KEY = "minibert.golden", "minibert.golden.sha256"
_BLOCK = 1 << 20
_TANH_GELUS = {"gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_accurate", "gelu_python_tanh"}


def canonical(value: Any) -> str:
    """JSON in one form only: no blanks, keys in the order they were put."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def text_digest(text: str) -> str:
    """sha256 of a text, in hex."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def array_digest(array: np.ndarray) -> str:
    """sha256 of an array's numbers in C order, little-endian, in hex."""
    flat = np.ascontiguousarray(array).reshape(-1)
    digest = hashlib.sha256()
    for start in range(0, flat.size, _BLOCK):
        part = flat[start : start + _BLOCK]
        digest.update(np.asarray(part, part.dtype.newbyteorder("<")).view(np.uint8).data)
    return digest.hexdigest()


def weight_digests(model: PreTrainedModel) -> dict[str, str]:
    """{parameter: sha256 of its numbers}. Of float64 that is only widened float32, the float32 numbers' own."""
    return {name: _number_digest(to_numpy(array)) for name, array in model.state_dict().items()}


def _number_digest(array: np.ndarray) -> str:
    narrow = array.astype(np.float32)
    return array_digest(narrow if array.dtype.itemsize <= 4 or np.array_equal(narrow, array) else array)


def weights_section(model: PreTrainedModel) -> dict[str, Any]:
    """The digest of all weights together, and of each."""
    each = weight_digests(model)
    return {"sha256": text_digest(canonical(each)), "parameters": each}


def model_section(model: PreTrainedModel) -> dict[str, Any]:
    """Class, dtype and configuration."""
    section: dict[str, Any] = {"class": type(model).__name__, "dtype": model.dtype.name}
    if hasattr(model, "add_pooling_layer"):
        section["add_pooling_layer"] = model.add_pooling_layer
    section["config"] = plain_config(model.config)
    return section


def sections_of_model(model: PreTrainedModel) -> dict[str, Any]:
    """All that a manifest says of a model: what it is, by which rules it computes, and its weights."""
    return {
        "model": model_section(model),
        "semantics": semantics_card(model.config, model.dtype, model.training),
        "weights": weights_section(model),
    }


def plain_config(config: Any) -> dict[str, Any]:
    """The configuration as JSON has it, without what says where it came from."""
    fields = json.loads(config.to_json_string())
    dropped = {"_name_or_path", "name_or_path", "transformers_version", "torch_dtype", "dtype", "architectures"}
    return {name: value for name, value in fields.items() if name not in dropped}


def semantics_card(config: Any, dtype: Any, training: bool) -> dict[str, str]:
    """The rules on which re-implementations differ, as this model follows them."""
    act = config.hidden_act if isinstance(config.hidden_act, str) else getattr(config.hidden_act, "__name__", "own")
    kind = config.model_type
    pad = config.pad_token_id
    least = float(np.finfo(np.dtype(dtype)).min)
    return {
        "activation": _activation_words(act),
        "attention mask": f"(1 - mask) * {least!r} ({np.dtype(dtype).name}'s least number) is added to the scores",
        "causal": "yes: a token sees itself and those before it" if config.is_decoder else "no",
        "dropout": f"on (hidden {config.hidden_dropout_prob}, attention {config.attention_probs_dropout_prob})"
        if training
        else "off (evaluation)",
        "dtype": np.dtype(dtype).name,
        "LayerNorm": f"after the residual sum (post-norm), biased variance, epsilon {config.layer_norm_eps!r} "
        "inside the root",
        "positions": f"RoBERTa's: {pad + 1}, {pad + 2}, ... over tokens other than padding, {pad} for padding"
        if kind == "roberta"
        else "0, 1, 2, ... from the first token, padding counted",
        "position embeddings": getattr(config, "position_embedding_type", "absolute"),
        "scores": f"divided by the root of the head's width, √{config.hidden_size // config.num_attention_heads}, "
        "before the mask is added",
    }


def _activation_words(act: str) -> str:
    if act == "gelu":
        return "gelu: x Φ(x), exact, with erf"
    if act in _TANH_GELUS:
        return f"{act}: GELU approximated with tanh"
    return act


def versions() -> dict[str, str]:
    """Of minibert, NumPy and Python."""
    import minibert

    return {"minibert": minibert.__version__, "numpy": np.__version__, "python": platform.python_version()}


def metadata(manifest: dict[str, Any]) -> dict[str, str]:
    """The manifest as a safetensors file carries it, with its own checksum."""
    text = canonical(manifest)
    return {"format": "np", KEY: text, DIGEST_KEY: text_digest(text)}
