"""Which examples stand on the documentation's pages, in their order, and which function of examples.py each is."""

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.documentation import examples as x
from tests.documentation.examples import BERT, REMBERT, ROBERTA

EMOTION = "cardiffnlp/twitter-roberta-base-emotion"
NER, TF_NER = "Jean-Baptiste/roberta-large-ner-english", "ydshieh/roberta-large-ner-english"
SQUAD, TF_SQUAD = "deepset/roberta-base-squad2", "ydshieh/roberta-base-squad2"
OLD = "roberta-base"  # the name before checkpoints had an owner


class Example(NamedTuple):
    """One example of a page."""

    page: str
    section: str
    function: Callable[..., dict[str, Any]]
    arguments: tuple[Any, ...]

    def run(self, lib: Any) -> dict[str, Any]:
        """What the example names, computed with this library."""
        return self.function(lib, *self.arguments)

    def __str__(self) -> str:
        return f"{self.page}: {self.section}"


def _tasks(page: str, family: str, name: str, mask: str, **of: str) -> list[Example]:
    """The examples that PyTorch's classes have on every page; `of` names the checkpoints of single tasks."""
    sequence, tokens, spans = of.get("sequence", name), of.get("tokens", name), of.get("spans", name)
    classifier = f"{family}ForSequenceClassification"
    return [
        Example(page, f"{family}ForMaskedLM", x.masked_lm, (f"{family}ForMaskedLM", name, mask)),
        Example(page, classifier, x.sequence_classification, (classifier, sequence)),
        Example(page, f"{classifier}, multi-label", x.multi_label_classification, (classifier, sequence)),
        Example(page, f"{family}ForMultipleChoice", x.multiple_choice, (f"{family}ForMultipleChoice", name)),
        Example(
            page, f"{family}ForTokenClassification", x.token_classification, (f"{family}ForTokenClassification", tokens)
        ),
        Example(page, f"{family}ForQuestionAnswering", x.question_answering, (f"{family}ForQuestionAnswering", spans)),
    ]


def _tensorflow(page: str, family: str, name: str, mask: str, **of: str) -> list[Example]:
    """The TensorFlow classes: inputs as one argument, a number as label."""
    sequence, tokens, spans = of.get("sequence", name), of.get("tokens", name), of.get("spans", name)
    one = "one argument"
    return [
        Example(page, f"TF{family}Model", x.bare_model, (f"{family}Model", name, one)),
        Example(page, f"TF{family}ForCausalLM", x.causal_as_it_is, (f"{family}ForCausalLM", name, one)),
        Example(page, f"TF{family}ForMaskedLM", x.masked_lm, (f"{family}ForMaskedLM", name, mask)),
        Example(
            page, f"TF{family}ForSequenceClassification", x.sequence_classification,
            (f"{family}ForSequenceClassification", sequence, 1),
        ),
        Example(page, f"TF{family}ForMultipleChoice", x.multiple_choice, (f"{family}ForMultipleChoice", name, one)),
        Example(
            page, f"TF{family}ForTokenClassification", x.token_classification,
            (f"{family}ForTokenClassification", tokens),
        ),
        Example(
            page, f"TF{family}ForQuestionAnswering", x.question_answering, (f"{family}ForQuestionAnswering", spans)
        ),
    ]  # fmt: skip


def _flax(page: str, family: str, name: str) -> list[Example]:
    """The Flax classes."""
    return [
        Example(page, f"Flax{family}Model", x.bare_model, (f"{family}Model", name)),
        Example(page, f"Flax{family}ForCausalLM", x.causal_as_it_is, (f"{family}ForCausalLM", name)),
        Example(page, f"Flax{family}ForMaskedLM", x.masked_lm_logits, (f"{family}ForMaskedLM", name)),
        Example(
            page, f"Flax{family}ForSequenceClassification", x.head_logits,
            (f"{family}ForSequenceClassification", name),
        ),
        Example(
            page, f"Flax{family}ForMultipleChoice", x.multiple_choice, (f"{family}ForMultipleChoice", name, "keywords")
        ),
        Example(
            page, f"Flax{family}ForTokenClassification", x.head_logits, (f"{family}ForTokenClassification", name)
        ),
        Example(
            page, f"Flax{family}ForQuestionAnswering", x.question_answering, (f"{family}ForQuestionAnswering", name)
        ),
    ]  # fmt: skip


BERT_PAGE, ROBERTA_PAGE, OLD_PAGE = "BERT 4.57", "RoBERTa 4.56", "RoBERTa, older"
REMBERT_PAGE, REMBERT_5_PAGE = "RemBERT 4.37", "RemBERT 5.8"

EXAMPLES: list[Example] = [
    # BERT 4.57; the command line is tested in test_command.py
    Example(BERT_PAGE, "Pipeline", x.fill_mask_pipeline, (BERT, "[MASK]")),
    Example(BERT_PAGE, "AutoModel", x.fill_mask_auto_model, (BERT, "[MASK]")),
    Example(BERT_PAGE, "BertConfig", x.configuration, ("Bert",)),
    Example(BERT_PAGE, "BertForPreTraining", x.pretraining, ("BertForPreTraining", BERT)),
    Example(BERT_PAGE, "BertLMHeadModel", x.language_model_with_labels, ("BertLMHeadModel", BERT)),
    Example(BERT_PAGE, "BertForNextSentencePrediction", x.next_sentence, ("BertForNextSentencePrediction", BERT)),
    *_tasks(BERT_PAGE, "Bert", BERT, "[MASK]"),
    # RoBERTa 4.56
    Example(ROBERTA_PAGE, "Pipeline", x.fill_mask_pipeline, (ROBERTA, "<mask>")),
    Example(ROBERTA_PAGE, "RobertaConfig", x.configuration, ("Roberta",)),
    Example(ROBERTA_PAGE, "RobertaTokenizer", x.hello_world, ("RobertaTokenizer", ROBERTA)),
    Example(ROBERTA_PAGE, "RobertaTokenizerFast", x.hello_world, ("RobertaTokenizerFast", ROBERTA)),
    Example(ROBERTA_PAGE, "RobertaForCausalLM", x.causal_decoder, ("RobertaForCausalLM", ROBERTA, "AutoConfig")),
    *_tasks(ROBERTA_PAGE, "Roberta", ROBERTA, "<mask>"),
    # RoBERTa, an older page with TensorFlow and Flax
    Example(OLD_PAGE, "RobertaConfig", x.configuration, ("Roberta",)),
    Example(OLD_PAGE, "RobertaTokenizer", x.hello_world, ("RobertaTokenizer", OLD)),
    Example(OLD_PAGE, "RobertaTokenizerFast", x.hello_world, ("RobertaTokenizerFast", OLD)),
    Example(OLD_PAGE, "RobertaModel", x.bare_model, ("RobertaModel", OLD)),
    Example(OLD_PAGE, "RobertaForCausalLM", x.causal_decoder, ("RobertaForCausalLM", OLD, "AutoConfig")),
    *_tasks(OLD_PAGE, "Roberta", OLD, "<mask>", sequence=EMOTION, tokens=NER, spans=SQUAD),
    *_tensorflow(OLD_PAGE, "Roberta", OLD, "<mask>", sequence=EMOTION, tokens=TF_NER, spans=TF_SQUAD),
    *_flax(OLD_PAGE, "Roberta", OLD),
    # RemBERT 4.37, with TensorFlow
    Example(REMBERT_PAGE, "RemBertConfig", x.configuration, ("RemBert",)),
    Example(REMBERT_PAGE, "RemBertModel", x.bare_model, ("RemBertModel", REMBERT)),
    Example(REMBERT_PAGE, "RemBertForCausalLM", x.causal_decoder, ("RemBertForCausalLM", REMBERT, "RemBertConfig")),
    *_tasks(REMBERT_PAGE, "RemBert", REMBERT, "[MASK]"),
    *_tensorflow(REMBERT_PAGE, "RemBert", REMBERT, "[MASK]"),
    # RemBERT 5.8
    Example(REMBERT_5_PAGE, "RemBertConfig", x.configuration, ("RemBert",)),
    Example(REMBERT_5_PAGE, "RemBertForCausalLM", x.causal_decoder, ("RemBertForCausalLM", REMBERT, "RemBertConfig")),
    *_tasks(REMBERT_5_PAGE, "RemBert", REMBERT, "[MASK]"),
]
COUNTS = {BERT_PAGE: 12, ROBERTA_PAGE: 11, OLD_PAGE: 25, REMBERT_PAGE: 16, REMBERT_5_PAGE: 8}
