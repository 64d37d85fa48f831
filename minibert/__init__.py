"""minibert: every number inside BERT, RoBERTa and RemBERT, in plain NumPy.

The public names are found where `_HOME` says, on first use, so that `import minibert` itself
imports nothing heavy.
"""

import importlib
from typing import Any

from minibert.forms import attach_forms

__version__ = "0.1.0"

# public name -> the module that defines it
_HOME: dict[str, str] = {
    **dict.fromkeys(
        ["MinibertError", "InputError", "ConfigError", "WeightFileError", "TokenizerError", "TraceError",
         "BackendError", "OutputError", "NotFiniteError", "MinibertWarning", "NewWeightsWarning", "InputWarning",
         "OptionWarning", "SlowWarning"],
        "errors",
    ),
    **dict.fromkeys(["PretrainedConfig", "BertConfig", "RobertaConfig", "RemBertConfig"], "models.config"),
    **dict.fromkeys(
        ["BertModel", "BertForPreTraining", "BertLMHeadModel", "BertForMaskedLM", "BertForNextSentencePrediction",
         "BertForSequenceClassification", "BertForMultipleChoice", "BertForTokenClassification",
         "BertForQuestionAnswering"],
        "models.bert",
    ),
    **dict.fromkeys(
        ["RobertaModel", "RobertaForCausalLM", "RobertaForMaskedLM", "RobertaForSequenceClassification",
         "RobertaForMultipleChoice", "RobertaForTokenClassification", "RobertaForQuestionAnswering"],
        "models.roberta",
    ),
    **dict.fromkeys(
        ["RemBertModel", "RemBertForCausalLM", "RemBertForMaskedLM", "RemBertForSequenceClassification",
         "RemBertForMultipleChoice", "RemBertForTokenClassification", "RemBertForQuestionAnswering"],
        "models.rembert",
    ),
    **dict.fromkeys(
        ["AutoConfig", "AutoModel", "AutoModelForPreTraining", "AutoModelForMaskedLM", "AutoModelForCausalLM",
         "AutoModelForNextSentencePrediction", "AutoModelForSequenceClassification",
         "AutoModelForTokenClassification", "AutoModelForQuestionAnswering", "AutoModelForMultipleChoice"],
        "models.auto",
    ),
    "Cache": "models.cache",
    "pipeline": "pipelines.factory",
    "Edit": "trace",
    "Trace": "trace",
    "TracePoint": "trace",
    "Stepper": "inspection.stepper",
    **dict.fromkeys(["TextStreamer", "GenerateOutput"], "generation"),
    "logit_lens": "inspection.logit_lens",
    **dict.fromkeys(["attention_rollout", "head_importance"], "inspection.attention"),
    **dict.fromkeys(["gradient_x_input", "integrated_gradients"], "inspection.attributions"),
    **dict.fromkeys(["explore", "plot_attention", "plot_logit_lens"], "explorer"),
    **dict.fromkeys(["set_threads", "get_threads", "threads"], "running.threads"),
    "to_numpy": "backend",
    "allow_tf32": "backend.device",
    "release_memory": "backend.device",
    "LossScaler": "training.trainer.loss_scaling",
    "gradcheck": "inspection.gradient_check",
    **dict.fromkeys(["exercises", "exercise"], "course.catalogue"),
    "AdamW": "training.adamw",
    "SGD": "training.sgd",
    "clip_grad_norm": "training.clipping",
    **dict.fromkeys(
        ["get_scheduler", "get_constant_schedule", "get_constant_schedule_with_warmup",
         "get_linear_schedule_with_warmup", "get_cosine_schedule_with_warmup",
         "get_cosine_with_hard_restarts_schedule_with_warmup", "get_polynomial_decay_schedule_with_warmup",
         "get_inverse_sqrt_schedule"],
        "training.schedules",
    ),
    **dict.fromkeys(
        ["DataCollatorWithPadding", "DataCollatorForTokenClassification", "DataCollatorForMultipleChoice",
         "default_data_collator"],
        "training.collators",
    ),
    **dict.fromkeys(["DataCollatorForLanguageModeling", "DataCollatorForWholeWordMask"], "training.language_modeling"),
    "NextSentenceDataset": "training.next_sentence",
    **dict.fromkeys(
        ["align_labels_with_words", "align_span_with_tokens", "encode_for_classification"], "training.alignment"
    ),
    **dict.fromkeys(["Trainer", "EvalPrediction"], "training.trainer.trainer"),
    "TrainingArguments": "training.trainer.arguments",
    "replay_masks": "training.trainer.replay",
    "plot_loss": "training.trainer.plot",
    **dict.fromkeys(["BertTokenizer", "BertTokenizerFast"], "tokenizers.bert"),
    **dict.fromkeys(["RobertaTokenizer", "RobertaTokenizerFast"], "tokenizers.roberta"),
    **dict.fromkeys(["RemBertTokenizer", "RemBertTokenizerFast"], "tokenizers.rembert"),
    **dict.fromkeys(["AddedToken"], "tokenizers.stages.added_tokens"),
    **dict.fromkeys(["BatchEncoding"], "tokenizers.calls.batch_encoding"),
    **dict.fromkeys(["AutoTokenizer"], "tokenizers.auto"),
    "train_bpe": "tokenizers.training.bpe",
    "train_unigram": "tokenizers.training.unigram",
    "train_wordpiece": "tokenizers.training.wordpiece",
}  # fmt: skip

# array library -> the modules whose forms stand in for plain steps on its arrays (see forms.py)
_FORMS: dict[str, list[str]] = {
    "numpy": ["running.half_precision", "running.blocks", "running.in_place", "running.checkpointing",
              "running.chunks", "running.parts", "running.first_token", "running.padding"],
    "cupy": ["kernels.primitives", "kernels.steps", "kernels.optimizers"],
}  # fmt: skip

for _library, _modules in _FORMS.items():
    attach_forms(_library, *(f"minibert.{module}" for module in _modules))

_SUBMODULES = ("backend", "functional", "golden", "models", "tokenizers", "weights")

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f"minibert.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    if name in _SUBMODULES:
        return importlib.import_module(f"minibert.{name}")
    raise AttributeError(f"module 'minibert' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_SUBMODULES})
