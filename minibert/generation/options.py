"""The options of `generate`, checked before anything runs."""

import difflib
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from minibert.checks import check_count
from minibert.errors import InputError, OptionWarning

NEW_TOKENS = 20  # transformers' default
SAMPLING = ("temperature", "top_k", "top_p", "min_p")
BEAMS = ("length_penalty", "early_stopping")
POSITIONS = ("transformers", "model")
_INTEGERS = {  # option -> the least that it can be
    "max_length": 1, "max_new_tokens": 1, "num_beams": 1, "num_return_sequences": 1,
    "min_length": 0, "min_new_tokens": 0, "top_k": 0, "no_repeat_ngram_size": 0,
}  # fmt: skip
SPECIAL_TOKENS = ("bos_token_id", "eos_token_id", "pad_token_id")


@dataclass
class Options:
    """What `generate` can be told besides its prompts, with transformers' names.

    Args:
        max_length, max_new_tokens: how long a text becomes, with and without its prompt; by default 20 new tokens.
        min_length, min_new_tokens: before that no text ends.
        do_sample: draw tokens by their probabilities instead of taking the likeliest.
        temperature: of sampling, flatter above 1, steeper below.
        top_k, top_p, min_p: of sampling: draw among the k likeliest tokens (50 by default, 0 for all); among the
            likeliest that sum to p; among those at least p times as likely as the likeliest.
        repetition_penalty: above 1 makes tokens of the text so far less likely.
        no_repeat_ngram_size: no n tokens stand in a text twice.
        bad_words_ids: lists of ids that never stand in a text one after the other; an end token by itself may.
        num_beams: beam search with so many beams; 1 for none.
        length_penalty: of beam search (1.0 by default), above 0 favours long texts, below 0 short ones.
        early_stopping: of beam search: True stops at num_beams complete texts, False (the default) also when no
            better one is likely, "never" when no better one is possible.
        num_return_sequences: texts for each prompt, of sampling or beam search.
        bos_token_id, eos_token_id, pad_token_id: by default the configuration's; eos_token_id may be a list, or None
            for no end.
        use_cache: keep keys and values of what was read; by default as the configuration says.
        positions: "transformers" counts positions from 0 whatever the model, as transformers' generate does, and
            gives its tokens; "model" counts from where the model counts in training. The two differ for RoBERTa,
            whose own positions begin at pad_token_id + 1: take "model" for a RoBERTa trained as a decoder.
        seed: a seed or a numpy Generator, for sampling.
        logits_processor: functions of ids (B, L) and scores (B, V) that give new scores.
        stopping_criteria: functions of ids (B, L) and scores that say which texts are complete.
        streamer: a function of the new tokens (B,) of every step, or an object with `put` and `end`.
        return_dict_in_generate: give a `GenerateOutput`; output_scores: with the scores of every step.

    Example:
        >>> import minibert as mb
        >>> options = Options.read({"max_new_tokens": 5, "num_beams": 3}, mb.BertConfig(is_decoder=True))
        >>> options.num_beams, options.pad_token_id, options.do_sample
        (3, 0, False)
    """

    max_length: int | None = None
    max_new_tokens: int | None = None
    min_length: int | None = None
    min_new_tokens: int | None = None
    do_sample: bool = False
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    no_repeat_ngram_size: int | None = None
    bad_words_ids: Sequence[Sequence[int]] | None = None
    num_beams: int = 1
    length_penalty: float | None = None
    early_stopping: Any = None
    num_return_sequences: int = 1
    bos_token_id: int | None = None
    eos_token_id: Any = None
    pad_token_id: int | None = None
    use_cache: bool | None = None
    positions: str = "transformers"
    seed: Any = None
    logits_processor: Sequence[Callable[..., Any]] = ()
    stopping_criteria: Sequence[Callable[..., Any]] = ()
    streamer: Any = None
    return_dict_in_generate: bool = False
    output_scores: bool = False
    eos: tuple[int, ...] = field(default=(), init=False)

    @property
    def padding(self) -> int:
        """What stands after a text's end."""
        assert self.pad_token_id is not None  # settled by `check`
        return self.pad_token_id

    @classmethod
    def names(cls) -> list[str]:
        """What the options are called."""
        return [option.name for option in fields(cls) if option.init]

    @classmethod
    def read(cls, given: Mapping[str, Any], config: Any) -> "Options":
        """The options given, the configuration's special tokens where none are, all checked.

        Raises:
            InputError: an option that there is not, or whose value does not fit.
        """
        known = cls.names()
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                meant = f" (did you mean {near[0]!r}?)" if near else ""
                raise InputError(f"generate takes no {name!r}{meant}: its options are {', '.join(known)}.")
        options = cls(**{**{name: _configured(config, name) for name in SPECIAL_TOKENS}, **given})
        options.check(config.vocab_size)
        return options

    def check(self, vocab_size: int) -> None:
        """Raise InputError for what cannot be meant, and warn of what has no effect."""
        for name, least in _INTEGERS.items():
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name), least)
        for name in ("temperature", "repetition_penalty"):
            _check_number(name, getattr(self, name), "a number above 0", lambda value: value > 0)
        for name in ("top_p", "min_p"):
            _check_number(name, getattr(self, name), "a number from 0 to 1", lambda value: 0 <= value <= 1)
        _check_number("length_penalty", self.length_penalty, "a number")
        if self.early_stopping not in (None, True, False, "never"):
            raise InputError(f"early_stopping is {self.early_stopping!r}: True, False or 'never' belongs there.")
        if self.positions not in POSITIONS:
            raise InputError(f"positions is {self.positions!r}: choose one of {', '.join(POSITIONS)}.")
        self._check_ids(vocab_size)
        self._check_bad_words(vocab_size)
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

    def _check_bad_words(self, vocab_size: int) -> None:
        for word in () if self.bad_words_ids is None else self.bad_words_ids:
            ids = np.asarray(word)
            if ids.ndim != 1 or not ids.size or ids.dtype.kind not in "iu" or ((ids < 0) | (ids >= vocab_size)).any():
                raise InputError(
                    f"bad_words_ids holds {word!r}: lists of ids 0..{vocab_size - 1} belong there, one a word."
                )

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
            warnings.warn(f"{', '.join(idle)} has no effect without {wanted}.", OptionWarning, stacklevel=6)

    def settle_lengths(self, prompt: int, limit: int, padding: int = 0) -> tuple[int, int]:
        """The lengths at which texts end at the latest and before which they do not end, prompt included.

        Args:
            prompt: how long the prompts are, their padding included.
            limit: how long a text can be for the model's positions.
            padding: how much of every prompt at least is padding, which takes no positions; the default length, as
                transformers', counts it as if it did.

        Raises:
            InputError: there is no room after the prompt, or more is asked for than the model has positions for.
        """
        if self.max_new_tokens is not None:
            most = prompt + self.max_new_tokens
        elif self.max_length is not None:
            most = self.max_length
        else:
            most = max(min(prompt + NEW_TOKENS, limit - padding), prompt + 1)
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


def _configured(config: Any, name: str) -> Any:
    """A special token of the configuration; a default outside a smaller vocabulary never occurs."""
    ids = getattr(config, name, None)
    if isinstance(ids, list):
        return [id_ for id_ in ids if id_ < config.vocab_size] or None
    return ids if ids is not None and ids < config.vocab_size else None


def _check_number(name: str, value: Any, wanted: str, fits: Callable[[Any], bool] | None = None) -> None:
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if value is not None and not (number and (fits is None or fits(value))):
        raise InputError(f"{name} is {value!r}: {wanted} belongs there.")
