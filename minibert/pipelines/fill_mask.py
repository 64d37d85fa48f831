"""fill-mask: what stands behind the mask."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minibert.checks import check_count, check_text
from minibert.errors import InputError, InputWarning
from minibert.functional.losses import IGNORE_INDEX
from minibert.functional.softmax import softmax
from minibert.pipelines.base import Pipeline, Settings
from minibert.pipelines.rows import Batch, Job, Row
from minibert.pipelines.scores import host_logits, top


@dataclass(frozen=True)
class FillMaskSettings(Settings):
    """The options of fill-mask.

    Args:
        top_k: how many tokens to give for each mask.
        targets: a token or a list of them: only these are compared. A target that is no single token stands for
            its first piece, and a warning says so.
    """

    top_k: int = 5
    targets: Any = None

    def __post_init__(self) -> None:
        check_count("top_k", 5 if self.top_k is None else self.top_k)


class FillMaskPipeline(Pipeline):
    """The likeliest tokens at every mask of a text.

    One mask gives a list of {"score", "token", "token_str", "sequence"}, the likeliest first; several masks a list
    of such lists, each filled by itself while the others stay masked.
    """

    task = "fill-mask"
    settings_class = FillMaskSettings

    def __call__(self, inputs: Any, **options: Any) -> Any:
        if options.get("targets") is not None:
            options["targets"] = self.target_ids(options["targets"])
        answers = super().__call__(inputs, **options)
        return answers[0] if isinstance(inputs, list) and len(inputs) == 1 else answers

    def read_options(self, settings: Any, options: dict[str, Any]) -> Any:
        if self.tokenizer.mask_token_id is None:
            raise InputError(f"fill-mask: the tokenizer ({type(self.tokenizer).__name__}) has no mask token.")
        if options.get("targets") is not None and not isinstance(options["targets"], np.ndarray):
            options = {**options, "targets": self.target_ids(options["targets"])}
        return super().read_options(settings, options)

    def target_ids(self, targets: Any) -> np.ndarray:
        """The ids of the targets, each once; warns where a target is not one token.

        Raises:
            InputError: none of them gives a token.
        """
        vocabulary = self.tokenizer.get_vocab()
        ids = []
        for target in [targets] if isinstance(targets, str) else targets:
            id_ = vocabulary.get(check_text(target, "a target"))
            if id_ is None:
                id_ = self._first_piece(target)
            if id_ is not None:
                ids.append(id_)
        if not ids:
            raise InputError(f"targets is {targets!r}: it gives no token of the vocabulary.")
        return np.array(list(dict.fromkeys(ids)))

    def _first_piece(self, target: str) -> int | None:
        pieces = self.tokenizer(target, add_special_tokens=False)["input_ids"]
        names = self.tokenizer.convert_ids_to_tokens(pieces)
        if not pieces:
            warnings.warn(
                f"the target {target!r} gives no token of the vocabulary and is left out.", InputWarning, stacklevel=5
            )
            return None
        count = f"{len(pieces)} pieces ({', '.join(names)})" if len(pieces) > 1 else "not in the vocabulary"
        warnings.warn(
            f"the target {target!r} is {count}; a mask stands for one token, so {names[0]!r} is used for it.",
            InputWarning,
            stacklevel=5,
        )
        return pieces[0]

    def prepare(self, item: Any, settings: FillMaskSettings) -> list[Row]:
        text = check_text(item)
        row = self.row(self.encode(text, None, settings))
        row.details = np.flatnonzero(np.array(row.inputs["input_ids"]) == self.tokenizer.mask_token_id)
        if not len(row.details):
            raise InputError(
                f"the text has no mask: write {self.tokenizer.mask_token} where a word shall be filled in "
                f"({_short(text)!r})."
            )
        return [row]

    def forward(self, batch: Batch) -> Sequence[Any]:
        """The logits (masks, V) of every row; the vocabulary's head works at the masks only."""
        masked = np.full_like(batch.arrays["input_ids"], IGNORE_INDEX)
        for i, row in enumerate(batch.rows):
            masked[i, row.details] = 0  # any label: it only says which logits to keep
        output = self.model(**batch.arrays, labels=masked, logits_to_keep="labels")
        logits = output.logits if "logits" in output else output.prediction_logits
        ends = np.cumsum([len(row.details) for row in batch.rows])
        return np.split(host_logits(logits)[0], ends[:-1])

    def finish(self, job: Job) -> Any:
        settings, (row,) = job.settings, job.rows
        filled = []
        for place, probs in zip(row.details, softmax(row.output), strict=True):
            scores = probs if settings.targets is None else probs[settings.targets]
            best = top(scores, settings.top_k or 5)
            ids = best if settings.targets is None else settings.targets[best]
            filled.append([self._proposal(row, place, int(id_), float(probs[id_])) for id_ in ids])
        return filled[0] if len(filled) == 1 else filled

    def _proposal(self, row: Row, place: int, id_: int, score: float) -> dict[str, Any]:
        ids = list(row.inputs["input_ids"])
        ids[place] = id_
        ids = [other for other in ids if other != self.tokenizer.pad_token_id]
        # with several masks the others must stay visible
        sequence = self.decode(ids, skip_special_tokens=len(row.details) == 1)
        return {"score": score, "token": id_, "token_str": self.decode([id_]), "sequence": sequence}


def _short(text: str, width: int = 60) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
