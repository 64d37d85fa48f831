"""The stepper: the same values as a trace, one at a time, forward and then backward."""

import threading

import numpy as np
import pytest

import minibert as mb
from tests.small_models import small_inputs, small_model


def test_steps_are_the_trace() -> None:
    model = small_model("BertForMaskedLM")
    inputs = small_inputs(model, labels=True)
    trace = mb.Trace()
    output = model(**inputs, trace=trace)
    gradients = model.backward(trace)
    steps = list(stepper := mb.Stepper(model, backward=True, **inputs))
    forward = [step for step in steps if step.direction == "forward"]
    backward = [step for step in steps if step.direction == "backward"]
    assert [step.name for step in forward] == list(trace)
    assert [step.name for step in backward] == list(trace.grad)
    for step in forward:
        np.testing.assert_array_equal(step.value, trace[step.name])
        assert not getattr(step.value.flags, "writeable", False)  # CuPy has no read-only arrays
    for step in backward:
        np.testing.assert_array_equal(step.value, trace.grad[step.name])
    assert stepper.output.loss == output.loss
    assert list(stepper.gradients) == list(gradients)


def test_run_to_a_glob_and_stop() -> None:
    before = threading.active_count()
    model = small_model("BertModel")
    with mb.Stepper(model, **small_inputs(model)) as stepper:
        step = stepper.to("*.layer.1.*.probs")
        assert step.name == "encoder.layer.1.attention.self.probs"
        assert "softmax(scores)" in str(step)
        assert "encoder.layer.1.attention.self.context" not in stepper.trace
        assert stepper.next().name == "encoder.layer.1.attention.self.context"
        assert stepper.output is None
    assert threading.active_count() == before
    with pytest.raises(StopIteration):
        stepper.next()


def test_finish_gives_the_output() -> None:
    model = small_model("BertModel")
    inputs = small_inputs(model)
    stepper = mb.Stepper(model, **inputs)
    stepper.next()
    np.testing.assert_array_equal(stepper.finish().last_hidden_state, model(**inputs).last_hidden_state)


def test_mistakes_come_out_where_the_step_was_asked_for() -> None:
    model = small_model("BertModel")
    with pytest.raises(mb.InputError, match=r"input_ids\[0, 0\] is 99"):
        mb.Stepper(model, input_ids=[[99]]).next()
    with pytest.raises(mb.TraceError, match=r"no value that was still to come matches '\*.prob'"):
        mb.Stepper(model, **small_inputs(model)).to("*.prob")
