"""The options of `generate`, checked before anything runs."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minibert.errors import InputError

NEW_TOKENS = 20  # transformers' default
SAMPLING = ("temperature", "top_k", "top_p")
BEAMS = ("length_penalty", "early_stopping")
POSITIONS = ("transformers", "model")


@dataclass
class Options:
    """See `generate`, whose arguments these are."""

    max_length: int | None = None
    max_new_tokens: int | None = None
    min_length: int | None = None
    min_new_tokens: int | None = None
    do_sample: bool = False
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float | None = None
    no_repeat_ngram_size: int | None = None
    num_beams: int = 1
    length_penalty: float | None = None
    early_stopping: Any = None
    num_return_sequences: int = 1
    eos_token_id: Any = None
    pad_token_id: int | None = None
    use_cache: bool | None = None
    positions: str = "transformers"
    seed: Any = None
    logits_processor: Sequence[Callable[..., Any]] = ()
    stopping_criteria: Sequence[Callable[..., Any]] = ()
    streamer: Any = None
    eos: tuple[int, ...] = field(default=(), init=False)

    def check(self, vocab_size: int) -> None:
        """Raise InputError for what cannot be meant, and warn of what has no effect."""
        for name in ("max_length", "max_new_tokens", "num_beams", "num_return_sequences"):
            _check_integer(name, getattr(self, name), 1)
        for name in ("min_length", "min_new_tokens", "top_k", "no_repeat_ngram_size"):
            _check_integer(name, getattr(self, name), 0)
        for name in ("temperature", "repetition_penalty"):
            _check_number(name, getattr(self, name), lambda value: value > 0, "a number above 0")
        _check_number("top_p", self.top_p, lambda value: 0 <= value <= 1, "a number from 0 to 1")
        _check_number("length_penalty", self.length_penalty, lambda value: True, "a number")
        if self.early_stopping not in (None, True, False, "never"):
            raise InputError(f"early_stopping is {self.early_stopping!r}: True, False or 'never' belongs there.")
        if self.positions not in POSITIONS:
            raise InputError(f"positions is {self.positions!r}: choose one of {', '.join(POSITIONS)}.")
        self._check_ids(vocab_size)
        self._check_together()

    def _check_ids(self, vocab_size: int) -> None:
        eos = () if self.eos_token_id is None else np.atleast_1d(np.asarray(self.eos_token_id)).tolist()
        self.eos = tuple(eos)
        for name, ids in (
            ("eos_token_id", eos),
            ("pad_token_id", [] if self.pad_token_id is None else [self.pad_token_id]),
        ):
            for id_ in ids:
                if not isinstance(id_, int | np.integer) or not 0 <= id_ < vocab_size:
                    raise InputError(f"{name} is {id_!r}: ids 0..{vocab_size - 1} exist here.")
        if self.pad_token_id is None:
            self.pad_token_id = self.eos[0] if self.eos else 0

    def _check_together(self) -> None:
        if self.num_beams == 1 and not self.do_sample and self.num_return_sequences > 1:
            raise InputError(
                f"num_return_sequences is {self.num_return_sequences}, but greedy search finds one text only: "
                "give do_sample=True or num_beams=."
            )
        if self.num_beams > 1 and self.num_return_sequences > self.num_beams:
            raise InputError(
                f"num_return_sequences is {self.num_return_sequences}, more than the {self.num_beams} beams."
            )
        if self.num_beams > 1 and self.streamer is not None:
            raise InputError("a streamer needs one text that only grows, but beams change it backwards: num_beams=1.")
        idle = [name for name in SAMPLING if getattr(self, name) is not None and not self.do_sample]
        idle += [name for name in BEAMS if getattr(self, name) is not None and self.num_beams == 1]
        if idle:
            wanted = "do_sample=True" if idle[0] in SAMPLING else "num_beams above 1"
            warnings.warn(f"{', '.join(idle)} has no effect without {wanted}.", stacklevel=5)

    def settle_lengths(self, prompt: int, limit: int) -> tuple[int, int]:
        """The lengths at which texts end at the latest and before which they do not end, prompt included.

        Args:
            prompt: how long the prompt is.
            limit: how long a text can be for the model's positions.

        Raises:
            InputError: there is no room after the prompt, or more is asked for than the model has positions for.
        """
        if self.max_new_tokens is not None:
            most = prompt + self.max_new_tokens
        elif self.max_length is not None:
            most = self.max_length
        else:
            most = max(min(prompt + NEW_TOKENS, limit), prompt + 1)
        if most > limit:
            raise InputError(
                f"texts of {most} tokens are asked for (the prompt has {prompt}), but the model has positions for "
                f"{limit}: give max_new_tokens={limit - prompt} at most."
                if prompt < limit
                else f"the prompt has {prompt} tokens and the model positions for {limit}, which leaves no room for "
                "new ones: shorten it."
            )
        if most <= prompt:
            raise InputError(
                f"max_length is {most}, which counts the prompt's {prompt} tokens too: give more, or max_new_tokens=."
            )
        least = prompt + self.min_new_tokens if self.min_new_tokens is not None else self.min_length or 0
        if least > most:
            raise InputError(f"texts of at least {least} tokens are asked for, and of at most {most}.")
        return most, least


def _check_integer(name: str, value: Any, least: int) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least):
        raise InputError(f"{name} is {value!r}: an integer of {least} or more belongs there.")


def _check_number(name: str, value: Any, fits: Callable[[Any], bool], wanted: str) -> None:
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if value is not None and not (number and fits(value)):
        raise InputError(f"{name} is {value!r}: {wanted} belongs there.")
