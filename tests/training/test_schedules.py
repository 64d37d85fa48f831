"""Schedules: state, groups, and every mistake's sentence. Their numbers are compared in test_golden.py."""

import numpy as np
import pytest

import minibert as mb


def optimizer(lr: float = 0.1) -> mb.AdamW:
    return mb.AdamW(
        {"a.weight": np.ones(2), "b.weight": np.ones(2)},
        lr=lr,
        groups=[{"params": "a.*"}, {"params": "b.*", "lr": 2 * lr}],
    )


def test_every_group_keeps_its_proportion() -> None:
    schedule = mb.get_linear_schedule_with_warmup(optimizer(), 2, 4)
    schedule.step()
    assert schedule.get_last_lr() == [0.05, 0.1]


@pytest.mark.parametrize(
    "name",
    ["linear", "cosine", "cosine_with_restarts", "polynomial", "constant_with_warmup", "inverse_sqrt", "constant"],
)
def test_state_goes_on_where_it_stood(name: str) -> None:
    first = mb.get_scheduler(name, optimizer(), 3, 12)
    for _ in range(5):
        first.step()
    second = mb.get_scheduler(name, optimizer(), 3, 12)
    second.load_state_dict(first.state_dict())
    assert second.get_last_lr() == first.get_last_lr()
    first.step()
    second.step()
    assert second.get_last_lr() == first.get_last_lr()


def test_last_epoch_begins_later() -> None:
    made = optimizer()
    mb.get_linear_schedule_with_warmup(made, 0, 10)
    later = mb.get_linear_schedule_with_warmup(made, 0, 10, last_epoch=3)
    assert later.get_last_lr() == pytest.approx([0.06, 0.12])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: mb.get_scheduler("quadratic", optimizer(), 1, 2),
            "schedule 'quadratic' is unknown: choose one of linear",
        ),
        (lambda: mb.get_scheduler("linear", optimizer()), "'linear' needs num_warmup_steps"),
        (lambda: mb.get_scheduler("linear", optimizer(), 1), "'linear' needs num_training_steps"),
        (lambda: mb.get_linear_schedule_with_warmup(optimizer(), -1, 5), "num_warmup_steps is -1"),
        (lambda: mb.get_linear_schedule_with_warmup(optimizer(), 1, None), "num_training_steps is None"),
        (
            lambda: mb.get_polynomial_decay_schedule_with_warmup(optimizer(1e-8), 1, 5),
            "lr_end is 1e-07: it must be smaller",
        ),
        (lambda: mb.get_constant_schedule("adam"), "takes an optimiser, not a str"),
        (lambda: mb.get_constant_schedule(optimizer(), last_epoch=3), "no 'initial_lr' to resume from"),
        (lambda: mb.get_constant_schedule(optimizer()).load_state_dict({}), "must be a dict with 'last_epoch'"),
        (
            lambda: mb.get_constant_schedule(optimizer()).load_state_dict({"last_epoch": 1, "base_lrs": [1.0]}),
            "state is of 1 parameter groups: the optimiser has 2",
        ),
    ],
)
def test_mistakes_are_one_sentence(make, message: str) -> None:
    with pytest.raises(mb.InputError, match=message):
        make()
