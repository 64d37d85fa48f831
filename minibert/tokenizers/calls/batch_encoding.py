"""What a tokenizer's call returns: a dictionary of lists or arrays, and questions about its tokens."""

from collections.abc import Callable
from typing import Any

from minibert.errors import InputError
from minibert.tokenizers.stages.aligned_text import Span
from minibert.tokenizers.stages.template import Encoding

TENSOR_TYPES = ("np", "cp")


class BatchEncoding(dict[str, Any]):
    """`input_ids`, `attention_mask` and so on, by name, also as attributes; what a tokenizer's call gives.

    Each is a list of ids, for several texts a list of lists, with `return_tensors="np"` an int64 array (B, T).

    Questions such as `word_ids()` and `char_to_token()` need details that are computed when the first of them is
    asked, so that calls which only want ids do not pay for them. Tokens, words and the original text's characters
    (code points) count from 0. A question about one row of several takes the row's number first.

    Args:
        data: the lists by name.
        encodings: gives one `Encoding` a row; without it no questions are answered.
        tensor_type: "np" or "cp" makes arrays of the lists.
        batched: whether the lists have one row a text.

    Raises:
        InputError: a question about a row, token or word that is not there, or to a BatchEncoding made by hand.

    Example:
        >>> from minibert.tokenizers.auto import AutoTokenizer
        >>> encoding = AutoTokenizer.from_pretrained("tiny-bert")("An unbelievable dog", return_tensors="np")
        >>> encoding.input_ids.shape, encoding.input_ids.dtype.name, list(encoding)
        ((1, 10), 'int64', ['input_ids', 'token_type_ids', 'attention_mask'])
        >>> encoding.tokens()
        ['[CLS]', 'an', 'un', '##be', '##l', '##ie', '##v', '##able', 'dog', '[SEP]']
        >>> encoding.word_ids()
        [None, 0, 1, 1, 1, 1, 1, 1, 2, None]
        >>> encoding.char_to_token(16), encoding.word_to_chars(1), encoding.token_to_chars(8)
        (8, (3, 15), (16, 19))
    """

    def __init__(
        self,
        data: dict[str, Any] | None = None,
        encodings: Callable[[], list[Encoding]] | None = None,
        tensor_type: str | None = None,
        batched: bool = True,
    ) -> None:
        super().__init__(data or {})
        self._recipe = encodings
        self._encodings: list[Encoding] | None = None
        self._batched = batched
        if tensor_type is not None:
            self.convert_to_tensors(tensor_type, prepend_batch_axis=not batched)

    @property
    def data(self) -> dict[str, Any]:
        """The dictionary itself (the name transformers gives it)."""
        return self

    @property
    def is_fast(self) -> bool:
        """True: the questions about tokens, words and characters are answered."""
        return self._recipe is not None

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"This BatchEncoding holds {list(self)}, no {name!r}.") from None

    def __getitem__(self, key: Any) -> Any:
        """By name the list or array, by number the `Encoding` of that row, by slice that part of every list."""
        if isinstance(key, str):
            return super().__getitem__(key)
        if isinstance(key, slice):
            return {name: values[key] for name, values in self.items()}
        return self._row(key)

    def __reduce__(self) -> Any:
        return _restore, (dict(self), self._encodings or (self._recipe and self.encodings), self._batched)

    # ------------------------------------------------------------ arrays

    def convert_to_tensors(self, tensor_type: str | None = None, prepend_batch_axis: bool = False) -> "BatchEncoding":
        """Lists become NumPy ("np") or CuPy ("cp") arrays of int64, in place; ragged rows an object array."""
        tensor_type = getattr(tensor_type, "value", tensor_type)
        if tensor_type is None:
            return self
        if tensor_type in ("pt", "tf", "jax", "mlx"):
            raise InputError(
                f"return_tensors is {tensor_type!r}, but minibert's arrays are NumPy's or CuPy's: give 'np', or 'cp' "
                "for the GPU."
            )
        if tensor_type not in TENSOR_TYPES:
            raise InputError(f"{tensor_type} is not a valid TensorType, please select one of {list(TENSOR_TYPES)}.")
        for name, values in self.items():
            self[name] = _as_array([values] if prepend_batch_axis else values, tensor_type, name)
        return self

    def to(self, device: Any = None, *, non_blocking: bool = False) -> "BatchEncoding":
        """Move the arrays: "cupy" or "cuda" to the GPU, "numpy" or "cpu" to the host; in place."""
        target = str(device).partition(":")[0]
        if target in ("cupy", "cuda", "gpu"):
            for name, values in self.items():
                self[name] = _as_array(values, "cp", name)
        elif target in ("numpy", "cpu"):
            for name, values in self.items():
                self[name] = values.get() if hasattr(values, "get") else _as_array(values, "np", name)
        else:
            raise InputError(f"A BatchEncoding moves to 'numpy' or 'cupy', not to {device!r}.")
        return self

    # ------------------------------------------------------------ questions about tokens

    @property
    def encodings(self) -> list[Encoding]:
        """One `Encoding` a row, with every detail."""
        if self._encodings is None:
            if self._recipe is None:
                raise InputError(
                    "This BatchEncoding did not come from a tokenizer's call on text, so it knows no tokens or words."
                )
            self._encodings = self._recipe()
        return self._encodings

    @property
    def n_sequences(self) -> int | None:
        """1 for single texts, 2 for pairs."""
        return max((id_ + 1 for id_ in self._row(0).sequence_ids if id_ is not None), default=1)

    def _row(self, index: int) -> Encoding:
        rows = self.encodings
        if not -len(rows) <= index < len(rows):
            raise InputError(f"Row {index} was asked for, but this batch has {len(rows)}.")
        return rows[index]

    def tokens(self, batch_index: int = 0) -> list[str]:
        """The tokens of a row, special ones and padding included."""
        return self._row(batch_index).tokens

    def word_ids(self, batch_index: int = 0) -> list[int | None]:
        """For each token the index of its word, None for special tokens and padding."""
        return self._row(batch_index).word_ids

    words = word_ids

    def sequence_ids(self, batch_index: int = 0) -> list[int | None]:
        """For each token 0 or 1, the text of the pair it is from; None for special tokens and padding."""
        return self._row(batch_index).sequence_ids

    def token_to_sequence(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """0 or 1, the text that a token is from."""
        row, index = self._at(batch_or_token_index, token_index)
        return row.sequence_ids[index]

    def token_to_word(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """The index of a token's word."""
        row, index = self._at(batch_or_token_index, token_index)
        return row.word_ids[index]

    def token_to_chars(self, batch_or_token_index: int, token_index: int | None = None) -> "CharSpan | None":
        """Where a token stands in the original text; None for special tokens and padding."""
        row, index = self._at(batch_or_token_index, token_index)
        return None if row.sequence_ids[index] is None else CharSpan(row.offsets[index])

    def word_to_tokens(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> "TokenSpan | None":
        """The range of tokens that a word was cut into; None if it has none."""
        row, word = self._pick(batch_or_word_index, word_index)
        tokens = [i for i, owner in enumerate(row.word_ids) if owner == word and row.sequence_ids[i] == sequence_index]
        return TokenSpan((tokens[0], tokens[-1] + 1)) if tokens else None

    def word_to_chars(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> "CharSpan":
        """Where a word stands in the original text."""
        row, word = self._pick(batch_or_word_index, word_index)
        tokens = self.word_to_tokens(batch_or_word_index, word_index, sequence_index)
        if tokens is None:
            raise InputError(f"Word {word} of sequence {sequence_index} has no token in this row.")
        return CharSpan((row.offsets[tokens.start][0], row.offsets[tokens.end - 1][1]))

    def char_to_token(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """The token that covers a character of the original text; None where there is none, as at blanks."""
        row, char = self._pick(batch_or_char_index, char_index)
        for i, (start, end) in enumerate(row.offsets):
            if start <= char < end and row.sequence_ids[i] == sequence_index:
                return i
        return None

    def char_to_word(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """The word that covers a character of the original text."""
        row, _ = self._pick(batch_or_char_index, char_index)
        token = self.char_to_token(batch_or_char_index, char_index, sequence_index)
        return None if token is None else row.word_ids[token]

    def _pick(self, first: int, second: int | None) -> tuple[Encoding, int]:
        """(row, index) from either (index,) for row 0 or (row, index)."""
        return (self._row(0), first) if second is None else (self._row(first), second)

    def _at(self, first: int, second: int | None) -> tuple[Encoding, int]:
        row, index = self._pick(first, second)
        if not -len(row) <= index < len(row):
            raise InputError(f"Token {index} was asked for, but this row has {len(row)} tokens.")
        return row, index


class CharSpan(tuple[int, int]):
    """(start, end) of characters."""

    start = property(lambda self: self[0])
    end = property(lambda self: self[1])


class TokenSpan(tuple[int, int]):
    """(start, end) of tokens."""

    start = property(lambda self: self[0])
    end = property(lambda self: self[1])


def _restore(data: dict[str, Any], encodings: list[Encoding] | None, batched: bool) -> BatchEncoding:
    """Unpickle."""
    return BatchEncoding(data, None if encodings is None else lambda: encodings, batched=batched)


def _as_array(values: Any, tensor_type: str, name: str) -> Any:
    import numpy as np

    if isinstance(values, list) and values and isinstance(values[0], list) and len({len(row) for row in values}) > 1:
        if tensor_type == "cp":
            raise InputError(
                f"The rows of {name!r} have {min(map(len, values))} to {max(map(len, values))} tokens, and CuPy has "
                "no ragged arrays: call the tokenizer with padding=True."
            )
        array = np.empty(len(values), dtype=object)
        array[:] = [np.asarray(row, dtype=np.int64) for row in values]
        return array
    if tensor_type == "np":
        return np.asarray(values, dtype=np.int64)
    try:
        import cupy
    except ImportError:
        raise InputError(
            "return_tensors='cp' needs CuPy, which is not installed: pip install 'minibert-numpy[cuda12]'."
        ) from None
    return cupy.asarray(values, dtype=np.int64)


def convert_offsets(text: str, offsets: list[Span], unit: str) -> list[Span]:
    """Offsets in code points as offsets in UTF-8 bytes or UTF-16 code units.

    >>> convert_offsets("aé😀", [(0, 1), (1, 2), (2, 3)], "utf-8")
    [(0, 1), (1, 3), (3, 7)]
    >>> convert_offsets("aé😀", [(2, 3)], "utf-16")
    [(2, 4)]
    """
    position = [0]
    for char in text:
        code = ord(char)
        size = 1 + (code > 0xFFFF) if unit == "utf-16" else 1 + (code > 0x7F) + (code > 0x7FF) + (code > 0xFFFF)
        position.append(position[-1] + size)
    return [(position[start], position[end]) for start, end in offsets]
