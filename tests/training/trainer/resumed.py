"""A run that can be stopped and resumed, with everything random in it."""

from pathlib import Path

import minibert as mb
from tests.training import small

STEPS = 12


def make(folder: Path, **changes) -> mb.Trainer:
    """Masked words with dropout, accumulation, evaluation and clipping: everything random is in it."""
    data = [{"input_ids": ids} for ids in small.texts(23)]
    settings = {"eval_strategy": "steps", "eval_steps": 5, "max_grad_norm": 0.5, "group_by_length": True, **changes}
    args = small.arguments(folder, max_steps=STEPS, **settings)
    collator = mb.DataCollatorForLanguageModeling(small.tokenizer(), seed=1, mlm_probability=0.4)
    return mb.Trainer(small.language_model(), args, data, data[:7], collator, small.tokenizer())
