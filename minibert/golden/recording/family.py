"""The classes of a model's family, and a model of another of them with the same encoder."""

from typing import Any

from minibert.models.auto import classes_of
from minibert.models.files import PreTrainedModel

_HEADS = ("pre-training", "masked-lm", "causal-lm", "next-sentence-prediction", "sequence-classification",
          "multiple-choice", "token-classification", "question-answering")  # fmt: skip


def bare_class(model: PreTrainedModel) -> type[PreTrainedModel]:
    """The class of the family that has no head."""
    return classes_of(model.config.model_type)["encoder"]


def head_classes(model: PreTrainedModel) -> list[type[PreTrainedModel]]:
    """Every class of the family that has a head."""
    classes = classes_of(model.config.model_type)
    return [classes[task] for task in _HEADS if task in classes]


def overrides_for(made: type[PreTrainedModel]) -> dict[str, Any]:
    """Fields of the configuration that a class needs; a decoder's passes are recorded without a cache."""
    return {**made.needs, "use_cache": False} if made.task == "causal-lm" else dict(made.needs)


def sibling(model: PreTrainedModel, made: type[PreTrainedModel]) -> PreTrainedModel:
    """A model of another class of the family with the same encoder; what else it has is drawn from seed 0."""
    config = type(model.config).from_dict(model.config.to_dict()).changed(overrides_for(made))
    own = made(config, dtype=model.dtype, backend=model.backend, _new=False)
    prefix = f"{model.base_model_prefix}."
    arrays = {name.removeprefix(prefix): array for name, array in model.parameters.items()}
    for name, shape in own.parameters.shapes.items():
        array = arrays.get(name.removeprefix(prefix))
        if array is not None and array.shape == shape:
            own.parameters[name] = array
    fresh = [name for name in own.parameters.shapes if name not in own.parameters]
    own.parameters.initialise(fresh, 0, own.config.initializer_range)
    return own
