"""The classes of a model's family, and a model of another of them with the same encoder."""

from typing import Any

from minibert.models.files import PreTrainedModel

_HEADS = {
    "bert": ["BertForPreTraining", "BertForMaskedLM", "BertLMHeadModel", "BertForNextSentencePrediction",
             "BertForSequenceClassification", "BertForMultipleChoice", "BertForTokenClassification",
             "BertForQuestionAnswering"],
    "roberta": ["RobertaForMaskedLM", "RobertaForCausalLM", "RobertaForSequenceClassification",
                "RobertaForMultipleChoice", "RobertaForTokenClassification", "RobertaForQuestionAnswering"],
    "rembert": ["RemBertForMaskedLM", "RemBertForCausalLM", "RemBertForSequenceClassification",
                "RemBertForMultipleChoice", "RemBertForTokenClassification", "RemBertForQuestionAnswering"],
}  # fmt: skip
_BARE = {"bert": "BertModel", "roberta": "RobertaModel", "rembert": "RemBertModel"}


def bare_class(model: PreTrainedModel) -> type[PreTrainedModel]:
    """The class of the family that has no head."""
    return _class(_BARE[model.config.model_type])


def head_classes(model: PreTrainedModel) -> list[type[PreTrainedModel]]:
    """Every class of the family that has a head."""
    return [_class(name) for name in _HEADS[model.config.model_type]]


def _class(name: str) -> type[PreTrainedModel]:
    import minibert

    return getattr(minibert, name)


def overrides_for(class_name: str) -> dict[str, Any]:
    """Fields of the configuration that a class cannot do without."""
    if class_name.endswith(("CausalLM", "LMHeadModel")):
        return {"is_decoder": True, "use_cache": False}
    if class_name.endswith("QuestionAnswering"):
        return {"num_labels": 2, "id2label": {0: "LABEL_0", 1: "LABEL_1"}, "label2id": {"LABEL_0": 0, "LABEL_1": 1}}
    return {}


def sibling(model: PreTrainedModel, made: type[PreTrainedModel]) -> PreTrainedModel:
    """A model of another class of the family with the same encoder; what else it has is drawn from seed 0."""
    fields = {**model.config.to_dict(), **overrides_for(made.__name__)}
    own = made(type(model.config).from_dict(fields), dtype=model.dtype, backend=model.backend, _new=False)
    prefix = f"{model.base_model_prefix}."
    arrays = {name.removeprefix(prefix): array for name, array in model.parameters.items()}
    for name, shape in own.parameters.shapes.items():
        array = arrays.get(name.removeprefix(prefix))
        if array is not None and array.shape == shape:
            own.parameters[name] = array
    fresh = [name for name in own.parameters.shapes if name not in own.parameters]
    own.parameters.initialise(fresh, 0, own.config.initializer_range)
    return own
