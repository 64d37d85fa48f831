"""The same recipe in PyTorch: does minibert train as well?

    python recipes/tiny_bert.py --tokens 2000000 --output runs/short       # minibert's side
    python recipes/compare_torch.py tiny_bert runs/short                   # PyTorch's, and the comparison

Transformers' class gets minibert's first weights, the same batches and the same hidden tokens; torch's AdamW and
transformers' schedule take the steps. Without dropout nothing else is random, so the losses differ by rounding alone,
which grows slowly from step to step. Writes compare_torch.json into the run's folder. Needs torch and transformers.
"""

import argparse
import dataclasses
import importlib
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from english_models import prepare
from tqdm import tqdm
from training import Batches, MaskedTrainer, Recipe, eval_collator, make_trainer

from minibert.functional.losses import IGNORE_INDEX
from minibert.training.parameter_groups import is_not_decayed
from minibert.training.trainer.order import epoch_batches
from minibert.training.trainer.plot import LOG_FILE, read_log


def main() -> None:
    options = parse()
    module = importlib.import_module(options.recipe)
    figures = json.loads((options.run / "model" / "figures.json").read_text(encoding="utf-8"))
    recipe = dataclasses.replace(module.RECIPE, tokens=figures["recipe"]["tokens"])
    collator = None
    if options.recipe == "tiny_rembert":  # has a corpus and a way of hiding tokens of its own
        data = module.prepare(options.cache)
        collator = module.make_collator(data)
    else:
        data = prepare(recipe, module.make_tokenizer, module.POSITIONS, options.cache, options.run / "torch")
    model = module.make_model(data.tokenizer)
    trainer = make_trainer(recipe, model, data.tokenizer, data.rows, data.held_out, options.run / "torch", collator)
    model.save_pretrained(options.run / "torch" / "start")
    twin = getattr(transformers, type(model).__name__).from_pretrained(options.run / "torch" / "start")
    begun = time.process_time()
    losses = train(twin, recipe, trainer)
    seconds = time.process_time() - begun
    for weight in twin.parameters():
        weight.data = weight.data.half().float()
    theirs = {name: evaluate(twin, batches, recipe, data.tokenizer) for name, batches in trainer.held_out.items()}
    found = compare(figures, read_log(options.run / LOG_FILE), losses, recipe, theirs)
    found |= {"torch": torch.__version__, "transformers": transformers.__version__, "cpu_seconds": round(seconds)}
    print(json.dumps(found, indent=1))
    (options.run / "compare_torch.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", choices=["tiny_bert", "tiny_roberta", "tiny_rembert"], help="whose model")
    parser.add_argument("run", type=Path, help="folder of minibert's finished run")
    parser.add_argument("--cache", type=Path, default=Path("runs") / "packages", help="where packages are unpacked")
    return parser.parse_args()


def batches_in_order(trainer: MaskedTrainer) -> Iterator[dict[str, Any]]:
    """What minibert's Trainer draws, step by step."""
    planned = trainer.train_dataset or []
    for (place,) in epoch_batches(len(planned), 1, trainer.args.seed, 0):
        yield trainer.data_collator([planned[place]])


def masked_loss(model: Any, batch: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean loss over the hidden tokens, and whether each was right: logits are computed at these alone."""
    tensors = {name: torch.from_numpy(value) for name, value in batch.items() if isinstance(value, np.ndarray)}
    labels = tensors.pop("labels")
    hidden = model.base_model(**tensors).last_hidden_state[labels != IGNORE_INDEX]
    logits = (model.cls if hasattr(model, "cls") else model.lm_head)(hidden)
    targets = labels[labels != IGNORE_INDEX]
    return torch.nn.functional.cross_entropy(logits, targets), logits.argmax(-1) == targets


def train(model: Any, recipe: Recipe, trainer: MaskedTrainer) -> list[float]:
    """Every step of the recipe -> the loss of each."""
    steps = len(trainer.train_dataset or [])
    named = list(model.named_parameters())
    groups = [
        {"params": [weight for name, weight in named if not is_not_decayed(name)], "weight_decay": recipe.weight_decay},
        {"params": [weight for name, weight in named if is_not_decayed(name)], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas, eps=recipe.eps)
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, math.ceil(steps * recipe.warmup), steps)
    model.train()
    losses = []
    for batch in tqdm(batches_in_order(trainer), total=steps, desc="PyTorch", mininterval=2):
        loss, _ = masked_loss(model, batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return losses


@torch.no_grad()
def evaluate(model: Any, batches: Batches, recipe: Recipe, tokenizer: Any) -> dict[str, float]:
    """Loss and accuracy on a held-out set, with the tokens hidden that minibert's evaluation hides."""
    model.eval()
    collator = eval_collator(recipe, tokenizer)
    total, right, count = 0.0, 0, 0
    for batch in batches:
        loss, correct = masked_loss(model, collator([batch]))
        total += loss.item() * len(correct)
        right += int(correct.sum())
        count += len(correct)
    return {"loss": round(total / count, 4), "accuracy": round(right / count, 4)}


def compare(
    figures: dict[str, Any], log: list[dict[str, Any]], losses: list[float], recipe: Recipe, theirs: dict[str, Any]
) -> dict[str, Any]:
    """Both sides: the mean training losses over the same steps, and the final figures."""
    means = []
    last = 0
    for record in log:
        if "loss" in record:
            step = record["step"]
            means.append({"step": step, "minibert": round(record["loss"], 6),
                          "torch": round(float(np.mean(losses[last:step])), 6)})  # fmt: skip
            last = step
    relative = [abs(mean["minibert"] / mean["torch"] - 1) for mean in means]
    final = {
        name: {"minibert": {what: figures[f"final_{name}_{what}"] for what in ("loss", "accuracy")}, "torch": found}
        for name, found in theirs.items()
    }
    losses_final = [(found["minibert"]["loss"], found["torch"]["loss"]) for found in final.values()]
    ours, other = np.mean(losses_final, axis=0).tolist()
    return {
        "recipe": recipe.name,
        "tokens": recipe.tokens,
        "steps": len(losses),
        "largest_relative_difference_of_training_losses": max(relative),
        "until_step_1000": max(
            (gap for mean, gap in zip(means, relative, strict=True) if mean["step"] <= 1000), default=None
        ),
        "mean_final_loss": {"minibert": round(ours, 4), "torch": round(other, 4), "ratio": round(ours / other, 5)},
        "final": final,
        "training_losses": means,
    }


if __name__ == "__main__":
    main()
