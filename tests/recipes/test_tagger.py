"""The tagger's data and figures, on cases small enough to count by hand; the prompts; what can be known in a story."""

import numpy as np
from english_models import story_tokens
from prompts import Prompt, choices
from tiny_bert_pos import TAGS, Sentence, encode, most_frequent_tag, score, tag
from training import encode as encode_lines

import minibert as mb
from tests.recipes.small import model, recipe, tokenizer


def sentence(line: str, word: str, name: str) -> Sentence:
    found = tag(line, [word], name)
    assert found is not None
    return found


def test_a_sentence_without_its_word_or_with_two_of_it_is_left_out() -> None:
    assert tag("The dog sees a cat.", ["tree"], "NOUN") is None
    assert tag("The dog sees the dogs.", ["dog"], "NOUN") is None
    assert [word.tag for word in sentence("It is in.", "in", "ADV").words] == ["FUNCTION", "FUNCTION", "ADV", "O"]


def test_labels_stand_at_the_first_token_of_a_word() -> None:
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "tree", "##s", "grow", "."]
    cut = mb.BertTokenizer(vocab={token: i for i, token in enumerate(vocab)})
    (row,) = encode(cut, [sentence("The trees grow.", "tree", "NOUN")], 10)
    assert cut.convert_ids_to_tokens(row["input_ids"]) == ["[CLS]", "the", "tree", "##s", "grow", ".", "[SEP]"]
    names = [None if label == -100 else TAGS[label] for label in row["labels"]]
    assert names == [None, "FUNCTION", "NOUN", None, None, "O", None]


def test_score() -> None:
    noun, verb, adj, adv, function = (TAGS.index(name) for name in TAGS[1:])
    labels = np.array([[noun, noun, verb, function], [adj, adv, 0, -100]])
    predicted = np.array([[noun, verb, verb, function], [adj, noun, 1, 1]])  # punctuation and -100 do not count
    assert score(predicted, labels) == {
        "all": round(4 / 6, 4), "open": 0.6, "NOUN": 0.5, "VERB": 1.0, "ADJ": 1.0, "ADV": 0.0, "FUNCTION": 1.0,
    }  # fmt: skip


def test_the_most_frequent_tag() -> None:
    train = [sentence("They run.", "run", "VERB")] * 2 + [sentence("A run.", "run", "NOUN"),
             sentence("A red thing.", "red", "ADJ"), sentence("They ran fast.", "fast", "ADV")]  # fmt: skip
    test = [sentence("They run.", "run", "VERB"), sentence("The run.", "run", "NOUN"),
            sentence("A blue thing.", "blue", "ADJ"), sentence("The red thing.", "red", "ADJ"),
            sentence("It ran fast.", "fast", "ADV")]  # fmt: skip
    found = most_frequent_tag(train, test)  # unknown "blue", "the" and "it" are taken for nouns
    assert (found["VERB"], found["NOUN"], found["ADJ"], found["ADV"]) == (1.0, 0.0, 0.5, 1.0)
    assert found["FUNCTION"] == 0.4


def test_choices_are_the_model_s_softmax() -> None:
    (found,) = choices(model(), tokenizer(), [Prompt("The dog [MASK] a cat.", "sees", "nowhere")], count=3)
    batch = tokenizer()(["The dog [MASK] a cat."], return_tensors="np")
    logits = model()(**batch).logits[0, 3].astype(np.float64)
    probabilities = np.exp(logits) / np.exp(logits).sum()
    assert [probability for _, probability in found["top"]] == np.sort(probabilities)[::-1][:3].round(3).tolist()
    assert found["top"][0][0] == tokenizer().convert_ids_to_tokens(int(logits.argmax()))
    assert found["right"] == (found["top"][0][0] == "sees")


def test_what_can_be_known_in_a_story() -> None:
    rows = encode_lines(tokenizer(), ["the cat sees the house", "a dog likes a tree"] * 20, 32)
    found = story_tokens(recipe(eval_masked=0.4), model(), tokenizer(), rows)
    once = {"cat", "house", "dog"}  # names of animals and places; each stands once in its line, so it is open
    assert found["open"]["tokens"] + found["known"]["tokens"] > 40
    share = found["open"]["tokens"] / (found["open"]["tokens"] + found["known"]["tokens"])
    assert 0.1 < share < len(once) / 10 + 0.1
