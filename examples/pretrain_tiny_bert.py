"""A small BERT that learns from nothing to fill in masked words, in a few minutes on two cores.

    python examples/pretrain_tiny_bert.py                     # stories about a small world (small_world.py)
    python examples/pretrain_tiny_bert.py --corpus python     # the prose in Python's own documentation
    python examples/pretrain_tiny_bert.py --steps 200         # a quick look

A tenth of the texts is held out; masked accuracy is measured on them, beside two baselines that were counted on the
training text: the most frequent token (unigram), and the token that most often follows the one before (bigram).
The held-out stories come from the same generator, with other combinations of people, things and places. The results
and the loss curve are written beside this file. Ctrl-C stops after a step; the same command then goes on, with the
same losses as if it had not been stopped.
"""

import argparse
import collections
import itertools
import json
import platform
import random
import time
from pathlib import Path

import numpy as np
from python_prose import python_prose
from small_world import small_world

import minibert as mb
from minibert.functional.losses import IGNORE_INDEX
from minibert.tokenizers.training.wordpiece import train_wordpiece
from minibert.training.trainer.checkpoints import last_checkpoint

HERE = Path(__file__).parent
LENGTH = 64
# corpus -> its texts, the size of its vocabulary, how many steps, and sentences to fill in afterwards
CORPORA = {
    "stories": (small_world, 600, 2000, [
        "Mary has a cat. The cat is white. Mary loves [MASK] cat.",
        "Anna gives her key to Peter. Now [MASK] has the key.",
        "Kate has two coins. Kate gets three more. So now she has [MASK] coins.", "The opposite of hot is [MASK].",
        "Today is Friday. Yesterday was [MASK].", "Lucy is very thirsty. So she drinks some [MASK]."]),
    "python": (python_prose, 3000, 4000, [
        "Return a [MASK] of all the items.", "If the file does not [MASK], an error is raised.",
        "The default [MASK] is None.", "This [MASK] takes two arguments."]),
}  # fmt: skip


def main() -> None:
    options = parse()
    started = time.process_time()
    texts, vocabulary, steps, sentences = CORPORA[options.corpus]
    options.steps = options.steps or steps
    options.output = options.output or Path("runs") / f"pretrain_tiny_bert_{options.corpus}"
    train, held_out = split(texts())
    tokenizer = mb.BertTokenizer(vocab=train_wordpiece(train, vocabulary, progress=False).vocab)
    train_rows, held_out_rows = encode(tokenizer, train), encode(tokenizer, held_out)
    print(f"{len(train_rows)} texts to learn from, {sum(map(len, train_rows))} tokens; {len(held_out_rows)} held out")
    trainer = make_trainer(tokenizer, train_rows, held_out_rows, options)
    trainer.train(resume_from_checkpoint=last_checkpoint(options.output))
    accuracy = trainer.evaluate()
    baselines = count_baselines(train_rows, held_out_rows)
    results = {
        "corpus": options.corpus,
        "steps": trainer.global_step,
        "parameters": trainer.model.num_parameters(),
        "training_tokens": sum(map(len, train_rows)),
        "held_out_loss": round(accuracy["eval_loss"], 4),
        "held_out_masked_accuracy": round(accuracy["eval_accuracy"], 4),
        **{f"{name}_accuracy": round(value, 4) for name, value in baselines.items()},
        "cpu_seconds": round(time.process_time() - started),
        "python": platform.python_version(),
        "fill_mask": fill_masks(trainer.model, tokenizer, sentences),
    }
    print(json.dumps(results, indent=1))
    trainer.save_model(options.output / "model")
    if options.results:
        name = HERE / f"pretrain_tiny_bert_{options.corpus}"
        name.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        trainer.plot_loss(name.with_suffix(".png"), title="A small BERT learns from nothing",
                          metric="eval_accuracy", baselines=baselines)  # fmt: skip


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", choices=list(CORPORA), default="stories", help="what to read")
    parser.add_argument("--output", type=Path, help="folder of the run, runs/pretrain_tiny_bert_CORPUS")
    parser.add_argument("--steps", type=int, help="how long to train")
    parser.add_argument("--results", action=argparse.BooleanOptionalAction, default=True,
                        help="write the JSON and the picture beside this file")  # fmt: skip
    return parser.parse_args()


def split(paragraphs: list[str]) -> tuple[list[str], list[str]]:
    """Nine tenths and one tenth, by a fixed shuffle."""
    shuffled = list(paragraphs)
    random.Random(0).shuffle(shuffled)
    cut = len(shuffled) // 10
    return shuffled[cut:], shuffled[:cut]


def encode(tokenizer: mb.BertTokenizer, paragraphs: list[str]) -> list[list[int]]:
    """Rows of at most LENGTH tokens with [CLS] and [SEP]; a long paragraph becomes several rows."""
    room = LENGTH - 2
    rows = []
    for ids in tokenizer(paragraphs, add_special_tokens=False)["input_ids"]:
        for start in range(0, len(ids), room):
            if len(ids[start : start + room]) >= 4:
                rows.append(tokenizer.build_inputs_with_special_tokens(ids[start : start + room]))
    return rows


def make_trainer(
    tokenizer: mb.BertTokenizer, train: list[list[int]], held_out: list[list[int]], options: argparse.Namespace
) -> mb.Trainer:
    config = mb.BertConfig(
        vocab_size=len(tokenizer), hidden_size=128, num_hidden_layers=2, num_attention_heads=4, intermediate_size=512,
        max_position_embeddings=LENGTH, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        initializer_range=0.06,
    )  # fmt: skip
    args = mb.TrainingArguments(
        options.output, max_steps=options.steps, per_device_train_batch_size=32, per_device_eval_batch_size=32,
        group_by_length=True, learning_rate=3e-3, adam_beta2=0.98, adam_epsilon=1e-6, weight_decay=0.01,
        warmup_ratio=0.06, logging_steps=50, eval_strategy="steps", eval_steps=max(options.steps // 10, 1),
        save_steps=250, save_total_limit=2, seed=0,
    )  # fmt: skip
    return mb.Trainer(
        mb.BertForMaskedLM(config, seed=0), args, [{"input_ids": row} for row in train],
        [{"input_ids": row} for row in held_out],
        mb.DataCollatorForLanguageModeling(tokenizer, seed=0), tokenizer,
        compute_metrics=masked_accuracy, preprocess_logits_for_metrics=lambda logits, _: logits.argmax(-1),
    )  # fmt: skip


def masked_accuracy(prediction: mb.EvalPrediction) -> dict[str, float]:
    """How many of the hidden tokens the model's first choice gets right."""
    hidden = prediction.label_ids != IGNORE_INDEX
    return {"accuracy": float((prediction.predictions == prediction.label_ids)[hidden].mean())}


def count_baselines(train: list[list[int]], held_out: list[list[int]]) -> dict[str, float]:
    """Accuracy, over every held-out token, of two counts on the training text."""
    single = collections.Counter(token for row in train for token in row[1:-1])
    most_frequent = single.most_common(1)[0][0]
    after: dict[int, collections.Counter[int]] = collections.defaultdict(collections.Counter)
    for row in train:
        for before, token in itertools.pairwise(row[:-1]):
            after[before][token] += 1
    best = {before: counts.most_common(1)[0][0] for before, counts in after.items()}
    pairs = [(before, token) for row in held_out for before, token in itertools.pairwise(row[:-1])]
    unigram = np.mean([token == most_frequent for _, token in pairs])
    bigram = np.mean([token == best.get(before, most_frequent) for before, token in pairs])
    return {"unigram": float(unigram), "bigram": float(bigram)}


def fill_masks(
    model: mb.BertForMaskedLM, tokenizer: mb.BertTokenizer, sentences: list[str]
) -> dict[str, list[str]]:
    """The model's first three words for sentences that are not in the corpus."""
    found = {}
    for sentence in sentences:
        batch = tokenizer([sentence], return_tensors="np")
        place = int((batch["input_ids"][0] == tokenizer.mask_token_id).argmax())
        best = np.argsort(-model(**batch).logits[0, place])[:3]
        found[sentence] = tokenizer.convert_ids_to_tokens(best.tolist())
    return found


if __name__ == "__main__":
    main()
