"""What transformers' `from_pretrained` also takes: what each argument means here, and which are refused.

What asks only for how transformers works inside (memory while loading, code of strangers, another kernel with the
same numbers) is passed over. What asks for other numbers or other files is refused in a sentence, never ignored.
"""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from minibert.backend import backend_of_device
from minibert.errors import ConfigError

# nothing here does what these turn on or off
_WITHOUT_MEANING = (
    "trust_remote_code",  # no code of a checkpoint is ever run
    "code_revision",
    "low_cpu_mem_usage",  # weights are mapped from the file
    "use_safetensors",
    "weights_only",
    "resume_download",
    "from_auto_class",
    "_fast_init",
)
_ATTENTIONS = (None, "eager", "sdpa")
_QUANTIZED = ("quantization_config", "load_in_8bit", "load_in_4bit")
_FOREIGN = ("from_tf", "from_flax")
_OTHER_FILES = ("subfolder", "variant", "gguf_file", "adapter_kwargs")


def take_options(options: dict[str, Any], caller: str) -> dict[str, Any]:
    """The options without those of transformers that change nothing here.

    Args:
        caller: whose options they are, for the messages.

    Raises:
        ConfigError: one asks for what minibert does not do.
    """
    given = {name: value for name, value in options.items() if value not in (None, False, "")}
    if "use_safetensors" in options and options["use_safetensors"] is False:
        raise ConfigError("use_safetensors=False asks for a pickle, which can run any code: only safetensors are read.")
    for name in _QUANTIZED:
        if name in given:
            raise ConfigError(
                f"{caller} takes no {name}: minibert computes in float32, float64 or float16 and has no quantized "
                "arithmetic; leave it out."
            )
    for name in _FOREIGN:
        if name in given:
            raise ConfigError(
                f"{caller} takes no {name}: only safetensors are read; convert the checkpoint with transformers' "
                "save_pretrained first."
            )
    for name in _OTHER_FILES:
        if name in given:
            raise ConfigError(
                f"{caller} takes no {name} ({given[name]!r}): give the folder that holds config.json and "
                "model.safetensors."
            )
    attention = options.get("attn_implementation")
    if attention not in _ATTENTIONS:
        raise ConfigError(
            f"attn_implementation is {attention!r}: minibert has one attention, which gives the numbers of 'eager' "
            "and 'sdpa' (both are accepted); leave it out."
        )
    passed_over = (*_WITHOUT_MEANING, *_QUANTIZED, *_FOREIGN, *_OTHER_FILES, "attn_implementation")
    return {name: value for name, value in options.items() if name not in passed_over}


def choose_backend(backend: str | None, device_map: Any) -> str | None:
    """The backend that either names, None for the default. Raises ConfigError where they contradict each other."""
    if device_map is None:
        return backend
    meant = backend_of_device(device_map)
    if backend is not None and backend != meant:
        raise ConfigError(f"backend is {backend!r}, but device_map {device_map!r} means {meant!r}: give one of them.")
    return meant


def choose_dtype(dtype: Any, torch_dtype: Any, config: Mapping[str, Any]) -> Any:
    """The dtype that either names; "auto" is what the configuration says the checkpoint is in, bfloat16 as float32.

    Raises:
        ConfigError: the two differ.
    """
    if dtype is not None and torch_dtype is not None and str(dtype) != str(torch_dtype):
        raise ConfigError(f"dtype is {dtype!r}, but torch_dtype, its old name, {torch_dtype!r}: give one of them.")
    dtype = torch_dtype if dtype is None else dtype
    if isinstance(dtype, str) and dtype == "auto":
        stored = config.get("dtype") or config.get("torch_dtype")
        return None if stored == "bfloat16" else stored
    return dtype


def suggestion(name: str, known: Iterable[str]) -> str:
    """" (did you mean 'num_labels'?)", or "" where nothing is near."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
