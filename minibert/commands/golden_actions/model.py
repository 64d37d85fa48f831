"""The model that golden packs are made of, or compared with."""

from typing import Any


def load_model(name: str, class_name: str | None, dtype: str | None, seed: int = 0) -> Any:
    """The checkpoint as a model of this class, or of the class that it says it is of."""
    import minibert
    from minibert.errors import InputError
    from minibert.golden.recording.family import overrides_for
    from minibert.models.files import PreTrainedModel

    if class_name is None:
        class_name = (getattr(minibert.AutoConfig.from_pretrained(name), "architectures", None) or [None])[0]
    made: Any = getattr(minibert, class_name or "AutoModel", None)
    if class_name is not None and not (isinstance(made, type) and issubclass(made, PreTrainedModel)):
        raise InputError(f"{class_name} is not a model class of minibert: give one with --class.")
    overrides = {} if class_name is None else overrides_for(made)
    return made.from_pretrained(name, dtype=dtype, seed=seed, **overrides)
