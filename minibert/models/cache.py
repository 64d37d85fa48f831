"""The keys and values of earlier tokens, so that a decoder reads each token once.

One `Cache` holds, for every layer, the self-attention keys and values of all tokens so far and, where there is
cross-attention, those of the encoder's states, which are computed once.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from minibert.backend import Array, array_module, move, to_numpy
from minibert.errors import InputError


class _Buffer:
    """An array (B, N, S, K) that grows along S; its room doubles, so that it is not copied at each token."""

    def __init__(self) -> None:
        self.room: Array | None = None
        self.length = 0

    def view(self) -> Array:
        assert self.room is not None
        return self.room[:, :, : self.length]

    def append(self, new: Array) -> Array:
        """new (B, N, T, K) -> everything so far (B, N, S, K), a view that later calls leave as it is."""
        xp = array_module(new)
        needed = self.length + new.shape[2]
        if self.room is None or self.room.shape[2] < needed:
            batch, heads, _, width = new.shape
            room = xp.empty((batch, heads, max(needed, 2 * self.length), width), dtype=new.dtype)
            if self.room is not None:
                room[:, :, : self.length] = self.view()
            self.room = room
        self.room[:, :, self.length : needed] = new
        self.length = needed
        return self.view()

    def select_rows(self, rows: Array) -> None:
        """Row i becomes a copy of row rows[i]; the room for more tokens stays."""
        old = self.view()
        xp, room = array_module(old), self.room
        self.room = xp.empty((len(rows), *room.shape[1:]), dtype=old.dtype)  # type: ignore[union-attr]
        self.room[:, :, : self.length] = old[rows]


class Cache:
    """Keys and values by layer, filled by a decoder called with `use_cache=True`.

    `cache[i]` is layer i's `(key, value)`, each (B, N, S, K), with cross-attention `(key, value, cross key,
    cross value)`; `len(cache)` the number of layers filled; `get_seq_length()` the number of tokens S. A call that is
    given a cache appends to it and returns the same object.

    Raises:
        InputError: raised by `from_legacy_cache` and `select_rows` for arrays or rows that do not fit.
        IndexError: `cache[i]` of a layer that has not been filled.

    Example:
        >>> import minibert as mb
        >>> config = mb.BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                        intermediate_size=16, is_decoder=True)
        >>> model = mb.BertLMHeadModel(config, seed=0)
        >>> cache = model(input_ids=[[2, 7, 3]]).past_key_values
        >>> model(input_ids=[[8]], past_key_values=cache).logits.shape, cache.get_seq_length()
        ((1, 1, 30), 4)
    """

    def __init__(self) -> None:
        self._self: list[tuple[_Buffer, _Buffer]] = []
        self._cross: dict[int, tuple[Array, Array]] = {}

    @classmethod
    def from_legacy_cache(cls, layers: Sequence[Sequence[Any]], xp: Any = None, dtype: Any = None) -> "Cache":
        """A cache from one tuple a layer: (key, value) or (key, value, cross key, cross value), each (B, N, S, K).

        Raises:
            InputError: a layer has another number of arrays, or an array another number of axes.
        """
        cache = cls()
        for i, layer in enumerate(layers):
            if len(layer) not in (2, 4):
                raise InputError(f"past_key_values[{i}] has {len(layer)} arrays: 2 or, with cross-attention, 4 belong.")
            arrays = [move(array, xp or array_module(array), dtype) for array in layer]
            for array in arrays:
                if array.ndim != 4:
                    raise InputError(
                        f"past_key_values[{i}] holds an array of shape {array.shape}: "
                        "(batch, heads, tokens, width of a head) belongs there."
                    )
            cache.update(arrays[0], arrays[1], i)
            if len(arrays) == 4:
                cache._cross[i] = (arrays[2].copy(), arrays[3].copy())
        return cache

    def to_legacy_cache(self) -> tuple[tuple[Array, ...], ...]:
        """One tuple of arrays a layer."""
        return tuple(self)

    def update(self, key: Array, value: Array, layer: int) -> tuple[Array, Array]:
        """Append key and value (B, N, T, K) of new tokens; gives all so far (B, N, S, K)."""
        while len(self._self) <= layer:
            self._self.append((_Buffer(), _Buffer()))
        keys, values = self._self[layer]
        return keys.append(key), values.append(value)

    def cross(self, layer: int) -> tuple[Array, Array] | None:
        """The keys and values (B, N, S, K) of the encoder's states, if this layer has met them."""
        return self._cross.get(layer)

    def set_cross(self, key: Array, value: Array, layer: int) -> None:
        """Keep the keys and values of the encoder's states."""
        self._cross[layer] = (key, value)

    def select_rows(self, rows: Any, same_prompt: bool = False) -> None:
        """Let row i go on with what row rows[i] holds; `len(rows)` becomes the batch. In place.

        Arrays that were given out stay as they are.

        Args:
            rows: (B,) integers from 0 to the batch so far; one may be named several times.
            same_prompt: rows only change places with rows of one prompt, so that the keys and values of the
                encoder's states need not move.

        Raises:
            InputError: a row that the cache has not.
        """
        index = np.asarray(to_numpy(rows))
        batch = len(self._self[0][0].view()) if self._self else 0
        if index.ndim != 1 or index.dtype.kind not in "iu" or ((index < 0) | (index >= batch)).any():
            raise InputError(f"rows is {index.tolist()}: a list of integers from 0 to {batch - 1} belongs there.")
        for buffer in (buffer for buffers in self._self for buffer in buffers):
            buffer.select_rows(move(index, array_module(buffer.view())))
        if not same_prompt:
            for layer, (key, value) in self._cross.items():
                at = move(index, array_module(key))
                self._cross[layer] = (key[at], value[at])

    def get_seq_length(self, layer: int = 0) -> int:
        """How many tokens the cache holds."""
        return self._self[layer][0].length if layer < len(self._self) else 0

    def __len__(self) -> int:
        return len(self._self)

    def __getitem__(self, layer: int) -> tuple[Array, ...]:
        keys, values = self._self[layer]
        if layer < 0:
            layer += len(self)
        return (keys.view(), values.view(), *self._cross.get(layer, ()))

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        return (self[layer] for layer in range(len(self)))
