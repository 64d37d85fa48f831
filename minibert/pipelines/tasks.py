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
