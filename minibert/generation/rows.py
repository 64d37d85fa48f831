"""Choosing rows of a cache: beams go on with each other's past."""

from typing import Any

import numpy as np

from minibert.backend import array_module


def select_rows(cache: Any, rows: np.ndarray, same_prompt: bool = False) -> None:
    """Row i of the cache goes on with what row rows[i] holds; `len(rows)` becomes the batch.

    Room that the cache has for more tokens is kept, and views that were given out stay as they are.

    Args:
        same_prompt: rows only change places with rows of one prompt, whose encoder's keys and values are the same.
    """
    for buffers in cache._self:
        for buffer in buffers:
            xp = array_module(buffer.room)
            room = xp.empty((len(rows), *buffer.room.shape[1:]), dtype=buffer.room.dtype)
            room[:, :, : buffer.length] = buffer.view()[xp.asarray(rows)]
            buffer.room = room
    if not same_prompt:
        for layer, (key, value) in cache._cross.items():
            index = array_module(key).asarray(rows)
            cache._cross[layer] = (key[index], value[index])
