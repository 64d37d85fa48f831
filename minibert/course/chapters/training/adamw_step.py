"""One step of AdamW (Kingma & Ba 2015; Loshchilov & Hutter 2019)."""

import numpy as np

from minibert.course.exercise import Exercise


def draw(rng, D, step, eps, weight_decay):
    return {
        "parameter": rng.normal(size=D),
        "gradient": rng.normal(size=D),
        "m": rng.normal(size=D) / 5,
        "v": rng.random(D) / 5,
        "step": step,
        "lr": 0.1,
        "beta1": 0.9,
        "beta2": 0.99,
        "eps": eps,
        "weight_decay": weight_decay,
    }


exercise = Exercise(
    "adamw_step",
    "f(parameter, gradient, m, v, step, lr, beta1, beta2, eps, weight_decay)",
    """
    m is a running mean of the gradients: beta1 of the old one and 1 - beta1 of the new gradient. v is the same of
    their squares, with beta2. Both began at zero and are too small at first; divided by 1 - beta1^step and
    1 - beta2^step (step counts from 1) they are not. The parameter first shrinks by lr weight_decay times itself
    (decoupled decay, as PyTorch has it) and then goes lr m̂ / (√v̂ + eps) against the gradient. Give the new
    parameter, m and v; leave the old arrays as they were.
    """,
    draw,
    [{"D": 5, "step": 3, "eps": 1e-8, "weight_decay": 0.01}, {"D": 7, "step": 1, "eps": 0.2, "weight_decay": 0.5}],
    results=("parameter_after", "m_after", "v_after"),
)


@exercise.step("D")
def m_after(m, gradient, beta1):
    """the running mean of the gradients"""
    return beta1 * m + (1 - beta1) * gradient


@exercise.step("D")
def v_after(v, gradient, beta2):
    """the running mean of the squared gradients"""
    return beta2 * v + (1 - beta2) * gradient**2


@exercise.step("D")
def m_hat(m_after, beta1, step):
    """m without its slow start"""
    return m_after / (1 - beta1**step)


@exercise.step("D")
def v_hat(v_after, beta2, step):
    """v without its slow start"""
    return v_after / (1 - beta2**step)


@exercise.step("D")
def parameter_after(parameter, m_hat, v_hat, lr, eps, weight_decay):
    """the parameter, a little smaller, minus lr m̂ / (√v̂ + eps)"""
    return parameter - lr * weight_decay * parameter - lr * m_hat / (np.sqrt(v_hat) + eps)


def stepped(form):
    """A wrong parameter_after, of parameter, m_hat, v_hat, lr, eps and decay."""
    return lambda parameter, m_hat, v_hat, lr, eps, weight_decay: form(parameter, m_hat, v_hat, lr, eps, weight_decay)


exercise.mistake(
    "decay in the gradient", "weight_decay times the parameter is added to the gradient, so that it goes through m and "
    "v (L2, Adam); AdamW takes it from the parameter directly",
    m_after=lambda m, gradient, parameter, beta1, weight_decay: (
        beta1 * m + (1 - beta1) * (gradient + weight_decay * parameter)),
    v_after=lambda v, gradient, parameter, beta2, weight_decay: (
        beta2 * v + (1 - beta2) * (gradient + weight_decay * parameter) ** 2),
    parameter_after=stepped(lambda p, m, v, lr, eps, decay: p - lr * m / (np.sqrt(v) + eps)),
)  # fmt: skip
exercise.mistake(
    "no bias correction", "m and v are used as they are; both are divided by 1 - beta^step first",
    m_hat=lambda m_after: m_after,
    v_hat=lambda v_after: v_after,
)  # fmt: skip
exercise.mistake(
    "m not corrected", "m is not divided by 1 - beta1^step", m_hat=lambda m_after: m_after,
)  # fmt: skip
exercise.mistake(
    "v not corrected", "v is not divided by 1 - beta2^step", v_hat=lambda v_after: v_after,
)  # fmt: skip
exercise.mistake(
    "steps from 0", "the correction counts steps from 0, with step - 1; the first is 1",
    m_hat=lambda m_after, beta1, step: m_after / (1 - beta1 ** (step - 1)),
    v_hat=lambda v_after, beta2, step: v_after / (1 - beta2 ** (step - 1)),
)  # fmt: skip
exercise.mistake(
    "steps from 2", "the correction counts one step too many, with step + 1; step counts from 1 already",
    m_hat=lambda m_after, beta1, step: m_after / (1 - beta1 ** (step + 1)),
    v_hat=lambda v_after, beta2, step: v_after / (1 - beta2 ** (step + 1)),
)  # fmt: skip
exercise.mistake(
    "power forgotten", "the correction divides by 1 - beta, without the power: it is 1 - beta^step",
    m_hat=lambda m_after, beta1: m_after / (1 - beta1),
    v_hat=lambda v_after, beta2: v_after / (1 - beta2),
)  # fmt: skip
exercise.mistake(
    "eps inside the root", "eps stands under the root; it is added to the root, √v̂ + eps",
    parameter_after=stepped(lambda p, m, v, lr, eps, decay: p - lr * decay * p - lr * m / np.sqrt(v + eps)),
)  # fmt: skip
exercise.mistake(
    "no eps", "eps is left out; it is added to the root, √v̂ + eps",
    parameter_after=stepped(lambda p, m, v, lr, eps, decay: p - lr * decay * p - lr * m / np.sqrt(v)),
)  # fmt: skip
exercise.mistake(
    "root forgotten", "it is divided by v̂ + eps, without the root",
    parameter_after=stepped(lambda p, m, v, lr, eps, decay: p - lr * decay * p - lr * m / (v + eps)),
)  # fmt: skip
exercise.mistake(
    "decay without lr", "the parameter shrinks by weight_decay; it is lr weight_decay",
    parameter_after=stepped(lambda p, m, v, lr, eps, decay: p - decay * p - lr * m / (np.sqrt(v) + eps)),
)  # fmt: skip
exercise.mistake(
    "no decay", "weight_decay is left out",
    parameter_after=stepped(lambda p, m, v, lr, eps, decay: p - lr * m / (np.sqrt(v) + eps)),
)  # fmt: skip
exercise.mistake(
    "decay after the step", "the parameter shrinks after the step; it does so before, from its old value",
    parameter_after=stepped(lambda p, m, v, lr, eps, decay: (p - lr * m / (np.sqrt(v) + eps)) * (1 - lr * decay)),
)  # fmt: skip
exercise.mistake(
    "sign flipped", "the step goes along the gradient; it goes against it",
    parameter_after=stepped(lambda p, m, v, lr, eps, decay: p - lr * decay * p + lr * m / (np.sqrt(v) + eps)),
)  # fmt: skip
exercise.mistake(
    "decay grows", "the decay is added, so that the parameter grows; it shrinks",
    parameter_after=stepped(lambda p, m, v, lr, eps, decay: p + lr * decay * p - lr * m / (np.sqrt(v) + eps)),
)  # fmt: skip
exercise.mistake(
    "square forgotten", "v takes the gradient as it is; it takes its square",
    v_after=lambda v, gradient, beta2: beta2 * v + (1 - beta2) * gradient,
)  # fmt: skip
exercise.mistake(
    "betas exchanged", "beta1 and beta2 are exchanged: beta1 belongs to m, beta2 to v",
    m_after=lambda m, gradient, beta2: beta2 * m + (1 - beta2) * gradient,
    v_after=lambda v, gradient, beta1: beta1 * v + (1 - beta1) * gradient**2,
    m_hat=lambda m_after, beta2, step: m_after / (1 - beta2**step),
    v_hat=lambda v_after, beta1, step: v_after / (1 - beta1**step),
)  # fmt: skip
exercise.mistake(
    "1 - beta forgotten", "the new gradient is added whole; it counts 1 - beta",
    m_after=lambda m, gradient, beta1: beta1 * m + gradient,
    v_after=lambda v, gradient, beta2: beta2 * v + gradient**2,
)  # fmt: skip
exercise.mistake(
    "shares exchanged", "the old mean counts 1 - beta and the new gradient beta; it is the other way round",
    m_after=lambda m, gradient, beta1: (1 - beta1) * m + beta1 * gradient,
    v_after=lambda v, gradient, beta2: (1 - beta2) * v + beta2 * gradient**2,
)  # fmt: skip
exercise.mistake(
    "corrected kept", "m and v are given after the correction; what is kept is as it was before",
    m_after=lambda m, gradient, beta1, step: (beta1 * m + (1 - beta1) * gradient) / (1 - beta1**step),
    v_after=lambda v, gradient, beta2, step: (beta2 * v + (1 - beta2) * gradient**2) / (1 - beta2**step),
    m_hat=lambda m_after: m_after,
    v_hat=lambda v_after: v_after,
)  # fmt: skip
