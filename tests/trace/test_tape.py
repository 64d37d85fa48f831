"""The tape: what a pass leaves for its backward."""

import pytest

import minibert as mb
from minibert.trace.tape import Tape
from tests.small_models import small_inputs, small_model


def test_a_tape_is_begun_once() -> None:
    tape = Tape(wanted=True)
    tape.begin("parameters")
    assert (tape.begun, tape.finished, tape.walked, tape.parameters) == (True, False, False, "parameters")
    with pytest.raises(mb.TraceError, match=r"^this trace already holds a forward pass: give each pass a new minibert"):
        tape.begin("parameters")


def test_what_a_pass_leaves() -> None:
    model = small_model("BertForMaskedLM")
    inputs = small_inputs(model, labels=True)
    trace, values = mb.Trace(), mb.Trace("*.probs")
    out = model(**inputs, trace=trace, edits={"loss": lambda loss: loss * 2})
    model(**inputs, trace=values)
    tape = trace.tape
    assert tape.finished
    assert tape.parameters is model.parameters
    assert tape.outputs == {"loss": ("loss", ()), "logits": ("cls.predictions", out.logits.shape)}
    assert tape.shapes == {name: array.shape for name, array in trace.items()}
    assert list(tape.edits) == ["loss"]
    assert not tape.walked
    model.backward(trace)
    assert tape.walked
    assert not values.tape  # nothing is kept for a backward that nobody asked for
