"""Collators: from a list of features, as a tokenizer's calls give them, to one padded batch of arrays.

Names and arguments are transformers'; batches are NumPy's, and the model moves them to where it lives. A
feature is a dict of lists and numbers. Masking for language models is in `masking.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minibert.backend import to_numpy
from minibert.errors import InputError
from minibert.functional.losses import IGNORE_INDEX

# what a tokenizer's `pad` knows how to fill; anything else with one value a token is padded here
_PADDED_BY_TOKENIZER = ("input_ids", "token_type_ids", "attention_mask", "special_tokens_mask")
Feature = Mapping[str, Any]


def check_features(features: Sequence[Feature]) -> list[dict[str, Any]]:
    """A list of dicts with the same names, as lists and numbers. Raises InputError."""
    features = list(features)
    if not features:
        raise InputError("the collator was given no features: at least one belongs in a batch.")
    for i, feature in enumerate(features):
        if not isinstance(feature, Mapping):
            raise InputError(
                f"features[{i}] is a {type(feature).__name__}: a dict, as the tokenizer gives, belongs there."
            )
        if set(feature) != set(features[0]):
            differing = ", ".join(sorted(set(feature) ^ set(features[0])))
            raise InputError(f"features[{i}] and features[0] do not have the same names: {differing}.")
    if "input_ids" not in features[0]:
        raise InputError(f"features[0] has {', '.join(features[0]) or 'nothing'}, but no 'input_ids'.")
    return [{name: _plain(value) for name, value in feature.items()} for feature in features]


def _plain(value: Any) -> Any:
    return to_numpy(value).tolist() if hasattr(value, "dtype") else value


def pad_rows(rows: Sequence[Sequence[int]], length: int, filler: int, side: str = "right") -> np.ndarray:
    """Rows of at most `length` integers -> (B, length), filled up on one side.

    >>> pad_rows([[1, 2], [3]], 3, -100)
    array([[   1,    2, -100], [   3, -100, -100]])
    """
    padded = np.full((len(rows), length), filler, dtype=np.int64)
    for i, row in enumerate(rows):
        if len(row) > length:
            raise InputError(f"row {i} has {len(row)} labels, but the padded texts have {length} tokens.")
        if len(row):
            padded[i, slice(0, len(row)) if side == "right" else slice(length - len(row), length)] = row
    return padded


class DataCollatorWithPadding:
    """Pads the texts of a batch to one length; `label` and `label_ids` become `labels`.

    Called with [{name: list}, ...] it gives {name: array}: (B, T) int64 of what has a value a token, (B,) of the rest.

    Args:
        tokenizer: whose `pad` is used.
        padding: True or "longest", "max_length", or False.
        max_length: in tokens, for padding="max_length".
        pad_to_multiple_of: round the length up to a multiple of so many tokens.
        return_tensors: "np"; accepted for the sake of transformers' calls.

    Raises:
        InputError: there are no features, their names differ, one has no input_ids, or what does not get padded differs
            in length.

    Example:
        >>> import minibert as mb
        >>> tokenizer = mb.AutoTokenizer.from_pretrained("tiny-bert")
        >>> features = [{**tokenizer("A dog."), "label": 0}, {**tokenizer("A dog slept."), "label": 1}]
        >>> batch = DataCollatorWithPadding(tokenizer)(features)
        >>> batch["input_ids"].shape, batch["attention_mask"].tolist(), batch["labels"]
        ((2, 7), [[1, 1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1, 1]], array([0, 1]))
    """

    uses: tuple[str, ...] = ()  # columns that are read besides the model's own

    def __init__(
        self,
        tokenizer: Any,
        padding: bool | str = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        return_tensors: str = "np",
    ) -> None:
        if not hasattr(tokenizer, "pad"):
            raise InputError(f"the collator needs a tokenizer with pad(), and {type(tokenizer).__name__} has none.")
        if return_tensors != "np":
            raise InputError(f"return_tensors is {return_tensors!r}: batches are NumPy's here, 'np'.")
        self.tokenizer, self.padding, self.max_length = tokenizer, padding, max_length
        self.pad_to_multiple_of = pad_to_multiple_of

    def __call__(self, features: Sequence[Feature]) -> dict[str, np.ndarray]:
        """[{name: list}, ...] -> {name: array (B, T) or (B,)}."""
        rows = check_features(features)
        batch = self._pad(rows)
        for name in rows[0]:
            if name not in batch and name not in self.uses:
                target = "labels" if name in ("label", "label_ids") else name
                batch[target] = _stacked(name, [row[name] for row in rows])
        return batch

    def _pad(self, rows: list[dict[str, Any]]) -> dict[str, np.ndarray]:
        """The columns that the tokenizer pads."""
        known = [{name: row[name] for name in _PADDED_BY_TOKENIZER if name in row} for row in rows]
        padded = self.tokenizer.pad(
            known, padding=self.padding, max_length=self.max_length, pad_to_multiple_of=self.pad_to_multiple_of
        )
        return {name: _stacked(name, values) for name, values in padded.items()}

    def _padded_labels(self, rows: list[Sequence[int]], length: int) -> np.ndarray:
        """(B, T) labels on the side where the tokens are, -100 elsewhere."""
        return pad_rows(rows, length, IGNORE_INDEX, getattr(self.tokenizer, "padding_side", "right"))


def _stacked(name: str, values: Any) -> np.ndarray:
    try:
        array = np.asarray(values)
    except ValueError:
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} cannot be made one array of numbers: its rows are text or differ in length.")
    return array.astype(np.int64) if array.dtype.kind == "i" else array


class DataCollatorForTokenClassification(DataCollatorWithPadding):
    """Pads texts and their labels, one a token: the labels of padding are `label_pad_token_id`.

    Called with features that hold `labels` (or `label`), a list as long as input_ids, it gives them as (B, T) int64.

    Args:
        tokenizer, padding, max_length, pad_to_multiple_of, return_tensors: as of `DataCollatorWithPadding`.
        label_pad_token_id: -100, which the loss leaves out.

    Raises:
        InputError: a text has more or fewer labels than tokens; else as `DataCollatorWithPadding`.

    Example:
        >>> import minibert as mb
        >>> tokenizer = mb.AutoTokenizer.from_pretrained("tiny-bert")
        >>> features = [{"input_ids": [2, 9, 3], "labels": [-100, 1, -100]},
        ...             {"input_ids": [2, 9, 8, 3], "labels": [-100, 1, 0, -100]}]
        >>> DataCollatorForTokenClassification(tokenizer)(features)["labels"]
        array([[-100,    1, -100, -100],
               [-100,    1,    0, -100]])
    """

    def __init__(
        self,
        tokenizer: Any,
        padding: bool | str = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        label_pad_token_id: int = IGNORE_INDEX,
        return_tensors: str = "np",
    ) -> None:
        super().__init__(tokenizer, padding, max_length, pad_to_multiple_of, return_tensors)
        self.label_pad_token_id = label_pad_token_id

    def __call__(self, features: Sequence[Feature]) -> dict[str, np.ndarray]:
        rows = check_features(features)
        name = "label" if "label" in rows[0] else "labels"
        labels = [row.pop(name, None) for row in rows]
        batch = super().__call__(rows)
        if labels[0] is not None:
            for i, (row, label) in enumerate(zip(rows, labels, strict=True)):
                if len(label) != len(row["input_ids"]):
                    raise InputError(f"features[{i}] has {len(row['input_ids'])} tokens and {len(label)} labels.")
            side = getattr(self.tokenizer, "padding_side", "right")
            batch["labels"] = pad_rows(labels, batch["input_ids"].shape[1], self.label_pad_token_id, side)
        return batch


class DataCollatorForMultipleChoice(DataCollatorWithPadding):
    """Pads features that hold several texts each, (choices, tokens) lists, to (B, choices, T) int64.

    `label` or `labels`, the number of the right choice, become `labels` (B,). Arguments: those of
    `DataCollatorWithPadding`.

    Raises:
        InputError: the features have different numbers of choices; else as `DataCollatorWithPadding`.

    Example:
        >>> import minibert as mb
        >>> tokenizer = mb.AutoTokenizer.from_pretrained("tiny-bert")
        >>> choices = tokenizer(["It rained."] * 2, ["We got wet.", "The stone sang a song."])
        >>> batch = DataCollatorForMultipleChoice(tokenizer)([{**choices, "label": 0}])
        >>> batch["input_ids"].ndim, batch["input_ids"].shape[:2], batch["labels"]
        (3, (1, 2), array([0]))
    """

    def __call__(self, features: Sequence[Feature]) -> dict[str, np.ndarray]:
        rows = check_features(features)
        choices = {len(row["input_ids"]) for row in rows}
        if len(choices) != 1:
            raise InputError(f"the features have different numbers of choices: {', '.join(map(str, sorted(choices)))}.")
        count = choices.pop()
        labels = [row.pop(name) for row in rows for name in ("label", "labels") if name in row]
        flat = [{name: values[i] for name, values in row.items()} for row in rows for i in range(count)]
        batch = {name: array.reshape(len(rows), count, -1) for name, array in self._pad(flat).items()}
        if labels:
            batch["labels"] = _stacked("labels", labels)
        return batch


def default_data_collator(features: Sequence[Feature]) -> dict[str, np.ndarray]:
    """Stacks features that are already of one length: [{name: list or number}, ...] -> {name: array (B, ...)}.

    `label` and `label_ids` become `labels`.

    Raises:
        InputError: there are no features, their names or lengths differ, or one has no input_ids.

    Example:
        >>> batch = default_data_collator([{"input_ids": [2, 9, 3], "label": 1}, {"input_ids": [2, 8, 3], "label": 0}])
        >>> {name: array.tolist() for name, array in batch.items()}
        {'input_ids': [[2, 9, 3], [2, 8, 3]], 'labels': [1, 0]}
    """
    rows = check_features(features)
    return {
        "labels" if name in ("label", "label_ids") else name: _stacked(name, [row[name] for row in rows])
        for name in rows[0]
    }
