"""Showing a text while it grows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minibert.errors import InputError


class TextStreamer:
    """Prints a text word by word: `generate(..., streamer=TextStreamer(tokenizer))`.

    Args:
        tokenizer: decodes the tokens.
        skip_prompt: whether to leave the prompt out.
        write: gets every piece of text; by default it is printed.
        decode_options: of the tokenizer's decode, such as `skip_special_tokens=True`.

    Raises:
        InputError: raised by `put` where several texts are generated at once.

    Example:
        >>> import minibert as mb
        >>> tokenizer = mb.AutoTokenizer.from_pretrained("tiny-bert")
        >>> pieces = []
        >>> streamer = TextStreamer(tokenizer, write=pieces.append)
        >>> for token in ["an", "un", "##be", "##l", "##ie", "##v", "##able", "dog"]:  # as generate does
        ...     streamer.put([tokenizer.convert_tokens_to_ids(token)])
        >>> pieces  # a word is shown when the next one begins
        ['an ', 'unbelievable ']
        >>> streamer.end()
        >>> "".join(pieces).strip()
        'an unbelievable dog'
    """

    def __init__(
        self,
        tokenizer: Any,
        skip_prompt: bool = False,
        *,
        write: Callable[[str], object] | None = None,
        **decode_options: Any,
    ) -> None:
        self.tokenizer = tokenizer
        self.skip_prompt = skip_prompt
        self.write = write or (lambda text: print(text, end="", flush=True))
        self.decode_options = decode_options
        self._known = frozenset(tokenizer.get_vocab().values())  # a model's vocabulary may be padded beyond it
        self._start()

    def _start(self) -> None:
        self.ids: list[int] = []
        self.shown = 0
        self.in_prompt = True

    def put(self, value: Any) -> None:
        """Take the prompt (1, L) first, then one new token (1,) at a time; whole words are shown.

        Raises:
            InputError: several texts at once.
        """
        array = np.asarray(value)
        if (array.ndim == 2 and len(array) > 1) or (array.ndim == 1 and not self.in_prompt and len(array) > 1):
            raise InputError("a TextStreamer shows one text, but several are generated: give one prompt.")
        skipped = self.in_prompt and self.skip_prompt
        self.in_prompt = False
        if skipped:
            return
        self.ids += [id_ for id_ in array.ravel().tolist() if id_ in self._known]
        text = self.tokenizer.decode(self.ids, **self.decode_options)
        # the last word may still change: the next token may belong to it
        end = len(text) if text.endswith("\n") else text.rfind(" ") + 1
        self._show(text, end)

    def end(self) -> None:
        """Show what is left, and be ready for the next text."""
        text = self.tokenizer.decode(self.ids, **self.decode_options) if self.ids else ""
        self._show(text + "\n", len(text) + 1)
        self._start()

    def _show(self, text: str, end: int) -> None:
        if end > self.shown:
            self.write(text[self.shown : end])
            self.shown = end


@contextmanager
def streaming(streamer: Any, prompt: np.ndarray) -> Iterator[Callable[[np.ndarray], object]]:
    """What to call with the new tokens (B,) of every step: a streamer's `put`, after the prompt, or a function.

    A streamer's `end` is called in any case, so that what was generated before an interruption (Ctrl-C) or an error
    is shown to its last word.

    Raises:
        InputError: it is neither.
    """
    if hasattr(streamer, "put"):
        streamer.put(prompt)
        try:
            yield streamer.put
        finally:
            if hasattr(streamer, "end"):
                streamer.end()
    elif streamer is None or callable(streamer):
        yield streamer or _unseen
    else:
        raise InputError(
            f"streamer is a {type(streamer).__name__}: a function of the new tokens, or one with put and end."
        )


def _unseen(_tokens: np.ndarray) -> None:
    """Stands where nobody watches."""
