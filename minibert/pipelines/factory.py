"""`pipeline(task, model=...)`: the right class of pipeline, with its model and tokenizer loaded."""

import importlib
import os
import warnings
from typing import Any

from minibert.backend import backend_of_device
from minibert.errors import ConfigError, InputError
from minibert.pipelines.base import Pipeline
from minibert.pipelines.tasks import TASKS, check_task, default_model, tasks_of
from minibert.pipelines.untrained import check_saved_for
from minibert.weights import HUB_OPTIONS

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
    """
    for name in _ACCEPTED:
        options.pop(name, None)
    if model is None:
        model = _shipped_model(task)
    task = None if task is None else check_task(task)
    source = model if isinstance(model, str | os.PathLike) else None
    place = device if device is not None else device_map
    asked = {"config": config, "dtype": dtype, "torch_dtype": torch_dtype, "revision": revision, "token": token,
             **(model_kwargs or {})}  # fmt: skip
    asked = {name: value for name, value in asked.items() if value is not None}
    if source is None:
        task = task or tasks_of(type(model))[0]
        _check_class(task, type(model))
        _check_loaded(asked)
        if place is not None:
            model.to(backend_of_device(place))
    else:
        hub = {name: asked[name] for name in HUB_OPTIONS if name in asked}
        task = task or _task_of_checkpoint(source, hub)
        if place is not None:
            asked["device_map"] = place
        if task == "feature-extraction":
            asked["add_pooling_layer"] = options.get("pooling") == "pooler"
        model = _load_model(task, source, asked, hub, allow_untrained)
    cls = getattr(importlib.import_module(f"minibert.pipelines.{TASKS[task].module}"), TASKS[task].pipeline)
    return cls(
        model, _load_tokenizer(tokenizer, source, {} if source is None else hub),
        batch_size=batch_size, progress=progress, allow_untrained=allow_untrained, **options,
    )  # fmt: skip


def _shipped_model(task: str | None) -> str:
    from minibert.weights import shipped_folder

    name = default_model(task)
    if shipped_folder(name) is None:  # a name that is found nowhere must not become a download
        raise InputError(f"model is missing, and {name}, which answers {task} by default, is not in this installation.")
    return name


def _check_class(task: str, made: type) -> None:
    if task not in tasks_of(made):
        raise InputError(
            f"the model is a {made.__name__}, which has no {task}: its tasks are {', '.join(tasks_of(made))}."
        )


def _check_loaded(asked: dict[str, Any]) -> None:
    if asked:
        raise InputError(
            f"{', '.join(asked)} was given with a model that is loaded already: give it to the model's "
            "from_pretrained, or give the pipeline the checkpoint's folder or name."
        )


def _load_tokenizer(tokenizer: Any, source: Any, hub: dict[str, Any]) -> Any:
    """The tokenizer, read from its own folder or the model's."""
    if tokenizer is None and source is None:
        raise InputError(
            "tokenizer is missing: it is found by itself only where model is a checkpoint's folder or name."
        )
    if tokenizer is not None and not isinstance(tokenizer, str | os.PathLike):
        return tokenizer
    from minibert.tokenizers.auto import AutoTokenizer

    return AutoTokenizer.from_pretrained(os.fspath(source if tokenizer is None else tokenizer), **hub)


def _task_of_checkpoint(source: Any, hub: dict[str, Any]) -> str:
    from minibert.models.auto import class_of_checkpoint

    return tasks_of(class_of_checkpoint(source, **hub))[0]


def _load_model(task: str, source: Any, options: dict[str, Any], hub: dict[str, Any], allow_untrained: bool) -> Any:
    """The checkpoint in the task's class. What has no such head is loaded with a new one, which is told apart later."""
    from minibert.models import auto

    auto_class = getattr(auto, TASKS[task].auto_class)
    if isinstance(options.get("config"), str | os.PathLike):
        options["config"] = auto.AutoConfig.from_pretrained(options["config"], **hub)
    config = options.get("config") or auto.AutoConfig.from_pretrained(source, **hub)
    try:
        cls = auto_class.class_for(config)
    except ConfigError:
        having = [name for name in TASKS if _has_class(getattr(auto, TASKS[name].auto_class), config)]
        raise InputError(f"{config.model_type} models have no {task}: their tasks are {', '.join(having)}.") from None
    if not allow_untrained:
        check_saved_for(task, config, source)  # before shapes are compared, which would say less
    if task == "text-generation" and not (config.is_decoder or options.get("is_decoder")):
        raise InputError(
            f"{source} is an encoder, whose tokens see those after them: text-generation needs a checkpoint with "
            "is_decoder=true in its config.json (model_kwargs={'is_decoder': True} reads this one as a decoder)."
        )
    with warnings.catch_warnings():
        # a new head is an error of the pipeline's own, and needs no warning besides
        warnings.filterwarnings("ignore", message=".*drawn anew from seed")
        return cls.from_pretrained(source, **options)


def _has_class(auto_class: Any, config: Any) -> bool:
    try:
        auto_class.class_for(config)
    except ConfigError:
        return False
    return True
