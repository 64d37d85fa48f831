"""Learners' masking and AdamW."""

import numpy as np


def masking(input_ids, special, chance, how, random_ids, mask_id):
    chosen = (chance < 0.15) & (special == 0)
    ids = input_ids.copy()
    ids[chosen & (how < 0.8)] = mask_id
    swap = chosen & (how >= 0.8) & (how < 0.9)
    ids[swap] = random_ids[swap]
    labels = input_ids.copy()
    labels[~chosen] = -100
    return {"chosen": chosen, "masked_ids": ids, "labels": labels}


def masking_by_loop(input_ids, special, chance, how, random_ids, mask_id):
    ids, labels = input_ids.tolist(), np.full_like(input_ids, -100)
    for b, t in np.ndindex(*input_ids.shape):
        if special[b, t] or chance[b, t] >= 0.15:
            continue
        labels[b, t] = input_ids[b, t]
        if how[b, t] < 0.8:
            ids[b][t] = mask_id
        elif how[b, t] < 0.9:
            ids[b][t] = random_ids[b, t]
    return ids, labels


def adamw_step(parameter, gradient, m, v, step, lr, beta1, beta2, eps, weight_decay):
    p = parameter * (1 - lr * weight_decay)
    m = beta1 * m + (1 - beta1) * gradient
    v = beta2 * v + (1 - beta2) * gradient * gradient
    m_hat = m / (1 - beta1**step)
    v_hat = v / (1 - beta2**step)
    p = p - lr * m_hat / (np.sqrt(v_hat) + eps)
    return {"m_after": m, "v_after": v, "m_hat": m_hat, "v_hat": v_hat, "parameter_after": p}


def adamw_step_as_torch(parameter, gradient, m, v, step, lr, beta1, beta2, eps, weight_decay):
    p, m, v = parameter.copy(), m.copy(), v.copy()
    p *= 1 - lr * weight_decay
    m += (1 - beta1) * (gradient - m)
    v *= beta2
    v += (1 - beta2) * gradient**2
    root = np.sqrt(v) / np.sqrt(1 - beta2**step) + eps
    p -= lr / (1 - beta1**step) * m / root
    return p, m, v


RIGHT = {"masking": [masking, masking_by_loop], "adamw_step": [adamw_step, adamw_step_as_torch]}
WRONG = {
    "masking": [
        (masking, " & (special == 0)", "", "special tokens chosen"),
        (masking_by_loop, "special[b, t] or ", "", "special tokens chosen"),
        (masking, "chance < 0.15", "chance > 0.15", "85 %"),
        (masking, "how < 0.8", "how < 1", ""),
        (masking_by_loop, "how[b, t] < 0.8", "True", "all masked"),
        (masking_by_loop, "elif how[b, t] < 0.9", "else", "none kept"),
        (masking_by_loop, "elif how[b, t] < 0.9", "elif False", "none random"),
        (masking_by_loop, "elif how[b, t] < 0.9", "elif how[b, t] >= 0.9", "random and kept exchanged"),
        (masking, "labels[~chosen] = -100", "", "labels everywhere"),
        (masking, "labels = input_ids.copy()", "labels = ids.copy()", "labels after masking"),
        (masking, "labels[~chosen] = -100", "labels[ids == input_ids] = -100", "labels where changed"),
        (masking, "labels[~chosen] = -100", "labels[~chosen] = 0", "labels 0"),
        (masking, "labels[~chosen]", "labels[chosen]", "labels the wrong way round"),
        (masking, "special == 0", "special == 1", "special tokens alone"),
        (masking, "how >= 0.8", "how >= 0.7", ""),
        (masking, "chance < 0.15", "chance < 0.4", ""),
    ],
    "adamw_step": [
        (adamw_step, "p = parameter * (1 - lr * weight_decay)",
         "p, gradient = parameter, gradient + weight_decay * parameter", "decay in the gradient"),
        (adamw_step_as_torch, "p *= 1 - lr * weight_decay", "gradient = gradient + weight_decay * p",
         "decay in the gradient"),
        (adamw_step_as_torch, " / (1 - beta1**step)", "", "m not corrected"),
        (adamw_step_as_torch, " / np.sqrt(1 - beta2**step)", "", "v not corrected"),
        (adamw_step, "**step", "", "power forgotten"),
        (adamw_step, "**step", "**(step + 1)", "steps from 2"),
        (adamw_step, "**step", "**(step - 1)", "steps from 0"),
        (adamw_step, "(np.sqrt(v_hat) + eps)", "np.sqrt(v_hat + eps)", "eps inside the root"),
        (adamw_step, " + eps)", ")", "no eps"),
        (adamw_step, "lr * weight_decay", "weight_decay", "decay without lr"),
        (adamw_step_as_torch, "p *= 1 - lr * weight_decay", "", "no decay"),
        (adamw_step, "p - lr * m_hat", "p + lr * m_hat", "sign flipped"),
        (adamw_step, "gradient * gradient", "gradient", "square forgotten"),
        (adamw_step, "(1 - beta1) * gradient", "gradient", "1 - beta forgotten"),
        (adamw_step_as_torch, "p -= lr", "p -= 0 * lr", ""),
        (adamw_step_as_torch, "1 - beta2**step) + eps", "1 - beta2**step + eps)", ""),
        (adamw_step, "np.sqrt(v_hat)", "v_hat", "root forgotten"),
    ],
}  # fmt: skip
