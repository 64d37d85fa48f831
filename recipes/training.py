"""What the recipes share: from lines of text to a trained masked language model, its log, its picture and its files.

    recipe = Recipe("tiny-bert", tokens=20_000_000)
    pretrain(recipe, model, tokenizer, train_lines, {"story": held_out_lines, ...}, output)

One line is one sequence. Lines are sorted by length within pools and cut into batches of about `batch_tokens`
tokens, padding included, so that almost no work goes into padding. The batches of all epochs are planned before the
first step; the Trainer draws them in a shuffled order. Tokens are hidden anew each time (Liu et al. 2019, section
4.1), and logits are computed at hidden places only. Everything follows from the seed, and a run that was
interrupted goes on from its last checkpoint with the same numbers.
"""

import itertools
import json
import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import minibert as mb
from minibert.functional.losses import IGNORE_INDEX
from minibert.training.collators import check_features
from minibert.training.trainer.checkpoints import last_checkpoint
from minibert.training.trainer.evaluation import Evaluator
from minibert.weights import save_safetensors
from minibert.weights.shards import SINGLE_FILE

LOG_FILE, PICTURE = "log.jsonl", "loss.png"
Rows = list[dict[str, list[int]]]  # {"input_ids": ..., "token_type_ids": ...}, one a sequence
Batches = list[dict[str, list[list[int]]]]


@dataclass(frozen=True)
class Recipe:
    """How a model is trained.

    Args:
        name: of the model.
        tokens: how many to train on, padding not counted, repetitions counted.
        batch_tokens: of a batch, padding included.
        pool: how many lines are sorted by length at a time.
        masked: how much of each text is hidden in training; `eval_masked` in evaluations. 80 % of it becomes the
            mask token, 10 % a random token, 10 % stays (Devlin et al. 2018, section 3.1).
        learning_rate, betas, eps, weight_decay, clip: of AdamW; only matrices decay.
        warmup: part of all steps in which the learning rate rises; then it falls to zero in a line.
        seed: of the first weights, the order of the batches and the masks.
        eval_every, save_every, log_every: steps.
    """

    name: str
    tokens: int
    batch_tokens: int = 1024
    pool: int = 4000
    masked: float = 0.20
    eval_masked: float = 0.15
    learning_rate: float = 3e-3
    betas: tuple[float, float] = (0.9, 0.98)
    eps: float = 1e-6
    weight_decay: float = 0.01
    clip: float = 1.0
    warmup: float = 0.06
    seed: int = 0
    eval_every: int = 2000
    save_every: int = 500
    log_every: int = 100

    def arguments(self, output: Path, steps: int) -> mb.TrainingArguments:
        """The Trainer's settings; its batches are one planned batch each."""
        return mb.TrainingArguments(
            output, max_steps=steps, per_device_train_batch_size=1, per_device_eval_batch_size=1,
            learning_rate=self.learning_rate, adam_beta1=self.betas[0], adam_beta2=self.betas[1],
            adam_epsilon=self.eps, weight_decay=self.weight_decay, max_grad_norm=self.clip,
            warmup_ratio=self.warmup, logging_steps=self.log_every, eval_strategy="steps", eval_steps=self.eval_every,
            save_steps=self.save_every, save_total_limit=2, seed=self.seed, dropout=False,
        )  # fmt: skip


# from lines to batches


def encode(tokenizer: Any, lines: Sequence[str], max_length: int) -> Rows:
    """Every line as token ids with special tokens, cut at max_length."""
    found = tokenizer(list(lines), truncation=True, max_length=max_length, return_attention_mask=False)
    return [dict(zip(found, values, strict=True)) for values in zip(*found.values(), strict=True)]


def encode_pairs(tokenizer: Any, lines: Sequence[str], count: int, max_length: int, seed: int) -> Rows:
    """`count` pairs of lines drawn at random: they train the later positions, and the second token type if any."""
    rng = np.random.default_rng([seed, 3])
    places = rng.integers(0, len(lines), (count, 2)).tolist()
    first, second = [lines[i] for i, _ in places], [lines[j] for _, j in places]
    found = tokenizer(first, second, truncation=True, max_length=max_length, return_attention_mask=False)
    return [dict(zip(found, values, strict=True)) for values in zip(*found.values(), strict=True)]


def cut_batches(rows: Rows, batch_tokens: int) -> Batches:
    """Neighbouring rows as batches of at most batch_tokens tokens, padding included; a longer row stands alone."""
    batches: Batches = []
    batch: Rows = []
    longest = 0
    for row in rows:
        longest = max(longest, len(row["input_ids"]))
        if batch and longest * (len(batch) + 1) > batch_tokens:
            batches.append(_as_batch(batch))
            batch, longest = [], len(row["input_ids"])
        batch.append(row)
    return [*batches, _as_batch(batch)] if batch else batches


def _as_batch(rows: Rows) -> dict[str, list[list[int]]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def plan_batches(rows: Rows, recipe: Recipe) -> Batches:
    """The batches of whole epochs, and a part of a last one, until their tokens are the recipe's.

    In each epoch all rows are shuffled, sorted by length within pools, and cut.
    """
    planned: Batches = []
    tokens, epoch = 0, 0
    while tokens < recipe.tokens:
        rng = np.random.default_rng([recipe.seed, 2, epoch])
        order = rng.permutation(len(rows)).tolist()
        batches: Batches = []
        for start in range(0, len(order), recipe.pool):
            pool = sorted(order[start : start + recipe.pool], key=lambda i: len(rows[i]["input_ids"]))
            batches += cut_batches([rows[i] for i in pool], recipe.batch_tokens)
        for place in rng.permutation(len(batches)).tolist():
            planned.append(batches[place])
            tokens += sum(map(len, batches[place]["input_ids"]))
            if tokens >= recipe.tokens:
                break
        epoch += 1
    return planned


class BatchCollator(mb.DataCollatorForLanguageModeling):
    """Pads one planned batch and hides tokens in it. The rules and the draws are the base class's."""

    def __call__(self, features: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """[one batch: {name: rows}] -> {name: array (B, T)}; only the hidden tokens get logits."""
        (batch,) = check_features(features)
        length = max(map(len, batch["input_ids"]))
        fillers = {"input_ids": self.tokenizer.pad_token_id, "token_type_ids": 0}
        arrays: dict[str, Any] = {name: _padded(rows, length, fillers[name]) for name, rows in batch.items()}
        ids = arrays["input_ids"]
        arrays["attention_mask"] = _padded([[1] * len(row) for row in batch["input_ids"]], length, 0)
        hidden = self.mask_tokens(ids, np.isin(ids, self.tokenizer.all_special_ids))
        return {**arrays, "input_ids": hidden.input_ids, "labels": hidden.labels, "logits_to_keep": "labels"}


def _padded(rows: Sequence[Sequence[int]], length: int, filler: int) -> np.ndarray:
    padded = np.full((len(rows), length), filler, dtype=np.int64)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = row
    return padded


# training


class MaskedTrainer(mb.Trainer):
    """A Trainer that evaluates on several held-out sets by name, each with the same hidden tokens every time."""

    def __init__(self, recipe: Recipe, model: Any, tokenizer: Any, planned: Batches, held_out: Mapping[str, Batches],
                 output: Path, collator: BatchCollator | None = None) -> None:  # fmt: skip
        super().__init__(
            model, recipe.arguments(output, len(planned)), planned, next(iter(held_out.values())),
            collator or BatchCollator(tokenizer, mlm_probability=recipe.masked, seed=recipe.seed), tokenizer,
            compute_metrics=lambda found: {"accuracy": float(found.predictions.mean())},
        )  # fmt: skip
        self.held_out = held_out
        self.evaluator = Evaluator(model, eval_collator(recipe, tokenizer), 1, recipe.seed, _is_right)

    def evaluate(self, eval_dataset: Any = None, metric_key_prefix: str = "eval") -> dict[str, float]:
        """Loss and accuracy of every held-out set, eval_NAME_loss and eval_NAME_accuracy, and the mean loss."""
        if eval_dataset is not None:
            return super().evaluate(eval_dataset, metric_key_prefix)
        metrics: dict[str, float] = {}
        for name, batches in self.held_out.items():
            found = self.evaluator.run(batches, keep_predictions=True)
            assert found.loss is not None
            assert found.prediction is not None
            metrics[f"{metric_key_prefix}_{name}_loss"] = round(found.loss, 4)
            metrics[f"{metric_key_prefix}_{name}_accuracy"] = round(float(found.prediction.predictions.mean()), 4)
        losses = [value for name, value in metrics.items() if name.endswith("_loss")]
        metrics[f"{metric_key_prefix}_loss"] = round(float(np.mean(losses)), 4)
        self.record(**metrics)
        return metrics


def eval_batches(recipe: Recipe, rows: Rows) -> Batches:
    """A held-out set as batches, by length."""
    return cut_batches(sorted(rows, key=lambda row: len(row["input_ids"])), recipe.batch_tokens)


def eval_collator(recipe: Recipe, tokenizer: Any) -> BatchCollator:
    """A collator that hides what evaluations hide."""
    collator = BatchCollator(tokenizer, mlm_probability=recipe.eval_masked)
    collator.load_state_dict({"rng": np.random.default_rng([recipe.seed, 1]).bit_generator.state})
    return collator


def _is_right(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """logits (1, M, V) of the hidden tokens, labels (B, T) -> (M,) whether the first choice is right."""
    return logits[0].argmax(-1) == labels[labels != IGNORE_INDEX]


def make_trainer(
    recipe: Recipe, model: Any, tokenizer: Any, rows: Rows, held_out: Mapping[str, Rows], output: Path,
    collator: BatchCollator | None = None,
) -> MaskedTrainer:  # fmt: skip
    """A Trainer with all batches planned; `collator` hides tokens in training, by default evenly."""
    sets = {name: eval_batches(recipe, found) for name, found in held_out.items()}
    return MaskedTrainer(recipe, model, tokenizer, plan_batches(rows, recipe), sets, output, collator)


def pretrain(
    recipe: Recipe, model: Any, tokenizer: Any, rows: Rows, held_out: Mapping[str, Rows], output: Path,
    title: str = "", collator: BatchCollator | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Train to the end (going on from a checkpoint in `output` if there is one), and write output/model.

    Returns:
        The figures of the finished model, after its weights were rounded to float16: loss and accuracy of each
        held-out set beside its unigram and bigram baselines, tokens, steps, and CPU seconds (None for a run that
        was resumed).
    """
    trainer = make_trainer(recipe, model, tokenizer, rows, held_out, output, collator)
    begun, checkpoint = time.process_time(), last_checkpoint(output)
    trainer.train(resume_from_checkpoint=checkpoint)
    round_to_float16(model)
    metrics = trainer.evaluate(metric_key_prefix="final")
    figures = {
        **metrics,
        **{f"{kind}_{name}_{what}": value for name, batches in trainer.held_out.items()
           for kind, found in baselines(rows, batches, recipe, tokenizer).items() for what, value in found.items()},
        "steps": trainer.global_step,
        "tokens": sum(len(row) for batch in trainer.train_dataset or () for row in batch["input_ids"]),
        "rows": len(rows),
        "tokens_an_epoch": sum(len(row["input_ids"]) for row in rows),
        "parameters": model.num_parameters(),
        "cpu_seconds": None if checkpoint else round(time.process_time() - begun),
        "recipe": asdict(recipe),
    }  # fmt: skip
    folder = output / "model"
    save_float16(model, folder)
    tokenizer.save_pretrained(folder)
    write_log(trainer.log_history, folder / LOG_FILE)
    trainer.plot_loss(folder / PICTURE, title=title or recipe.name)
    write_figures(figures, folder)
    return figures


def write_figures(figures: Mapping[str, Any], folder: Path) -> None:
    """figures.json."""
    (folder / "figures.json").write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_log(records: Sequence[Mapping[str, Any]], path: Path) -> None:
    """The log as JSON lines, numbers to four or five digits."""
    with path.open("w", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps({name: _short(value) for name, value in record.items()}) + "\n")


def _short(value: Any) -> Any:
    return float(f"{value:.5g}") if isinstance(value, float) else value


# files


def round_to_float16(model: Any) -> None:
    """Round every weight to the nearest float16 number, in place: what is then measured is what is shipped."""
    for name, weight in model.parameters.items():
        model.parameters[name] = weight.astype(np.float16).astype(weight.dtype)


def save_float16(model: Any, folder: Path) -> None:
    """config.json and model.safetensors with float16 weights; the configuration asks for float32 arithmetic."""
    model.save_pretrained(folder)
    stored = {name: weight.astype(np.float16) for name, weight in model.state_dict().items()}
    save_safetensors(folder / SINGLE_FILE, stored, {"format": "pt"})


# baselines


def hidden_tokens(batches: Batches, recipe: Recipe, tokenizer: Any) -> Iterator[tuple[int, int]]:
    """(the token before, the hidden token) for every token that evaluations hide."""
    collator = eval_collator(recipe, tokenizer)
    for batch in batches:
        labels = collator([batch])["labels"]
        for row, place in zip(*np.nonzero(labels != IGNORE_INDEX), strict=True):
            yield batch["input_ids"][row][place - 1], batch["input_ids"][row][place]


def baselines(rows: Rows, batches: Batches, recipe: Recipe, tokenizer: Any) -> dict[str, dict[str, float]]:
    """What counting alone reaches on the hidden tokens of a held-out set.

    unigram: each token with its frequency in the training text, one added; bigram: the token that most often
    follows the token before (which may itself be hidden from the model, but not from this baseline).
    """
    special = set(tokenizer.all_special_ids)
    counts: Counter[int] = Counter()
    after: dict[int, Counter[int]] = {}
    for row in rows:
        ids = row["input_ids"]
        counts.update(token for token in ids if token not in special)
        for before, token in itertools.pairwise(ids):
            if token not in special:
                after.setdefault(before, Counter())[token] += 1
    commonest = counts.most_common(1)[0][0]
    best = {before: found.most_common(1)[0][0] for before, found in after.items()}
    total = counts.total() + len(tokenizer)
    pairs = list(hidden_tokens(batches, recipe, tokenizer))
    loss = -sum(math.log((counts[token] + 1) / total) for _, token in pairs) / len(pairs)
    return {
        "unigram": {"loss": round(loss, 4), "accuracy": _share(token == commonest for _, token in pairs)},
        "bigram": {"accuracy": _share(token == best.get(before, commonest) for before, token in pairs)},
    }


def _share(right: Any) -> float:
    return round(float(np.mean(list(right))), 4)
