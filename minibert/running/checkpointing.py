"""Gradient checkpointing (Chen et al. 2016): of a layer only its input is kept, and backward computes it again.

It is switched on by `model.gradient_checkpointing_enable()`. The dropout masks are drawn again from the same state of
the generator, so that the gradients keep their bits.
"""

import copy

import numpy as np

from minibert.backend import Array
from minibert.forms import form_of, plain_of
from minibert.models.layer import Layer, StackInputs
from minibert.trace import Backward, Run


@form_of(Layer.forward)
def forward(self: Layer, hidden: Array, run: Run, stack: StackInputs) -> tuple[Array, Array, Array | None]:
    """hidden (B, T, D) -> what the layer gives; the tape gets its input and the state of the dropout generator."""
    if not (self.parameters.gradient_checkpointing and run.saving):
        return NotImplemented
    if stack.cache is not None:  # it would be appended to twice
        return NotImplemented
    state = None if run.rng is None else copy.deepcopy(run.rng.bit_generator)
    run.save(self.at("checkpoint"), (hidden, stack, state))
    return plain_of(Layer.forward)(self, hidden, run.without_tape(), stack)


@form_of(Layer.backward)
def backward(self: Layer, dy: Array, back: Backward) -> tuple[Array, Array | None]:
    """dy (B, T, D) -> the layer's gradients, after its forward has filled the tape."""
    if not back.has(self.at("checkpoint")):
        return NotImplemented
    hidden, stack, state = back.saved(self.at("checkpoint"))
    rng = None if state is None else np.random.Generator(state)
    plain_of(Layer.forward)(self, hidden, Run.recomputing(back.trace, rng), stack)
    return self.backward(dy, back)
