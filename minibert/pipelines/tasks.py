"""The tasks by name, and which model classes have them."""

from typing import Any, NamedTuple

from minibert.errors import InputError


class Task(NamedTuple):
    """A task of a pipeline."""

    module: str  # in minibert.pipelines
    pipeline: str  # the class there
    auto_class: str
    served_by: tuple[str, ...]  # the tasks of model classes that it can be done with; () for every class
    class_names: str = ""  # how such classes are called, for messages


TASKS = {
    "fill-mask": Task(
        "fill_mask", "FillMaskPipeline", "AutoModelForMaskedLM", ("masked-lm", "pre-training"),
        "...ForMaskedLM or ...ForPreTraining",
    ),
    "text-classification": Task(
        "text_classification", "TextClassificationPipeline", "AutoModelForSequenceClassification",
        ("sequence-classification",), "...ForSequenceClassification",
    ),
    "token-classification": Task(
        "token_classification", "TokenClassificationPipeline", "AutoModelForTokenClassification",
        ("token-classification",), "...ForTokenClassification",
    ),
    "question-answering": Task(
        "question_answering", "QuestionAnsweringPipeline", "AutoModelForQuestionAnswering", ("question-answering",),
        "...ForQuestionAnswering",
    ),
    "next-sentence-prediction": Task(
        "next_sentence_prediction", "NextSentencePredictionPipeline", "AutoModelForNextSentencePrediction",
        ("next-sentence-prediction", "pre-training"), "...ForNextSentencePrediction or ...ForPreTraining",
    ),
    "multiple-choice": Task(
        "multiple_choice", "MultipleChoicePipeline", "AutoModelForMultipleChoice", ("multiple-choice",),
        "...ForMultipleChoice",
    ),
    "text-generation": Task(
        "text_generation", "TextGenerationPipeline", "AutoModelForCausalLM", ("causal-lm",),
        "...ForCausalLM or ...LMHeadModel",
    ),
    "feature-extraction": Task("feature_extraction", "FeatureExtractionPipeline", "AutoModel", ()),
}  # fmt: skip
ALIASES = {"ner": "token-classification", "sentiment-analysis": "text-classification"}
# the shipped models that answer where none is named
DEFAULT_MODELS = {
    "fill-mask": "tiny-bert", "token-classification": "tiny-bert-pos", "feature-extraction": "tiny-bert",
}  # fmt: skip


def check_task(task: Any) -> str:
    """The task's own name. Raises InputError that lists the tasks."""
    if not isinstance(task, str):
        raise InputError(f"task is a {type(task).__name__}: give one of {', '.join(TASKS)}.")
    name = ALIASES.get(task, task)
    if name not in TASKS:
        also = ", ".join(f"{alias} for {meant}" for alias, meant in ALIASES.items())
        raise InputError(f"there is no task {task!r}: the tasks are {', '.join(TASKS)} (also {also}).")
    return name


def tasks_of(model_class: Any) -> list[str]:
    """The tasks that a model class has, the one it is for first; every class has feature-extraction.

    >>> import minibert
    >>> tasks_of(minibert.BertForPreTraining)
    ['fill-mask', 'next-sentence-prediction', 'feature-extraction']
    """
    own = getattr(model_class, "task", None)
    return [name for name, task in TASKS.items() if not task.served_by or own in task.served_by]


def default_model(task: str | None) -> str:
    """The name of the shipped model that answers a task where none is given. Raises InputError that says what to give.

    >>> default_model("ner")
    'tiny-bert-pos'
    """
    having = ", ".join(f"{name} ({model})" for name, model in DEFAULT_MODELS.items())
    if task is None:
        raise InputError(
            f"neither task nor model is given: name a task that has a shipped model, {having}, or a model."
        )
    task = check_task(task)
    if task not in DEFAULT_MODELS:
        raise InputError(
            f"model is missing, and none is shipped for {task}: give a checkpoint (a folder or a name) of a class "
            f"{TASKS[task].class_names}. Tasks with a shipped model: {having}."
        )
    return DEFAULT_MODELS[task]
