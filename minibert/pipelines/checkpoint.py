"""What a pipeline loads: a checkpoint's model in the class of the task, and its tokenizer."""

import os
import warnings
from typing import Any

from minibert.errors import ConfigError, InputError
from minibert.models import auto
from minibert.pipelines.tasks import TASKS, tasks_of
from minibert.pipelines.untrained import check_saved_for
from minibert.tokenizers.auto import AutoTokenizer
from minibert.weights import HUB_OPTIONS


class Checkpoint:
    """A checkpoint, a folder or a name, and what is asked of it.

    Attributes:
        source: the folder or the name.
        asked: arguments of the model's `from_pretrained`.
        hub: those of them that say which files to read.
    """

    def __init__(self, source: str | os.PathLike[str], asked: dict[str, Any]) -> None:
        self.source = source
        self.asked = asked
        self.hub = {name: asked[name] for name in HUB_OPTIONS if name in asked}

    def task(self) -> str:
        """The task of the class that it was saved as."""
        return tasks_of(auto.class_of_checkpoint(self.source, **self.hub))[0]

    def load_model(self, task: str, allow_untrained: bool) -> Any:
        """The model, in the task's class. If it has no such head a new one is drawn, which is told apart later.

        Raises:
            InputError: the family has not the task, or the checkpoint is of another one.
            ConfigError, WeightFileError: it cannot be read.
        """
        config = self._config()
        made = _class_for(task, config)
        if not allow_untrained:
            check_saved_for(task, config, self.source)  # before shapes are compared, which would say less
        if task == "text-generation" and not (config.is_decoder or self.asked.get("is_decoder")):
            raise InputError(
                f"{self.source} is an encoder, whose tokens see those after them: text-generation needs a checkpoint "
                "with is_decoder=true in its config.json (model_kwargs={'is_decoder': True} reads this one as a "
                "decoder)."
            )
        with warnings.catch_warnings():
            # a new head is an error of the pipeline's own, and needs no warning besides
            warnings.filterwarnings("ignore", message=".*drawn anew from seed")
            return made.from_pretrained(self.source, **self.asked)

    def _config(self) -> Any:
        """The configuration that was given, or the checkpoint's."""
        given = self.asked.get("config")
        if isinstance(given, str | os.PathLike):
            given = self.asked["config"] = auto.AutoConfig.from_pretrained(given, **self.hub)
        return given or auto.AutoConfig.from_pretrained(self.source, **self.hub)


def _class_for(task: str, config: Any) -> Any:
    try:
        return getattr(auto, TASKS[task].auto_class).class_for(config)
    except ConfigError:
        having = [name for name in TASKS if _has(name, config)]
        raise InputError(f"{config.model_type} models have no {task}: their tasks are {', '.join(having)}.") from None


def _has(task: str, config: Any) -> bool:
    try:
        getattr(auto, TASKS[task].auto_class).class_for(config)
    except ConfigError:
        return False
    return True


def load_tokenizer(tokenizer: Any, hub: dict[str, Any]) -> Any:
    """The tokenizer itself, or the one of a folder or a name. Raises InputError if there is none."""
    if tokenizer is None:
        raise InputError(
            "tokenizer is missing: it is found by itself only where model is a checkpoint's folder or name."
        )
    if isinstance(tokenizer, str | os.PathLike):
        return AutoTokenizer.from_pretrained(os.fspath(tokenizer), **hub)
    return tokenizer
