"""The order of the data: a function of seed and epoch, the same from wherever a run goes on."""

import functools
import operator

import numpy as np

import minibert as mb
from minibert.training.trainer.order import DataOrder, epoch_batches


def test_the_order_of_the_data_is_a_function_of_seed_and_epoch() -> None:
    first = epoch_batches(23, 4, 7, 0)
    assert first == epoch_batches(23, 4, 7, 0) != epoch_batches(23, 4, 7, 1) != epoch_batches(23, 4, 8, 0)
    assert sorted(functools.reduce(operator.iadd, first, [])) == list(range(23))
    lengths = np.random.default_rng(0).integers(1, 50, size=400)
    grouped = epoch_batches(400, 8, 0, 0, lengths)
    assert sorted(functools.reduce(operator.iadd, grouped, [])) == list(range(400))
    spread = np.mean([np.ptp(lengths[batch]) for batch in grouped])
    assert spread < 0.2 * np.mean([np.ptp(lengths[batch]) for batch in epoch_batches(400, 8, 0, 0)])


ROWS = [{"input_ids": [0] * (1 + i % 7), "number": i} for i in range(23)]


def numbers(order: DataOrder, step: int) -> list[list[int]]:
    return [[row["number"] for row in batch] for batch in order.rows(step)]


def test_steps_go_through_every_text_of_an_epoch() -> None:
    args = mb.TrainingArguments("x", per_device_train_batch_size=3, gradient_accumulation_steps=2, num_train_epochs=2.5)
    order = DataOrder(ROWS, args)
    assert (order.steps_per_epoch, order.total_steps) == (4, 10)
    for epoch in range(2):
        seen = [i for step in range(4) for batch in numbers(order, 4 * epoch + step) for i in batch]
        assert sorted(seen) == list(range(23))
    assert DataOrder(ROWS, mb.TrainingArguments("x", max_steps=7)).total_steps == 7


def test_a_step_has_the_same_texts_whatever_came_before() -> None:
    args = mb.TrainingArguments("x", per_device_train_batch_size=3, group_by_length=True, data_seed=5)
    whole = DataOrder(ROWS, args)
    steps = [numbers(whole, step) for step in range(20)]
    for step in (19, 3, 8, 0):
        assert numbers(DataOrder(ROWS, args), step) == steps[step]
    assert numbers(DataOrder(ROWS, mb.TrainingArguments("x", per_device_train_batch_size=3)), 0) != steps[0]
