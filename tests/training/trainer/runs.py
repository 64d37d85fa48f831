"""A small Trainer for the tests of what stands around the loop."""

from pathlib import Path
from typing import Any

import minibert as mb
from tests.training import small


def trainer_of(folder: Path, **changes: Any) -> mb.Trainer:
    """A classifier with 22 texts, 8 of them to evaluate on; `changes` are of the arguments, or of the Trainer."""
    options = {
        name: changes.pop(name)
        for name in list(changes)
        if name
        in ("compute_metrics", "on_log", "on_trace", "trace_keep", "optimizers", "preprocess_logits_for_metrics")
    }
    data = small.classification_data()
    return mb.Trainer(
        small.classifier(),
        small.arguments(folder, **changes),
        data,
        data[:8],
        processing_class=small.tokenizer(),
        **options,
    )
