"""Whether a model's head was ever trained, and for this task."""

from collections.abc import Callable
from typing import Any

from minibert.errors import InputError
from minibert.models.auto import class_named
from minibert.pipelines.tasks import tasks_of

_CLASSIFYING = ("text-classification", "token-classification", "multiple-choice")
# the tasks of the model classes that do these
_CLASSIFIERS = ("sequence-classification", "token-classification", "multiple-choice")


def untrained_parts(model: Any, needed: Callable[[list[str]], list[str]] = list) -> list[str]:
    """The parameters that were drawn at random when the model was loaded, and have not been trained since.

    New biases are zero, and the first step of training moves them: if one of the drawn biases is not zero, the
    head has been trained. A model that was made from a configuration, not loaded, was drawn on purpose.

    Args:
        needed: which of these parameters count, by their names; by default all.
    """
    report = getattr(model, "load_report", None)
    if report is None:
        return []
    drawn = needed(list(report.initialised))
    biases = [name for name in drawn if name.endswith("bias")]
    if any(model.parameters[name].any().item() for name in biases):
        return []
    return drawn


def check_saved_for(task: str, config: Any, source: Any) -> None:
    """Raise InputError if a checkpoint holds the classifier of another task.

    Classes of texts, of tokens and of choices have parameters of the same names, so that one would be read as the
    other and predict nonsense.
    """
    for name in getattr(config, "architectures", None) or []:
        saved = class_named(name)
        classifies = getattr(saved, "task", None) in _CLASSIFIERS and task in _CLASSIFYING
        if classifies and task not in tasks_of(saved):
            raise InputError(
                f"{source} was saved as {name}, whose classifier is not one for {task}: its tasks are "
                f"{', '.join(tasks_of(saved))}. Train it for the task first, or give allow_untrained=True to see its "
                "answers all the same."
            )


def check_trained(model: Any, task: str, needed: Callable[[list[str]], list[str]] = list) -> None:
    """Raise InputError if what the task needs was drawn at random, or trained for another task."""
    if getattr(model, "load_report", None) is not None:
        check_saved_for(task, model.config, model.load_report.source)
    drawn = untrained_parts(model, needed)
    if drawn:
        shown = ", ".join(drawn[:4]) + (f" and {len(drawn) - 4} more" if len(drawn) > 4 else "")
        saved_as = getattr(model.config, "architectures", None) or []
        tasks = list(dict.fromkeys(name for saved in saved_as for name in tasks_of(class_named(saved)) if name != task))
        has = f" Its tasks are {', '.join(tasks)}." if tasks else ""
        raise InputError(
            f"{model.load_report.source} has no trained head for {task}: {shown} would be random.{has} Train it for "
            "the task first, or give allow_untrained=True to see random answers."
        )
