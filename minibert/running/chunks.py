"""The feed-forward a few tokens at a time, as the configuration's `chunk_size_feed_forward` asks for.

The widest values of a layer, (B, T, F), then never exist for all tokens at once. Where a trace, edits or dropout want
them whole the plain step is taken.
"""

from minibert.backend import Array
from minibert.forms import form_of
from minibert.models.layer import Layer
from minibert.trace import Run


@form_of(Layer.feed_forward)
def feed_forward(self: Layer, hidden: Array, run: Run) -> Array:
    """hidden (B, T, D) -> (B, T, D)."""
    size, tokens = self.chunk_size, hidden.shape[1]
    if size == 0 or size >= tokens or run.trace is not None or run.rng is not None or run.edits:
        return NotImplemented
    y = self.parameters.xp.empty_like(hidden)
    for start in range(0, tokens, size):
        y[:, start : start + size] = self.feed_forward(hidden[:, start : start + size], run)
    return y
