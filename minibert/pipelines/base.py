"""What all pipelines share: from inputs to rows of ids, through the model in batches of like length, to answers.

A task fills in three steps, and this file does the rest:

    input -> `prepare` -> rows of ids -> sorted by length, padded, `forward` -> what each row gave -> `finish` -> answer

Inputs may be one thing, a list, or a generator. Lists and generators are read in windows, within which rows are
sorted by length, so that little padding is computed; answers come in the order of the inputs.
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from itertools import islice
from typing import Any, ClassVar

import numpy as np

from minibert.errors import InputError
from minibert.pipelines.untrained import check_trained

WINDOW = 32  # batches that are sorted together
LONG = 64  # inputs from which on a terminal gets a progress bar


@dataclass
class Row:
    """One text, pair or part of a long text: what the model is given, as lists, and what the task remembers."""

    inputs: dict[str, list[int]]
    details: Any = None

    def __len__(self) -> int:
        return len(self.inputs["input_ids"])


@dataclass(frozen=True)
class Settings:
    """The options of a call that every task has.

    Args:
        truncation: cut texts that are too long for the model, True for at their end; without it they are an error.
        max_length: cut to this many tokens, at most what the model has positions for.
        tokenizer_kwargs: further arguments of the tokenizer's call.
    """

    truncation: Any = None
    max_length: int | None = None
    tokenizer_kwargs: dict[str, Any] | None = None


class Pipeline:
    """A task: a model and its tokenizer.

    Args:
        model: a model of a class that has the task.
        tokenizer: the tokenizer that the model was trained with.
        batch_size: rows that the model gets at once.
        progress: whether to show a progress bar; by default on a terminal, from 64 inputs on.
        allow_untrained: predict even with a head whose weights were drawn at random when the model was loaded.
        options: defaults of the call's options.

    Raises:
        InputError: an option that the task has not, or a head that was never trained.
    """

    task: ClassVar[str] = ""
    settings_class: ClassVar[type[Settings]] = Settings
    _known: frozenset[int] | None = None  # the tokenizer's ids

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        batch_size: int | None = None,
        progress: bool | None = None,
        allow_untrained: bool = False,
        **options: Any,
    ) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.batch_size = check_count("batch_size", 16 if batch_size is None else batch_size)
        self.progress = progress
        self.settings = self.read_options(self.settings_class(), options)
        if not allow_untrained:
            check_trained(model, self.task, self.needs)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({type(self.model).__name__}, {type(self.tokenizer).__name__})"

    @property
    def device(self) -> str:
        """Where the model lives: "cpu" or "cuda:0"."""
        return self.model.device

    # ------------------------------------------------------------ what a task fills in

    def prepare(self, item: Any, settings: Any) -> list[Row]:
        """One input as the rows that the model shall see."""
        raise NotImplementedError

    def forward(self, batch: dict[str, np.ndarray], rows: list[Row]) -> list[Any]:
        """Run the model on padded rows; gives what it says of each, on the host, without the padding."""
        raise NotImplementedError

    def finish(self, item: Any, rows: list[Row], outputs: list[Any], settings: Any) -> Any:
        """One input's rows and what the model said of them, as the answer."""
        raise NotImplementedError

    def needs(self, parameter: str) -> bool:
        """Whether the task reads this parameter of the model."""
        return True

    # ------------------------------------------------------------ the call

    def __call__(
        self,
        inputs: Any,
        *,
        batch_size: int | None = None,
        progress: bool | None = None,
        num_workers: int | None = None,
        **options: Any,
    ) -> Any:
        """The answer to one input, a list of answers to a list, a generator of answers to a generator.

        Args:
            inputs: what the task takes: see the class.
            batch_size, progress: as of the pipeline.
            num_workers: accepted and not used: everything happens in this process.
            options: those of the task, see `settings_class`.

        Raises:
            InputError: an option or an input does not fit; for a list the message says which input.
        """
        settings = self.read_options(self.settings, options)
        size = self.batch_size if batch_size is None else check_count("batch_size", batch_size)
        shown = self.progress if progress is None else progress
        if isinstance(inputs, Iterator):
            return self._stream(inputs, settings, size, None, shown)
        if isinstance(inputs, list):
            return list(self._stream(iter(inputs), settings, size, len(inputs), shown))
        return self._window([inputs], settings, size, lambda count: None)[0]

    def read_options(self, settings: Any, options: dict[str, Any]) -> Any:
        """Settings with these options changed. Raises InputError for a name that the task has not."""
        known = [field.name for field in fields(settings)]
        for name in options:
            if name not in known:
                raise InputError(f"{self.task} takes no {name!r}: its options are {', '.join(known)}.")
        return replace(settings, **options)

    def _stream(
        self, items: Iterator[Any], settings: Any, size: int, total: int | None, shown: bool | None
    ) -> Iterator[Any]:
        if shown is None:
            shown = total is not None and total >= LONG and sys.stderr.isatty()
        bar = None
        if shown:
            from tqdm import tqdm

            bar = tqdm(total=total, desc=self.task, unit="input")
        start = 0
        try:
            while window := list(islice(items, WINDOW * size)):
                tick = (lambda count: None) if bar is None else bar.update
                yield from self._window(window, settings, size, tick, start if total != 1 else None)
                start += len(window)
        finally:
            if bar is not None:
                bar.close()

    def _window(self, items: list[Any], settings: Any, size: int, tick: Any, start: int | None = None) -> list[Any]:
        """Answers to inputs whose rows are sorted together; `start` numbers them in error messages."""
        prepared: list[list[Row]] = []
        for i, item in enumerate(items):
            try:
                prepared.append(self.prepare(item, settings))
            except InputError as error:
                if start is None:
                    raise
                raise InputError(f"input {start + i}: {error}") from None
        flat = [(len(row), i, j) for i, rows in enumerate(prepared) for j, row in enumerate(rows)]
        outputs: list[list[Any]] = [[None] * len(rows) for rows in prepared]
        waiting = [len(rows) for rows in prepared]
        flat.sort()
        for first in range(0, len(flat), size):
            places = [(i, j) for _, i, j in flat[first : first + size]]
            rows = [prepared[i][j] for i, j in places]
            for (i, j), output in zip(places, self.forward(self.pad(rows), rows), strict=True):
                outputs[i][j] = output
                waiting[i] -= 1
                tick(waiting[i] == 0)
        return [
            self.finish(item, rows, given, settings) for item, rows, given in zip(items, prepared, outputs, strict=True)
        ]

    # ------------------------------------------------------------ helpers of the tasks

    @property
    def longest(self) -> int:
        """How many tokens the model has positions for."""
        encoder = getattr(self.model, "base_model", self.model)
        return self.model.config.max_position_embeddings - encoder.first_position

    @property
    def cut_length(self) -> int:
        """The length to which texts are cut: what the tokenizer says, at most what the model takes."""
        return min(self.tokenizer.model_max_length, self.longest)

    def encode(self, text: Any, pair: Any, settings: Any, **options: Any) -> Any:
        """One text, or a pair, as the tokenizer gives it; cut if the settings say so."""
        options = {**(settings.tokenizer_kwargs or {}), **options}
        if settings.truncation is not None:
            options["truncation"] = settings.truncation
        if settings.max_length is not None:
            options["max_length"] = min(settings.max_length, self.longest)
        if options.get("truncation") and options.get("max_length") is None:
            options["max_length"] = self.cut_length
        for name in ("padding", "return_tensors"):  # rows are padded here, when it is known which go together
            options.pop(name, None)
        return self.tokenizer(text, pair, verbose=False, **options)

    def row(self, encoded: Any, details: Any = None, hint: str = "give truncation=True to cut it at the end") -> Row:
        """An encoded text as a row. Raises InputError, with a hint, if it is too long for the model or empty."""
        inputs = {name: list(encoded[name]) for name in ("input_ids", "token_type_ids") if name in encoded}
        if len(inputs["input_ids"]) > self.longest:
            raise InputError(
                f"the text has {len(inputs['input_ids'])} tokens with the special ones, but the model has positions "
                f"for {self.longest}: {hint}."
            )
        if not inputs["input_ids"]:
            raise InputError("the text has no token.")
        if "token_type_ids" in inputs and "token_type_ids" not in self.tokenizer.model_input_names:
            del inputs["token_type_ids"]
        return Row(inputs, details)

    def decode(self, ids: list[int], **options: Any) -> str:
        """Ids as text; those of the model alone, whose vocabulary may be padded to a round size, give none."""
        if self._known is None:
            self._known = frozenset(self.tokenizer.get_vocab().values())
        return self.tokenizer.decode([id_ for id_ in ids if id_ in self._known], **options)

    def pad(self, rows: list[Row]) -> dict[str, np.ndarray]:
        """Rows -> arrays (B, T) of the longest one's length, padded on the right, as encoders want it."""
        length = max(map(len, rows))
        batch = {name: np.full((len(rows), length), self._filler(name)) for name in rows[0].inputs}
        batch["attention_mask"] = np.zeros((len(rows), length), dtype=np.int64)
        for i, row in enumerate(rows):
            for name, values in row.inputs.items():
                batch[name][i, : len(values)] = values
            batch["attention_mask"][i, : len(row)] = 1
        return batch

    def _filler(self, name: str) -> int:
        if name == "token_type_ids":
            return self.tokenizer.pad_token_type_id
        for pad in (self.tokenizer.pad_token_id, self.model.config.pad_token_id):
            if pad is not None:
                return pad
        return 0


def check_text(value: Any, what: str = "the input") -> str:
    """A text. Raises InputError for anything else."""
    if not isinstance(value, str):
        raise InputError(f"{what} is a {type(value).__name__}: a text (str) belongs there.")
    return value


def check_count(name: str, value: Any, least: int = 1) -> int:
    """An integer of at least this. Raises InputError."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < least:
        raise InputError(f"{name} is {value!r}: an integer of {least} or more belongs there.")
    return int(value)


def check_choice(name: str, value: Any, choices: Iterable[str]) -> Any:
    """One of the choices, an enum's value counting as itself. Raises InputError that lists them."""
    value = getattr(value, "value", value)
    choices = list(choices)
    if value not in choices:
        raise InputError(f"{name} is {value!r}: choose one of {', '.join(choices)}.")
    return value
