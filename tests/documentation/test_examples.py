"""Every example of the documentation's pages runs with minibert, and says what it should."""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minibert as mb
from tests.documentation import examples as x
from tests.documentation.hub import EMOTIONS, ENTITIES, TEXTS, tokenizer
from tests.documentation.pages import COUNTS, EXAMPLES, Example

pytestmark = pytest.mark.filterwarnings("ignore:.*drawn anew from seed", "ignore:float16 on the CPU")
Found = dict[str, Any]


def test_every_example_of_every_page_stands_in_the_table() -> None:
    """The pages' own numbers of examples, the command line aside; no section twice."""
    assert Counter(example.page for example in EXAMPLES) == COUNTS
    assert len({str(example) for example in EXAMPLES}) == len(EXAMPLES) == 72


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_example(example: Example) -> None:
    if example.function is x.configuration:
        CHECKS[example.function](example.function(mb, *example.arguments, **SMALLER[example.arguments[0]]), example)
    else:
        CHECKS[example.function](example.run(mb), example)


# The pages make the models in full size, 0.1 to 0.6 billion random numbers: tests/reference does that too.
SMALLER = {
    "Bert": {"num_hidden_layers": 1, "vocab_size": 1000},
    "Roberta": {"num_hidden_layers": 1, "vocab_size": 1000},
    "RemBert": {"num_hidden_layers": 1, "vocab_size": 1000, "intermediate_size": 64},
}


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The mean of -log softmax(logits)[label] over the labels that are not -100, number by number."""
    rows = logits.astype(float).reshape(-1, logits.shape[-1])
    terms = [
        math.log(sum(math.exp(value - row[label]) for value in row))
        for row, label in zip(rows, labels.reshape(-1).tolist(), strict=True)
        if label != -100
    ]
    return sum(terms) / len(terms)


def close(value: Any, expected: float) -> None:
    assert float(value) == pytest.approx(expected, rel=2e-5, abs=2e-6)


def length_of(text: str, example: Example) -> int:
    """How many tokens the example's text has, the two special ones around it included."""
    return len(mb.AutoTokenizer.from_pretrained(example.arguments[1]).tokenize(text)) + 2


def again(found: Found, example: Example) -> Any:
    """What the class says of the example's ids as lists; a new head is drawn from the same seed."""
    class_name, name = example.arguments[:2]
    inputs = {key: array.tolist() for key, array in found["inputs"].items()}
    return getattr(mb, class_name).from_pretrained(name)(**inputs)


def check_fill_mask_pipeline(found: Found, example: Example) -> None:
    """Five answers by likelihood, equal to the softmax of the model's own logits."""
    answers, pipe = found["answers"], found["pipeline"]
    name, mask = example.arguments
    assert len(answers) == 5
    assert pipe.model.dtype == np.float16
    assert pipe.device == "cpu"
    model = mb.AutoModelForMaskedLM.from_pretrained(name)
    tok = mb.AutoTokenizer.from_pretrained(name)
    ids = tok(found["text"], return_tensors="np")
    logits = model(**ids).logits[0, (ids["input_ids"][0] == tok.mask_token_id).nonzero()[0][0]].astype(float)
    probs = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    for answer in answers:
        assert answer["score"] == pytest.approx(probs[answer["token"]], abs=0.02)  # half precision
        assert answer["token_str"] == tok.decode([answer["token"]])
        assert mask not in answer["sequence"]
    scores = [answer["score"] for answer in answers]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(probs.max(), abs=0.02)


def check_fill_mask_auto_model(found: Found, example: Example) -> None:
    predictions, id_ = found["predictions"], found["id"]
    assert predictions.dtype == np.float16
    tok = mb.AutoTokenizer.from_pretrained(example.arguments[0])
    assert predictions.shape == (1, len(tok.tokenize(found["text"])) + 2, len(tok))
    place = tok(found["text"])["input_ids"].index(tok.mask_token_id)
    assert id_.tolist() == [predictions[0, place].argmax()]
    best = mb.pipeline("fill-mask", example.arguments[0], dtype="float16")(found["text"])[0]
    assert best["token"] == id_[0]
    assert best["token_str"] == found["token"]


def check_configuration(found: Found, example: Example) -> None:
    given, model = found["given"], found["model"]
    family = example.arguments[0]
    assert found["read"] is given
    assert type(given).__name__ == f"{family}Config"
    assert type(model).__name__ == f"{family}Model"
    words = model.state_dict()["embeddings.word_embeddings.weight"]
    assert words.shape == (1000, getattr(given, "input_embedding_size", given.hidden_size))
    assert abs(words[words.any(axis=1)].std() - given.initializer_range) < 2e-4
    assert model([[5, 7]]).last_hidden_state.shape == (1, 2, given.hidden_size)


def check_hello_world(found: Found, example: Example) -> None:
    """The ids that the pages print."""
    assert found == {"plain": [0, 31414, 232, 2], "blank": [0, 20920, 232, 2]}


def check_bare_model(found: Found, example: Example) -> None:
    states, outputs = found["last_hidden_states"], found["outputs"]
    assert states.shape == (1, length_of(x.CUTE, example), 24)
    again = found["model"](input_ids=found["inputs"]["input_ids"].tolist(), output_hidden_states=True)
    np.testing.assert_array_equal(states, again.hidden_states[-1])
    assert outputs.pooler_output.shape == (1, 24)
    assert outputs.hidden_states is outputs.attentions is None


def check_pretraining(found: Found, example: Example) -> None:
    prediction, relationship = found["prediction_logits"], found["seq_relationship_logits"]
    assert prediction.shape == (1, length_of(x.CUTE, example), len(tokenizer("Bert")))
    assert relationship.shape == (1, 2)
    alone = mb.BertForMaskedLM.from_pretrained(x.BERT)(**found["inputs"]).logits
    np.testing.assert_allclose(prediction, alone, atol=1e-5)
    alone = mb.BertForNextSentencePrediction.from_pretrained(x.BERT)(**found["inputs"]).logits
    np.testing.assert_allclose(relationship, alone, atol=1e-5)


def check_language_model_with_labels(found: Found, example: Example) -> None:
    """Every token is compared with the one after it."""
    logits, ids = found["logits"], found["inputs"]["input_ids"]
    assert logits.shape == (*ids.shape, len(tokenizer("Bert")))
    close(found["loss"], cross_entropy(logits[:, :-1], ids[:, 1:]))


def check_causal_decoder(found: Found, example: Example) -> None:
    """What comes later changes nothing: of the first tokens alone, the logits are the same."""
    logits, ids, model = found["logits"], found["inputs"]["input_ids"], found["model"]
    assert model.config.is_decoder
    np.testing.assert_allclose(model(ids[:, :3]).logits, logits[:, :3], atol=1e-4)


def check_causal_as_it_is(found: Found, example: Example) -> None:
    """An encoder's tokens see those after them."""
    logits, ids, model = found["logits"], found["inputs"]["input_ids"], found["model"]
    assert not model.config.is_decoder
    np.testing.assert_array_equal(found["next_token_logits"], logits[:, -1])
    assert np.abs(model(ids[:, :3]).logits - logits[:, :3]).max() > 1e-2


def check_masked_lm(found: Found, example: Example) -> None:
    tok, logits, labels = found["tokenizer"], found["logits"], found["labels"]
    (place,) = found["place"]
    assert found["id"] == [logits[0, place].argmax()]
    assert found["predicted"] == tok.decode([int(found["id"][0])])
    assert tok.decode(labels[labels != -100]).strip().lower() == "paris"
    assert np.flatnonzero(labels[0] != -100).tolist() == [place]
    close(found["loss"], cross_entropy(logits, labels))
    assert found["rounded"] == round(float(found["loss"]), 2)


def check_masked_lm_logits(found: Found, example: Example) -> None:
    tok, ids = found["tokenizer"], found["inputs"]["input_ids"]
    assert tok.mask_token_id not in ids
    assert found["logits"].shape == (*ids.shape, len(tok))
    np.testing.assert_array_equal(found["logits"], again(found, example).logits)


def check_next_sentence(found: Found, example: Example) -> None:
    assert found["logits"].shape == (1, 2)
    assert found["inputs"]["token_type_ids"].any()
    np.testing.assert_array_equal(found["logits"], again(found, example).logits)
    close(found["loss"], cross_entropy(found["logits"], np.array([1])))


def check_sequence_classification(found: Found, example: Example) -> None:
    names = EMOTIONS if "emotion" in example.arguments[1] else ("LABEL_0", "LABEL_1")
    assert found["logits"].shape == (1, len(names))
    assert found["class"] == names[int(found["logits"].argmax())] == names[found["id"]]
    assert found["labels"].tolist() in (1, [1])
    close(found["loss"], cross_entropy(found["logits"], np.array([1])))


def check_multi_label_classification(found: Found, example: Example) -> None:
    """The mean over classes of -log p where the class was predicted and -log(1 - p) elsewhere."""
    logits, labels = found["logits"][0].astype(float), found["labels"]
    assert labels.shape == (1, len(logits))
    assert found["ids"].tolist() == [i for i, logit in enumerate(logits) if logit > 0]
    assert labels[0].tolist() == [float(logit > 0) for logit in logits]
    terms = [math.log(1 + math.exp(-logit if logit > 0 else logit)) for logit in logits]
    close(found["loss"], sum(terms) / len(terms))


def check_multiple_choice(found: Found, example: Example) -> None:
    """Each choice's number is that of its text by itself."""
    logits, inputs, model = found["logits"], found["inputs"], found["model"]
    assert logits.shape == (1, 2)
    for i in range(2):
        real = inputs["attention_mask"][0, i] == 1
        alone = model(**{name: array[:, i : i + 1][..., real] for name, array in inputs.items()})
        np.testing.assert_allclose(alone.logits[0, 0], logits[0, i], rtol=1e-4, atol=1e-4)
    if len(example.arguments) == 2:
        close(found["loss"], cross_entropy(logits, np.array([0])))
    else:
        assert found["loss"] is None


def check_token_classification(found: Found, example: Example) -> None:
    names = ENTITIES if "ner" in example.arguments[1] else ("LABEL_0", "LABEL_1")
    ids = found["inputs"]["input_ids"]
    tok = mb.AutoTokenizer.from_pretrained(example.arguments[1])
    assert not set(ids[0].tolist()) & set(tok.all_special_ids)
    assert found["logits"].shape == (1, len(tok.tokenize(TEXTS[7])), len(names))
    assert found["classes"] == [names[row.argmax()] for row in found["logits"][0]]
    close(found["loss"], cross_entropy(found["logits"], found["ids"]))
    assert found["mean"] == found["loss"]


def check_head_logits(found: Found, example: Example) -> None:
    tokens = length_of(x.CUTE, example)
    assert found["logits"].shape == ((1, tokens, 2) if "Token" in example.arguments[0] else (1, 2))
    np.testing.assert_array_equal(found["logits"], again(found, example).logits)


def check_question_answering(found: Found, example: Example) -> None:
    """The answer is the text between the likeliest start and end; the loss the mean of both cross entropies."""
    tok, ids = found["tokenizer"], found["inputs"]["input_ids"]
    start, end = found["start_logits"], found["end_logits"]
    assert start.shape == end.shape == ids.shape
    first, last = int(start[0].argmax()), int(end[0].argmax())
    tokens = [id_ for id_ in ids[0, first : last + 1].tolist() if id_ not in tok.all_special_ids]
    assert found["answer"] == tok.decode(tokens)
    assert ids.shape[1] > 15
    close(found["loss"], (cross_entropy(start, np.array([14])) + cross_entropy(end, np.array([15]))) / 2)
    assert found["mean"] == found["loss"]


CHECKS: dict[Callable[..., Found], Callable[[Found, Example], None]] = {
    x.fill_mask_pipeline: check_fill_mask_pipeline,
    x.fill_mask_auto_model: check_fill_mask_auto_model,
    x.configuration: check_configuration,
    x.hello_world: check_hello_world,
    x.bare_model: check_bare_model,
    x.pretraining: check_pretraining,
    x.language_model_with_labels: check_language_model_with_labels,
    x.causal_decoder: check_causal_decoder,
    x.causal_as_it_is: check_causal_as_it_is,
    x.masked_lm: check_masked_lm,
    x.masked_lm_logits: check_masked_lm_logits,
    x.next_sentence: check_next_sentence,
    x.sequence_classification: check_sequence_classification,
    x.multi_label_classification: check_multi_label_classification,
    x.multiple_choice: check_multiple_choice,
    x.token_classification: check_token_classification,
    x.head_logits: check_head_logits,
    x.question_answering: check_question_answering,
}
