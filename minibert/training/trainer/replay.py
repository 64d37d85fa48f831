"""Replaying dropout: a run again with the very masks that a trace recorded."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from minibert.backend import to_numpy
from minibert.errors import InputError, TraceError

_STEPS = 1 << 16


class _MaskReplay(np.random.Generator):
    """A generator that, asked for the random bits of a dropout mask, gives bits that make the recorded one."""

    def __init__(self, masks: list[tuple[str, np.ndarray]]) -> None:
        super().__init__(np.random.PCG64(0))
        self.masks = masks
        self.used = 0

    def integers(self, *_bounds: Any, size: Any = None, dtype: Any = np.int64) -> Any:  # type: ignore[override]
        """The largest number where the mask keeps, 0 where it drops: the mask is what is at least p · 65536."""
        if self.used == len(self.masks):
            raise TraceError(f"the replay has {len(self.masks)} dropout masks, and one more was asked for.")
        name, mask = self.masks[self.used]
        if size is None or tuple(np.atleast_1d(size)) != mask.shape:
            raise TraceError(f"the replay's next mask, {name}, has shape {mask.shape}, but {size} was asked for.")
        self.used += 1
        return np.where(mask, _STEPS - 1, 0).astype(dtype)


def replay_masks(*traces: Mapping[str, Any]) -> np.random.Generator:
    """A generator for `model.train(rng)` that draws the dropout masks recorded in these traces, in their order.

    A trace of a training pass holds each mask under '<path>.mask' (keep="*", or a list with "*.mask"). Give the
    traces of several passes to replay all of them.

    Raises:
        InputError: no trace holds a mask.
        TraceError: raised by the pass that asks for a mask of another shape, or for more masks than were recorded.

    Example:
        >>> import minibert as mb
        >>> config = mb.BertConfig(vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                        intermediate_size=4)
        >>> model = mb.BertModel(config).train(0)
        >>> first = mb.Trace()
        >>> before = model(input_ids=[[1, 2, 3]], trace=first).pooler_output
        >>> after = model.train(mb.replay_masks(first))(input_ids=[[1, 2, 3]]).pooler_output
        >>> bool((before == after).all())
        True
    """
    masks = list(_recorded(traces))
    if not masks:
        raise InputError(
            "the traces hold no dropout masks: record a pass in training mode, model.train(0), with "
            "minibert.Trace() or a list that has '*.mask'."
        )
    return _MaskReplay(masks)


def _recorded(traces: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, np.ndarray]]:
    for trace in traces:
        for name in trace:
            if name.endswith(".mask"):
                yield name, to_numpy(trace[name]).astype(bool)
