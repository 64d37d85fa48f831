"""Which tokens are hidden from the model, and how (Devlin et al. 2018, section 3.1, task 1)."""

import numpy as np

from minibert.course.exercise import Exercise


def draw(rng, B, T):
    special = np.zeros((B, T), dtype=bool)
    special[:, [0, -1]] = True
    chance = rng.random((B, T))
    chance[0, :4] = 0.01, 0.02, 0.03, 0.04
    how = rng.random((B, T))
    how[0, :4] = 0.2, 0.5, 0.85, 0.95
    chance[:, 4::3] /= 10
    return {
        "input_ids": rng.integers(10, 90, size=(B, T)),
        "special": special,
        "chance": chance,
        "how": how,
        "random_ids": rng.integers(10, 90, size=(B, T)),
        "mask_id": 4,
    }


exercise = Exercise(
    "masking",
    "f(input_ids, special, chance, how, random_ids, mask_id)",
    """
    Masked language modelling: a token is chosen if its number in chance is below 0.15 and it is not special ([CLS],
    [SEP], padding; there special is True). What becomes of a chosen token is told by its number in how: below 0.8 it
    becomes mask_id; from 0.8 and below 0.9 it becomes the token in random_ids; from 0.9 it stays as it is. The labels
    are the token that was there, at every chosen place, also where it stays, and -100 elsewhere. Give the new ids and
    the labels.
    """,
    draw,
    [{"B": 2, "T": 9}, {"B": 4, "T": 30}],
    results=("masked_ids", "labels"),
)


@exercise.step("B T")
def chosen(chance, special):
    """15 % of the tokens that are not special"""
    return (chance < 0.15) & ~special


@exercise.step("B T")
def masked_ids(input_ids, chosen, how, random_ids, mask_id):
    """of the chosen ones 80 % [MASK], 10 % another token, 10 % as they were"""
    masked_ids = np.where(chosen & (how < 0.8), mask_id, input_ids)
    return np.where(chosen & (how >= 0.8) & (how < 0.9), random_ids, masked_ids)


@exercise.step("B T")
def labels(input_ids, chosen):
    """what stood there where a token was chosen, -100 elsewhere"""
    return np.where(chosen, input_ids, -100)


def replaced(input_ids, chosen, how, random_ids, mask_id, random_from, kept_from):
    """Chosen tokens become [MASK], random from the one bound, and stay from the other."""
    masked_ids = np.where(chosen & (how < random_from), mask_id, input_ids)
    return np.where(chosen & (how >= random_from) & (how < kept_from), random_ids, masked_ids)


exercise.mistake(
    "special tokens chosen", "special tokens are chosen too; [CLS], [SEP] and padding never are",
    chosen=lambda chance: chance < 0.15,
)  # fmt: skip
exercise.mistake(
    "special tokens alone", "the special tokens are chosen; they are the ones that never are",
    chosen=lambda chance, special: (chance < 0.15) & special,
)  # fmt: skip
exercise.mistake(
    "85 %", "tokens whose number is above 0.15 are chosen, 85 % of them; it is those below",
    chosen=lambda chance, special: (chance > 0.15) & ~special,
)  # fmt: skip
for name, random_from, kept_from, words in (
    ("all masked", 1.0, 1.0, "every chosen token becomes [MASK]; only 80 % do, 10 % become another and 10 % stay"),
    ("none kept", 0.8, 1.0, "chosen tokens become [MASK] or another one, 80 and 20 %; a tenth stays as it is"),
    ("none random", 0.8, 0.8, "chosen tokens become [MASK] or stay, 80 and 20 %; a tenth becomes another one"),
    ("90 % masked", 0.9, 0.9, "90 % of the chosen tokens become [MASK]; it is 80 %, 10 % become another and 10 % stay"),
    ("half random", 0.5, 0.9, "[MASK] stands for 50 % of the chosen tokens; it is 80 %"),
    ("10 % masked", 0.1, 0.9, "10 % become [MASK] and 80 % another token; it is the other way round"),
):
    exercise.mistake(
        name, words,
        masked_ids=lambda input_ids, chosen, how, random_ids, mask_id, bounds=(random_from, kept_from): replaced(
            input_ids, chosen, how, random_ids, mask_id, *bounds),
    )  # fmt: skip
exercise.mistake(
    "random and kept exchanged", "from 0.8 tokens stay and from 0.9 they become another; it is the other way round",
    masked_ids=lambda input_ids, chosen, how, random_ids, mask_id: np.where(
        chosen & (how < 0.8), mask_id, np.where(chosen & (how >= 0.9), random_ids, input_ids)),
)  # fmt: skip
exercise.mistake(
    "masked everywhere", "tokens that were not chosen are replaced too",
    masked_ids=lambda input_ids, chosen, how, random_ids, mask_id: replaced(
        input_ids, np.ones_like(chosen), how, random_ids, mask_id, 0.8, 0.9),
)  # fmt: skip
exercise.mistake(
    "labels everywhere", "every token has a label; where none was chosen -100 belongs, or the model learns to copy",
    labels=lambda input_ids: input_ids,
)  # fmt: skip
exercise.mistake(
    "labels after masking", "the labels are the ids after masking; the model is to guess what stood there before",
    labels=lambda masked_ids, chosen: np.where(chosen, masked_ids, -100),
)  # fmt: skip
exercise.mistake(
    "labels where changed", "only tokens that changed have a label; a chosen one that stays has one too",
    labels=lambda input_ids, masked_ids: np.where(masked_ids != input_ids, input_ids, -100),
)  # fmt: skip
exercise.mistake(
    "labels where [MASK] stands", "only tokens that became [MASK] have a label; all chosen ones do",
    labels=lambda input_ids, chosen, how: np.where(chosen & (how < 0.8), input_ids, -100),
)  # fmt: skip
exercise.mistake(
    "labels 0", "tokens that were not chosen have the label 0, which is a token; -100 says that there is none",
    labels=lambda input_ids, chosen: np.where(chosen, input_ids, 0),
)  # fmt: skip
exercise.mistake(
    "labels the wrong way round", "the labels stand where no token was chosen",
    labels=lambda input_ids, chosen: np.where(chosen, -100, input_ids),
)  # fmt: skip
