"""The tasks by name, and which model classes have them."""

from typing import Any

from minibert.errors import InputError

# task -> (module in minibert.pipelines, class, Auto class, endings of the model classes that have it)
TASKS: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "fill-mask": ("fill_mask", "FillMaskPipeline", "AutoModelForMaskedLM", ("ForMaskedLM", "ForPreTraining")),
    "text-classification": (
        "text_classification", "TextClassificationPipeline", "AutoModelForSequenceClassification",
        ("ForSequenceClassification",),
    ),
    "token-classification": (
        "token_classification", "TokenClassificationPipeline", "AutoModelForTokenClassification",
        ("ForTokenClassification",),
    ),
    "question-answering": (
        "question_answering", "QuestionAnsweringPipeline", "AutoModelForQuestionAnswering", ("ForQuestionAnswering",),
    ),
    "next-sentence-prediction": (
        "next_sentence_prediction", "NextSentencePredictionPipeline", "AutoModelForNextSentencePrediction",
        ("ForNextSentencePrediction", "ForPreTraining"),
    ),
    "multiple-choice": (
        "multiple_choice", "MultipleChoicePipeline", "AutoModelForMultipleChoice", ("ForMultipleChoice",),
    ),
    "text-generation": (
        "text_generation", "TextGenerationPipeline", "AutoModelForCausalLM", ("ForCausalLM", "LMHeadModel"),
    ),
    "feature-extraction": ("feature_extraction", "FeatureExtractionPipeline", "AutoModel", ("",)),
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


def tasks_of(class_name: str) -> list[str]:
    """The tasks that a model class has, the one it is for first; every class has feature-extraction.

    >>> tasks_of("BertForPreTraining")
    ['fill-mask', 'next-sentence-prediction', 'feature-extraction']
    """
    return [task for task, (_, _, _, endings) in TASKS.items() if class_name.endswith(endings)]


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
        endings = " or ".join(f"...{ending}" for ending in TASKS[task][3])
        raise InputError(
            f"model is missing, and none is shipped for {task}: give a checkpoint (a folder or a name) of a class "
            f"{endings}. Tasks with a shipped model: {having}."
        )
    return DEFAULT_MODELS[task]
