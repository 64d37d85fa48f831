"""`pipeline(task, model=...)`: the right class of pipeline, with its model and tokenizer loaded."""

import importlib
import os
from typing import Any

from minibert.backend import backend_of_device
from minibert.errors import InputError
from minibert.pipelines.base import Pipeline
from minibert.pipelines.checkpoint import Checkpoint, load_tokenizer
from minibert.pipelines.tasks import TASKS, check_task, default_model, tasks_of

# transformers' arguments that mean nothing here
_ACCEPTED = ("use_fast", "trust_remote_code", "framework", "feature_extractor", "image_processor", "processor")


def pipeline(
    task: str | None = None,
    model: Any = None,
    config: Any = None,
    tokenizer: Any = None,
    *,
    device: Any = None,
    device_map: Any = None,
    dtype: Any = None,
    torch_dtype: Any = None,
    revision: str | None = None,
    token: str | bool | None = None,
    model_kwargs: dict[str, Any] | None = None,
    batch_size: int | None = None,
    progress: bool | None = None,
    allow_untrained: bool = False,
    **options: Any,
) -> Pipeline:
    """A pipeline: texts in, answers out.

    Args:
        task: "fill-mask", "text-classification" ("sentiment-analysis"), "token-classification" ("ner"),
            "question-answering", "next-sentence-prediction", "multiple-choice", "text-generation" or
            "feature-extraction"; by default what the model's class is for.
        model: a checkpoint (a folder or a name), or a model; by default the model shipped for the task, if one is.
        config: use this configuration instead of the checkpoint's.
        tokenizer: the same for the tokenizer; by default the model's checkpoint.
        device: -1 or "cpu" for NumPy; 0, "cuda" or "cupy" for the GPU; "auto" for the GPU if there is a usable one.
            `device_map` is another name of it. A model that is given is moved there.
        dtype: of the model, "float32", "float16", "float64" or "auto"; `torch_dtype` is its old name.
        revision, token: of a checkpoint given by a name on the Hugging Face Hub.
        model_kwargs: further arguments of the model's `from_pretrained`.
        batch_size: texts that the model gets at once, 16 by default.
        progress: whether to show a progress bar; by default on a terminal, from 64 inputs on.
        allow_untrained: predict even with a head whose weights were drawn at random when the model was loaded.
        options: defaults of the task's own options, such as `top_k`.

    Returns:
        The task's pipeline; call it with a text, a list of texts, or a generator.

    Raises:
        InputError: an unknown task or option, a model of another task, a head that was never trained.
        ConfigError, WeightFileError, TokenizerError: the checkpoint cannot be read.
        BackendError: the GPU was asked for and cannot be used.

    >>> import minibert as mb
    >>> fill = mb.pipeline("fill-mask")  # with the shipped model
    >>> fill("The opposite of hot is [MASK].")[0]["token_str"]
    'cold'
    """
    for name in _ACCEPTED:
        options.pop(name, None)
    model = _shipped_model(task) if model is None else model
    task = None if task is None else check_task(task)
    place = device if device is not None else device_map
    asked = {"config": config, "dtype": dtype, "torch_dtype": torch_dtype, "revision": revision, "token": token,
             **(model_kwargs or {})}  # fmt: skip
    asked = {name: value for name, value in asked.items() if value is not None}
    if isinstance(model, str | os.PathLike):
        checkpoint = Checkpoint(model, asked)
        task = task or checkpoint.task()
        if place is not None:
            checkpoint.asked["device_map"] = place
        if task == "feature-extraction":
            checkpoint.asked["add_pooling_layer"] = options.get("pooling") == "pooler"
        model = checkpoint.load_model(task, allow_untrained)
        tokenizer = load_tokenizer(checkpoint.source if tokenizer is None else tokenizer, checkpoint.hub)
    else:
        task = task or tasks_of(type(model))[0]
        _check_given(task, model, asked)
        if place is not None:
            model.to(backend_of_device(place))
        tokenizer = load_tokenizer(tokenizer, {})
    cls = getattr(importlib.import_module(f"minibert.pipelines.{TASKS[task].module}"), TASKS[task].pipeline)
    return cls(
        model, tokenizer, batch_size=batch_size, progress=progress, allow_untrained=allow_untrained, **options
    )


def _shipped_model(task: str | None) -> str:
    from minibert.weights import shipped_folder

    name = default_model(task)
    if shipped_folder(name) is None:  # a name that is found nowhere must not become a download
        raise InputError(f"model is missing, and {name}, which answers {task} by default, is not in this installation.")
    return name


def _check_given(task: str, model: Any, asked: dict[str, Any]) -> None:
    """Raise InputError if a loaded model has not the task, or something was asked of its loading."""
    name, tasks = type(model).__name__, tasks_of(type(model))
    if task not in tasks:
        raise InputError(f"the model is a {name}, which has no {task}: its tasks are {', '.join(tasks)}.")
    if asked:
        raise InputError(
            f"{', '.join(asked)} was given with a model that is loaded already: give it to the model's "
            "from_pretrained, or give the pipeline the checkpoint's folder or name."
        )
