"""What all pipelines share: from inputs to rows of ids, through the model in batches of like length, to answers.

A task fills in three steps, and this file does the rest:

    `prepare`: an input -> rows of ids
    `forward`: rows of like length, padded -> what the model says of each
    `finish`:  an input, and what the model said of its rows -> the answer

Inputs may be one thing, a list, or a generator. Lists and generators are read in windows, within which rows are
sorted by length, so that little padding is computed; answers come in the order of the inputs.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, fields, replace
from itertools import count, islice
from typing import Any, ClassVar

import numpy as np

from minibert.checks import check_count
from minibert.errors import InputError
from minibert.finite import check_outputs
from minibert.pipelines.rows import Batch, Job, Row, by_length, pad
from minibert.pipelines.untrained import check_trained

WINDOW = 32  # batches that are sorted together
LONG = 64  # inputs from which on a terminal gets a progress bar


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
        allow_nonfinite: answer even from an output that is infinite or no number.
        options: defaults of the call's options.

    Raises:
        InputError: an option that the task has not, or a head that was never trained.
    """

    task: ClassVar[str] = ""
    settings_class: ClassVar[type[Settings]] = Settings
    output_names: ClassVar[tuple[str, ...]] = ("logits",)  # of what `forward` gives for a row
    _known: frozenset[int] | None = None  # the tokenizer's ids

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        batch_size: int | None = None,
        progress: bool | None = None,
        allow_untrained: bool = False,
        allow_nonfinite: bool = False,
        **options: Any,
    ) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.batch_size = check_count("batch_size", 16 if batch_size is None else batch_size)
        self.progress = progress
        self.allow_nonfinite = allow_nonfinite
        self.settings = self.read_options(self.settings_class(), options)
        if not allow_untrained:
            check_trained(model, self.task, self.needed)

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

    def forward(self, batch: Batch) -> Sequence[Any]:
        """Run the model on padded rows; gives what it says of each, on the host, without the padding."""
        raise NotImplementedError

    def finish(self, job: Job) -> Any:
        """The answer to one input, whose rows have their outputs."""
        raise NotImplementedError

    def needed(self, parameters: list[str]) -> list[str]:
        """Those of the model's parameters that the task reads: all."""
        return parameters

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
            NotFiniteError: the model's output is infinite or no number, and not `allow_nonfinite`.
        """
        del num_workers
        settings = self.read_options(self.settings, options)
        size = self.batch_size if batch_size is None else check_count("batch_size", batch_size)
        shown = self.progress if progress is None else progress
        if isinstance(inputs, Iterator):
            return self._stream(inputs, settings, size, None, shown)
        if isinstance(inputs, list):
            return list(self._stream(iter(inputs), settings, size, len(inputs), shown))
        return self._answers([self._job(inputs, settings, None)], size, _unseen)[0]

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
        """The answers to many inputs, of which `total` says how many if that is known."""
        if shown is None:
            shown = total is not None and total >= LONG and sys.stderr.isatty()
        numbers = count()
        with _progress(self.task, total) if shown else nullcontext(_unseen) as done:
            while window := list(islice(items, WINDOW * size)):
                jobs = [self._job(item, settings, None if total == 1 else next(numbers)) for item in window]
                yield from self._answers(jobs, size, done)

    def _job(self, item: Any, settings: Any, number: int | None) -> Job:
        """An input with its rows. Raises InputError, which says which input it was if it has a number."""
        try:
            return Job(item, settings, self.prepare(item, settings))
        except InputError as error:
            if number is None:
                raise
            raise InputError(f"input {number}: {error}") from None

    def _answers(self, jobs: list[Job], size: int, done: Callable[[int], Any]) -> list[Any]:
        """The answers to inputs whose rows are sorted together; `done` is told when the model has read one."""
        for group in by_length(jobs, size):
            rows = [row for _, row in group]
            for (job, row), output in zip(group, self.forward(Batch(rows, self.pad(rows))), strict=True):
                self._check_finite(output)
                row.output = output
                job.waiting -= 1
                done(job.waiting == 0)
        return [self.finish(job) for job in jobs]

    def _check_finite(self, output: Any) -> None:
        """Raise NotFiniteError if what the model said of a row holds infinity or NaN: no answer comes from that."""
        if not self.allow_nonfinite:
            parts = output if isinstance(output, tuple) else (output,)
            arrays = {
                name: np.asarray(part)
                for name, part in zip(self.output_names, parts, strict=False)
                if hasattr(part, "dtype")
            }
            check_outputs(arrays, self.model.parameters)

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
        """Rows -> arrays (B, T), padded on the right, as encoders want it."""
        return pad(rows, self.fillers)

    @property
    def fillers(self) -> dict[str, int]:
        """What padding holds, by the input's name."""
        pads = (self.tokenizer.pad_token_id, self.model.config.pad_token_id, 0)
        first = next(pad for pad in pads if pad is not None)
        return {"input_ids": first, "token_type_ids": self.tokenizer.pad_token_type_id}


@contextmanager
def _progress(task: str, total: int | None) -> Iterator[Callable[[int], Any]]:
    """A progress bar; what it gives is told how many inputs more are done."""
    from tqdm import tqdm

    with tqdm(total=total, desc=task, unit="input") as bar:
        yield bar.update


def _unseen(_inputs: int) -> None:
    """Stands where there is no progress bar."""
