"""Pipelines against transformers' on the same random checkpoints: labels, spans, words, and scores to 1e-5.

In float64: these random models are so steep that float32's last digits reach the scores' fifth.
"""

import random
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb
from tests.small_checkpoints import FAMILIES, LONG, SENTENCES, save, tokenizer

torch = pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[reference]'")
transformers = pytest.importorskip(
    "transformers", reason="transformers is not installed: pip install -e '.[reference]'"
)

pytestmark = pytest.mark.reference
transformers.logging.set_verbosity_error()
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
NAMED = {"id2label": dict(enumerate(TAGS)), "label2id": {tag: i for i, tag in enumerate(TAGS)}}


def same(ours: Any, theirs: Any, where: str = "") -> None:
    """The same structure, strings and integers, and floats to 1e-5."""
    if isinstance(theirs, dict):
        assert set(ours) == set(theirs), where
        for key in theirs:
            same(ours[key], theirs[key], f"{where}.{key}")
    elif isinstance(theirs, list):
        assert isinstance(ours, list), where
        assert len(ours) == len(theirs), (where, ours, theirs)
        for i, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            same(one, other, f"{where}[{i}]")
    elif isinstance(theirs, float | np.floating):
        assert isinstance(ours, float), where
        assert abs(ours - theirs) <= 1e-5 * max(1.0, abs(theirs)), (where, ours, theirs)
    else:
        assert ours == theirs, (where, ours, theirs)


class Both:
    """The same pipeline twice, from one folder."""

    def __init__(self, task: str, folder: Path, **options: Any) -> None:
        self.ours = mb.pipeline(task, model=str(folder), dtype="float64", **options)
        self.theirs = transformers.pipeline(task, model=str(folder), dtype=torch.float64, device=-1, **options)

    def agree(self, *args: Any, **options: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = self.theirs(*args, **options)
            ours = self.ours(*args, **options)
        same(ours, theirs)
        return ours


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory):
    made: dict[tuple[str, str], Path] = {}

    def of(family: str, head: str, **options: Any) -> Path:
        key = (family, head, str(options))
        if key not in made:
            made[key] = save(family, head, tmp_path_factory.mktemp(family + head), dtype="float64", **options)
        return made[key]

    return of


@pytest.mark.parametrize("family", FAMILIES)
def test_fill_mask(family: str, folder) -> None:
    both = Both("fill-mask", folder(family, "ForMaskedLM"))
    mask = tokenizer(family).mask_token
    one, two = f"Plants create {mask} through a process.", f"{mask} name is {mask}, in Berlin{mask}"
    both.agree(one)
    both.agree(one, top_k=3)
    both.agree(two, top_k=2)
    both.agree([one, two, f"{mask}"], top_k=1)
    both.agree([one])
    both.agree([one, one], targets=["the", "a"])
    both.agree(one, targets="incomprehensibilities", top_k=2)
    both.agree(mask + LONG, tokenizer_kwargs={"truncation": True})


@pytest.mark.parametrize("family", FAMILIES)
def test_text_classification(family: str, folder) -> None:
    both = Both("text-classification", folder(family, "ForSequenceClassification", num_labels=3))
    pair = {"text": "My name is Wolfgang.", "text_pair": "I live in Berlin"}
    for options in ({}, {"top_k": 1}, {"top_k": None}, {"top_k": 2, "function_to_apply": "none"},
                    {"function_to_apply": "sigmoid"}):  # fmt: skip
        both.agree(SENTENCES[0], **options)
        both.agree(list(SENTENCES), **options)
        both.agree(pair, **options)
        both.agree([pair, {"text": "a"}], **options)
    both.agree([[["one text", "its pair"]]])
    both.agree(LONG, truncation=True)


def test_older_options(folder) -> None:
    """What transformers accepts with a warning."""
    for given in (True, False):
        both = Both("text-classification", folder("bert", "ForSequenceClassification", num_labels=3),
                    return_all_scores=given)  # fmt: skip
        both.agree(SENTENCES[0])
        both.agree(list(SENTENCES))
        both.agree(list(SENTENCES), top_k=2)
        both.agree(SENTENCES[0], return_all_scores=not given)
        for by_first in (None, True, False):
            older = {"grouped_entities": given, **({} if by_first is None else {"ignore_subwords": by_first})}
            both = Both("ner", folder("bert", "ForTokenClassification", **NAMED), **older)
            both.agree(list(SENTENCES))
            both.agree(list(SENTENCES), aggregation_strategy="max")
    both = Both("question-answering", folder("bert", "ForQuestionAnswering"))
    both.agree(question="Where?", context=SENTENCES[1], topk=3)


@pytest.mark.parametrize(
    "options", [{"num_labels": 1}, {"problem_type": "regression"}, {"problem_type": "multi_label_classification"}]
)
def test_text_classification_by_problem(options: dict[str, Any], folder) -> None:
    both = Both("text-classification", folder("bert", "ForSequenceClassification", **options))
    both.agree(list(SENTENCES))
    both.agree(list(SENTENCES), top_k=None)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("strategy", ["none", "simple", "first", "average", "max"])
def test_token_classification(family: str, strategy: str, folder) -> None:
    both = Both("ner", folder(family, "ForTokenClassification", **NAMED), aggregation_strategy=strategy)
    both.agree(SENTENCES[1])
    both.agree(list(SENTENCES))
    both.agree([*SENTENCES, "囲 ☃ !"], ignore_labels=[])
    both.agree(LONG)
    if strategy != "none":
        both.agree(LONG, stride=10)
        both.agree([LONG, SENTENCES[0]], stride=0, ignore_labels=["B-PER"])


@pytest.mark.parametrize("strategy", ["none", "simple", "first"])
def test_token_classification_of_words(strategy: str, folder) -> None:
    both = Both("token-classification", folder("bert", "ForTokenClassification", **NAMED))
    words = SENTENCES[3].split()
    both.agree(words, is_split_into_words=True, aggregation_strategy=strategy)
    both.agree([words, SENTENCES[1].split()], is_split_into_words=True, aggregation_strategy=strategy, delimiter="")


@pytest.mark.parametrize("family", FAMILIES)
def test_question_answering(family: str, folder) -> None:
    both = Both("question-answering", folder(family, "ForQuestionAnswering"))
    examples = [{"question": "Where do I live?", "context": text} for text in SENTENCES]
    for example in examples:
        both.agree(**example)
        both.agree(**example, top_k=4)
        both.agree(**example, top_k=3, align_to_words=False, max_answer_len=3)
        both.agree(**example, handle_impossible_answer=True, top_k=20)
    both.agree(question=["Where?", "Who?"], context=SENTENCES[1])
    both.agree(question=["Where?", "Who?"], context=list(SENTENCES[:2]), top_k=2)
    both.agree(examples, top_k=2)
    for stride in (None, 0, 7, 20):
        for top_k in (1, 3) if stride else (2,):
            both.agree(question="Who paid?", context=LONG, doc_stride=stride, max_seq_len=48, top_k=top_k)
    both.agree(question="Who paid?", context=LONG, handle_impossible_answer=True)


WORDS = sorted({word for sentence in SENTENCES for word in sentence.split()})
ODD = (
    "☃",
    "日本語",
    "...",
    "''",
    "don't",
    "(a-b)",
    "x" * 40,
    "COVID-19",
    "&amp;",
    "ß",
    "1,000",
    "<s>",
    "[SEP]",
    "\t",
    "  ",
)


def random_text(rng: random.Random, words: int, odd: bool) -> str:
    """Words, marks and blanks in any order; without the odd ones where the offsets of both sides may differ."""
    chosen = [rng.choice(ODD) if odd and rng.random() < 0.15 else rng.choice(WORDS) for _ in range(words)]
    text = "".join(word + rng.choice([" "] * 7 + ["", ", ", "-"]) for word in chosen).strip()
    return text or "Berlin"


@pytest.mark.parametrize("family", FAMILIES)
def test_random_entities(family: str, folder) -> None:
    both = Both("ner", folder(family, "ForTokenClassification", seed=3, **NAMED))
    rng = random.Random(family)
    for _ in range(40):
        options: dict[str, Any] = {
            "aggregation_strategy": rng.choice(["none", "simple", "first", "average", "max"]),
            "ignore_labels": rng.choice([[], ["O"], ["PER"], ["B-PER", "LOC"]]), "batch_size": rng.choice([1, 3]),
        }  # fmt: skip
        words = rng.choice([1, 2, 5, 9])
        if options["aggregation_strategy"] != "none" and rng.random() < 0.4:
            options["stride"], words = rng.choice([0, 1, 5, 20]), 30
        both.agree([random_text(rng, words, family != "rembert") for _ in range(rng.randrange(1, 4))], **options)


@pytest.mark.parametrize("family", FAMILIES)
def test_random_questions(family: str, folder) -> None:
    both = Both("question-answering", folder(family, "ForQuestionAnswering", seed=3))
    rng = random.Random(family)
    for _ in range(60):
        chances: dict[str, list[Any]] = {
            "top_k": [1, 2, 3, 10], "max_answer_len": [1, 2, 7, 40], "handle_impossible_answer": [True, False],
            "align_to_words": [True, False], "max_seq_len": [36, 48, 60], "doc_stride": [0, 1, 5, 9],
        }  # fmt: skip
        options = {name: rng.choice(values) for name, values in chances.items() if rng.random() < 0.4}
        odd, words = family != "rembert", rng.choice([6, 9, 30])
        both.agree(question=rng.choice(["Who?", "Where is it?"]), context=random_text(rng, words, odd), **options)


@pytest.mark.parametrize("family", FAMILIES)
def test_feature_extraction(family: str, folder) -> None:
    both = Both("feature-extraction", folder(family, "Model"))
    both.agree(SENTENCES[0])
    both.agree(list(SENTENCES))
    both.agree(LONG, truncation=True)
    theirs = both.theirs(SENTENCES[0], return_tensors=True)
    ours = both.ours(SENTENCES[0], return_tensors=True)
    assert np.abs(ours - theirs.numpy()).max() <= 1e-5


@pytest.mark.parametrize("family", FAMILIES)
def test_multiple_choice(family: str, folder) -> None:
    """transformers has no such pipeline: its model, called as its documentation does."""
    path = folder(family, "ForMultipleChoice")
    choices = ["It is eaten with a fork.", "Held in the hand.", "x"]
    theirs = transformers.AutoModelForMultipleChoice.from_pretrained(path, dtype=torch.float64)
    encoded = transformers.AutoTokenizer.from_pretrained(path)(
        [SENTENCES[0]] * 3, choices, return_tensors="pt", padding=True
    )
    with torch.no_grad():
        probs = theirs(**{name: tensor[None] for name, tensor in encoded.items()}).logits[0].softmax(-1).tolist()
    ours = mb.pipeline("multiple-choice", model=path)({"prompt": SENTENCES[0], "choices": choices})
    assert [entry["index"] for entry in ours] == sorted(range(3), key=lambda i: -probs[i])
    for entry in ours:
        assert entry["choice"] == choices[entry["index"]]
        assert abs(entry["score"] - probs[entry["index"]]) <= 1e-5


def test_next_sentence_prediction(folder) -> None:
    path = folder("bert", "ForNextSentencePrediction")
    theirs = transformers.BertForNextSentencePrediction.from_pretrained(path, dtype=torch.float64)
    encoded = transformers.AutoTokenizer.from_pretrained(path)(SENTENCES[0], SENTENCES[1], return_tensors="pt")
    with torch.no_grad():
        probs = theirs(**encoded).logits[0].softmax(-1).tolist()
    both = mb.pipeline("next-sentence-prediction", model=path)((SENTENCES[0], SENTENCES[1]), top_k=2)
    assert abs({entry["label"]: entry["score"] for entry in both}["IsNext"] - probs[0]) <= 1e-5


@pytest.mark.parametrize("family", FAMILIES)
def test_text_generation(family: str, folder) -> None:
    both = Both("text-generation", folder(family, "ForCausalLM"))
    for options in ({}, {"max_new_tokens": 5, "num_beams": 3, "num_return_sequences": 2}, {"return_full_text": False},
                    {"max_new_tokens": 7, "repetition_penalty": 1.5, "no_repeat_ngram_size": 2}):  # fmt: skip
        options = {"max_new_tokens": 20, "do_sample": False, **options}
        both.agree(SENTENCES[0], **options)
        both.agree(list(SENTENCES[:3]), **options)
