"""Learning-rate schedules, with the names and numbers of transformers.

A schedule multiplies each group's first learning rate by a factor of the step number. Warm-up rises linearly
from 0 over `num_warmup_steps`. Make the schedule after the optimiser, and call its `step()` after the
optimiser's.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from minibert.checks import check_count, check_number
from minibert.errors import InputError
from minibert.training.optimizer import Optimizer


class LRSchedule:
    """Sets every group's lr to its initial_lr times `factor(step)`.

    Args:
        optimizer: an optimiser of this module's neighbours, or anything with `param_groups`.
        factor: step number, from 0 -> what to multiply the first learning rate by.
        last_epoch: the step to go on after; -1 begins. (transformers' name: the unit is a step.)
    """

    def __init__(self, optimizer: Optimizer, factor: Callable[[int], float], last_epoch: int = -1) -> None:
        if not hasattr(optimizer, "param_groups"):
            raise InputError(f"a schedule takes an optimiser, not a {type(optimizer).__name__}.")
        self.optimizer, self.factor, self.last_epoch = optimizer, factor, last_epoch
        for group in optimizer.param_groups:
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise InputError(
                    f"last_epoch is {last_epoch}, but the optimiser's groups have no 'initial_lr' to resume from: "
                    "load the state of both, or begin with last_epoch=-1."
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.step()

    def step(self) -> None:
        """Go on to the next step's learning rates."""
        self.last_epoch += 1
        for group, base in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = base * self.factor(self.last_epoch)

    def get_last_lr(self) -> list[float]:
        """Each group's learning rate, for the step that comes."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` of a schedule made in the same way needs."""
        return {"last_epoch": self.last_epoch, "base_lrs": list(self.base_lrs)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where another schedule stood; sets the optimiser's learning rates too."""
        if not isinstance(state_dict, Mapping) or not {"last_epoch", "base_lrs"} <= set(state_dict):
            raise InputError("the schedule's state must be a dict with 'last_epoch' and 'base_lrs'.")
        if len(state_dict["base_lrs"]) != len(self.base_lrs):
            raise InputError(
                f"the schedule's state is of {len(state_dict['base_lrs'])} parameter groups: the optimiser has "
                f"{len(self.base_lrs)}."
            )
        check_count("the schedule's last_epoch", state_dict["last_epoch"], least=0)
        for base in state_dict["base_lrs"]:
            check_number("a learning rate of the schedule", base, lower=0.0)
        self.base_lrs = list(state_dict["base_lrs"])
        self.last_epoch = state_dict["last_epoch"] - 1
        for group, base in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["initial_lr"] = base
        self.step()


# shapes: step number, from 0 -> what to multiply the first learning rate by


def warmed_up(num_warmup_steps: float, then: Callable[[float], float]) -> Callable[[int], float]:
    """Up from 0 in a straight line, then as `then` says."""

    def factor(step: int) -> float:
        return float(step) / float(max(1, num_warmup_steps)) if step < num_warmup_steps else then(step)

    return factor


def _share_done(step: float, num_warmup_steps: float, num_training_steps: float) -> float:
    """The part of the steps after the warm-up that is done."""
    return float(step - num_warmup_steps) / float(max(1, num_training_steps - num_warmup_steps))


def _check_steps(**counts: Any) -> None:
    for name, count in counts.items():
        check_number(name, count, lower=0)


def get_constant_schedule(optimizer: Optimizer, last_epoch: int = -1) -> LRSchedule:
    """The same learning rate always.

    Args:
        optimizer: an optimiser of minibert, or anything with `param_groups`.
        last_epoch: the step to go on after; -1 begins.

    Raises:
        InputError: optimizer is no optimiser, or last_epoch resumes where nothing was saved.

    Example:
        >>> import numpy as np
        >>> from minibert.training.adamw import AdamW
        >>> schedule = get_constant_schedule(AdamW({"w": np.zeros(1)}, lr=1.0))
        >>> rates = []
        >>> for _ in range(3):
        ...     rates += schedule.get_last_lr()
        ...     schedule.step()
        >>> rates
        [1.0, 1.0, 1.0]
    """
    return LRSchedule(optimizer, lambda _: 1, last_epoch)


def get_constant_schedule_with_warmup(optimizer: Optimizer, num_warmup_steps: int, last_epoch: int = -1) -> LRSchedule:
    """Up from 0, then constant.

    Args:
        optimizer, last_epoch: as of `get_constant_schedule`.
        num_warmup_steps: steps of the straight line from 0 to the optimiser's lr.

    Raises:
        InputError: a number is negative, or as of `get_constant_schedule`.

    Example:
        >>> import numpy as np
        >>> from minibert.training.adamw import AdamW
        >>> schedule = get_constant_schedule_with_warmup(AdamW({"w": np.zeros(1)}, lr=1.0), 2)
        >>> rates = []
        >>> for _ in range(4):
        ...     rates += schedule.get_last_lr()
        ...     schedule.step()
        >>> rates
        [0.0, 0.5, 1.0, 1.0]
    """
    _check_steps(num_warmup_steps=num_warmup_steps)
    return LRSchedule(optimizer, warmed_up(num_warmup_steps, lambda _: 1.0), last_epoch)


def get_linear_schedule_with_warmup(
    optimizer: Optimizer, num_warmup_steps: int, num_training_steps: int, last_epoch: int = -1
) -> LRSchedule:
    """Up from 0, then straight down to 0 at num_training_steps (Devlin et al. 2018, appendix A.2).

    Args:
        optimizer, last_epoch: as of `get_constant_schedule`.
        num_warmup_steps: steps of the straight line from 0 to the optimiser's lr.
        num_training_steps: how many steps in all, those of the warm-up included.

    Raises:
        InputError: a number is negative, or as of `get_constant_schedule`.

    Example:
        >>> from minibert.training.adamw import AdamW
        >>> import numpy as np
        >>> schedule = get_linear_schedule_with_warmup(AdamW({"w": np.zeros(1)}, lr=1.0), 2, 6)
        >>> rates = []
        >>> for _ in range(7):
        ...     rates += schedule.get_last_lr()
        ...     schedule.step()
        >>> rates
        [0.0, 0.5, 1.0, 0.75, 0.5, 0.25, 0.0]
    """
    _check_steps(num_warmup_steps=num_warmup_steps, num_training_steps=num_training_steps)

    def down(step: float) -> float:
        left = float(num_training_steps - step)
        return max(0.0, left / float(max(1, num_training_steps - num_warmup_steps)))

    return LRSchedule(optimizer, warmed_up(num_warmup_steps, down), last_epoch)


def get_cosine_schedule_with_warmup(
    optimizer: Optimizer, num_warmup_steps: int, num_training_steps: int, num_cycles: float = 0.5, last_epoch: int = -1
) -> LRSchedule:
    """Up from 0, then down along `num_cycles` waves of a cosine: half a wave ends at 0.

    After the warm-up the factor is (1 + cos(2 π num_cycles p)) / 2, p the share of the other steps that is done
    (Loshchilov & Hutter 2017, eq. 5, without restarts).

    Args:
        optimizer, num_warmup_steps, last_epoch: as of `get_constant_schedule_with_warmup`.
        num_training_steps: how many steps in all, those of the warm-up included.
        num_cycles: waves; 0.5 goes down once.

    Raises:
        InputError: a number is negative.

    Example:
        >>> import numpy as np
        >>> from minibert.training.adamw import AdamW
        >>> schedule = get_cosine_schedule_with_warmup(AdamW({"w": np.zeros(1)}, lr=1.0), 2, 6)
        >>> rates = []
        >>> for _ in range(7):
        ...     rates += schedule.get_last_lr()
        ...     schedule.step()
        >>> [round(rate, 2) for rate in rates]
        [0.0, 0.5, 1.0, 0.85, 0.5, 0.15, 0.0]
    """
    _check_steps(num_warmup_steps=num_warmup_steps, num_training_steps=num_training_steps, num_cycles=num_cycles)

    def wave(step: float) -> float:
        done = _share_done(step, num_warmup_steps, num_training_steps)
        return max(0.0, 0.5 * (1.0 + math.cos(math.pi * float(num_cycles) * 2.0 * done)))

    return LRSchedule(optimizer, warmed_up(num_warmup_steps, wave), last_epoch)


def get_cosine_with_hard_restarts_schedule_with_warmup(
    optimizer: Optimizer, num_warmup_steps: int, num_training_steps: int, num_cycles: int = 1, last_epoch: int = -1
) -> LRSchedule:
    """Up from 0, then down half a cosine wave, `num_cycles` times from the top (Loshchilov & Hutter 2017, eq. 5).

    Args:
        optimizer, num_warmup_steps, num_training_steps, last_epoch: as of `get_cosine_schedule_with_warmup`.
        num_cycles: how often it begins at the top; all take equally many steps.

    Raises:
        InputError: a number is negative.

    Example:
        >>> import numpy as np
        >>> from minibert.training.adamw import AdamW
        >>> optimizer = AdamW({"w": np.zeros(1)}, lr=1.0)
        >>> schedule = get_cosine_with_hard_restarts_schedule_with_warmup(optimizer, 0, 6, num_cycles=2)
        >>> rates = []
        >>> for _ in range(7):
        ...     rates += schedule.get_last_lr()
        ...     schedule.step()
        >>> [round(rate, 2) for rate in rates]
        [1.0, 0.75, 0.25, 1.0, 0.75, 0.25, 0.0]
    """
    _check_steps(num_warmup_steps=num_warmup_steps, num_training_steps=num_training_steps, num_cycles=num_cycles)

    def waves(step: float) -> float:
        done = _share_done(step, num_warmup_steps, num_training_steps)
        if done >= 1.0:
            return 0.0
        return max(0.0, 0.5 * (1.0 + math.cos(math.pi * ((float(num_cycles) * done) % 1.0))))

    return LRSchedule(optimizer, warmed_up(num_warmup_steps, waves), last_epoch)


def get_polynomial_decay_schedule_with_warmup(
    optimizer: Optimizer,
    num_warmup_steps: int,
    num_training_steps: int,
    lr_end: float = 1e-7,
    power: float = 1.0,
    last_epoch: int = -1,
) -> LRSchedule:
    """Up from 0, then down to lr_end by a power of the steps left: (lr - lr_end) · left ** power + lr_end.

    As in transformers, lr_end is meant for the optimiser's default lr: a group with another lr ends in
    proportion.

    Args:
        optimizer, num_warmup_steps, num_training_steps, last_epoch: as of `get_cosine_schedule_with_warmup`.
        lr_end: the learning rate at num_training_steps and after.
        power: 1 is a straight line; above 1 it falls fast first.

    Raises:
        InputError: a number is negative, or lr_end is not smaller than the optimiser's lr.

    Example:
        >>> import numpy as np
        >>> from minibert.training.adamw import AdamW
        >>> optimizer = AdamW({"w": np.zeros(1)}, lr=1.0)
        >>> schedule = get_polynomial_decay_schedule_with_warmup(optimizer, 0, 4, lr_end=0.0, power=2.0)
        >>> rates = []
        >>> for _ in range(5):
        ...     rates += schedule.get_last_lr()
        ...     schedule.step()
        >>> rates
        [1.0, 0.5625, 0.25, 0.0625, 0.0]
    """
    _check_steps(num_warmup_steps=num_warmup_steps, num_training_steps=num_training_steps, lr_end=lr_end, power=power)
    lr_init = optimizer.defaults["lr"]
    if not lr_init > lr_end:
        raise InputError(f"lr_end is {lr_end}: it must be smaller than the initial lr, {lr_init}.")

    def down(step: float) -> float:
        if step > num_training_steps or num_training_steps <= num_warmup_steps:
            return lr_end / lr_init
        left = 1 - (step - num_warmup_steps) / (num_training_steps - num_warmup_steps)
        return ((lr_init - lr_end) * left**power + lr_end) / lr_init

    return LRSchedule(optimizer, warmed_up(num_warmup_steps, down), last_epoch)


def get_inverse_sqrt_schedule(
    optimizer: Optimizer, num_warmup_steps: int, timescale: int | None = None, last_epoch: int = -1
) -> LRSchedule:
    """Up from 0, then down as 1 / √step (Vaswani et al. 2017, section 5.3).

    Args:
        optimizer, num_warmup_steps, last_epoch: as of `get_constant_schedule_with_warmup`.
        timescale: the t of √(t / (step + t - num_warmup_steps)); by default the warm-up, or 10,000 without one.

    Raises:
        InputError: num_warmup_steps is negative, or timescale below 1.

    Example:
        >>> import numpy as np
        >>> from minibert.training.adamw import AdamW
        >>> schedule = get_inverse_sqrt_schedule(AdamW({"w": np.zeros(1)}, lr=1.0), 1)
        >>> rates = []
        >>> for _ in range(10):
        ...     rates += schedule.get_last_lr()
        ...     schedule.step()
        >>> [round(rates[step], 3) for step in (0, 1, 4, 9)]
        [0.0, 1.0, 0.5, 0.333]
    """
    _check_steps(num_warmup_steps=num_warmup_steps)
    scale = timescale if timescale is not None else num_warmup_steps or 10_000
    check_number("timescale", scale, lower=1)
    shift = scale - num_warmup_steps
    return LRSchedule(
        optimizer, warmed_up(num_warmup_steps, lambda step: 1 / math.sqrt((step + shift) / scale)), last_epoch
    )


SCHEDULES: dict[str, Callable[..., LRSchedule]] = {
    "linear": get_linear_schedule_with_warmup,
    "cosine": get_cosine_schedule_with_warmup,
    "cosine_with_restarts": get_cosine_with_hard_restarts_schedule_with_warmup,
    "polynomial": get_polynomial_decay_schedule_with_warmup,
    "constant": get_constant_schedule,
    "constant_with_warmup": get_constant_schedule_with_warmup,
    "inverse_sqrt": get_inverse_sqrt_schedule,
}


def get_scheduler(
    name: str,
    optimizer: Optimizer,
    num_warmup_steps: int | None = None,
    num_training_steps: int | None = None,
    scheduler_specific_kwargs: Mapping[str, Any] | None = None,
) -> LRSchedule:
    """The schedule of this name, one of `SCHEDULES`.

    Args:
        name: "linear", "cosine" and so on, or transformers' SchedulerType.
        optimizer: whose learning rates it sets.
        num_warmup_steps, num_training_steps: of the schedule; "constant" needs neither.
        scheduler_specific_kwargs: what else the schedule takes, such as {"num_cycles": 2}.

    Raises:
        InputError: the name is unknown, or the schedule needs a number that was not given.

    Example:
        >>> import numpy as np
        >>> from minibert.training.adamw import AdamW
        >>> optimizer = AdamW({"w": np.zeros(1)}, lr=1.0)
        >>> schedule = get_scheduler("linear", optimizer, num_warmup_steps=2, num_training_steps=6)
        >>> schedule.step()
        >>> schedule.get_last_lr()  # one of two steps up
        [0.5]
        >>> ", ".join(SCHEDULES)
        'linear, cosine, cosine_with_restarts, polynomial, constant, constant_with_warmup, inverse_sqrt'
    """
    name = str(getattr(name, "value", name))  # transformers' SchedulerType too
    if name not in SCHEDULES:
        raise InputError(f"schedule {name!r} is unknown: choose one of {', '.join(SCHEDULES)}.")
    extra = dict(scheduler_specific_kwargs or {})
    if name == "constant":
        return get_constant_schedule(optimizer, **extra)
    if num_warmup_steps is None:
        raise InputError(f"schedule {name!r} needs num_warmup_steps.")
    if name in ("constant_with_warmup", "inverse_sqrt"):
        return SCHEDULES[name](optimizer, num_warmup_steps, **extra)
    if num_training_steps is None:
        raise InputError(f"schedule {name!r} needs num_training_steps.")
    return SCHEDULES[name](optimizer, num_warmup_steps, num_training_steps, **extra)
