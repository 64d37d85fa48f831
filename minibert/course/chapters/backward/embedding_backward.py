"""The backward of looking rows up: a token that occurs twice gets both gradients."""

import numpy as np

from minibert.course.exercise import Exercise


def draw(rng, B, T, D, V):
    ids = rng.integers(1, V, size=(B, T))
    ids[0, 2] = ids[0, 0]  # repeated within a text
    ids[1, 1] = ids[0, 0]  # and in another
    ids[-1, -1] = 0  # padding has a row like any other
    return {"dy": rng.normal(size=(B, T, D)), "ids": ids, "rows": V}


exercise = Exercise(
    "embedding_backward",
    "f(dy, ids, rows)",
    """
    The forward was y = table[ids]: each id looked up a row of the table, which has as many rows as the vocabulary.
    dy (B, T, D) says how the loss changes with y. Find how it changes with the table, (rows, D): a row gets the sum of
    dy over all places that looked it up, and zero if none did. Some ids occur more than once.
    """,
    draw,
    [{"B": 2, "T": 4, "D": 3, "V": 7}, {"B": 3, "T": 5, "D": 2, "V": 9}],
)


@exercise.step("V D")
def dtable(dy, ids, rows):
    """for each row, dy added up over the places that looked it up"""
    dtable = np.zeros((rows, dy.shape[-1]))
    np.add.at(dtable, ids, dy)
    return dtable


def added(dy, ids, rows):
    """The right gradient, which the wrong ones start from."""
    dtable = np.zeros((rows, dy.shape[-1]))
    np.add.at(dtable, ids, dy)
    return dtable


def counts(ids, rows):
    """(rows, 1): how often each row was looked up, at least 1."""
    return np.maximum(np.bincount(ids.reshape(-1), minlength=rows), 1)[:, None]


def assigned(dy, ids, rows, order=1):
    """Each row holds dy of one place alone, the last in this order."""
    dtable = np.zeros((rows, dy.shape[-1]))
    for row, id_ in list(zip(dy.reshape(-1, dy.shape[-1]), ids.reshape(-1), strict=True))[::order]:
        dtable[id_] = row
    return dtable


def by_text(dy, ids, rows):
    """`dtable[ids[b]] += dy[b]` for each text b."""
    dtable = np.zeros((rows, dy.shape[-1]))
    for b in range(len(ids)):
        dtable[ids[b]] += dy[b]
    return dtable


exercise.mistake(
    "the last place alone", "a row that was looked up more than once holds dy of the last place alone: "
    "dtable[ids] += dy reads once and writes once; use np.add.at(dtable, ids, dy)",
    dtable=lambda dy, ids, rows: assigned(dy, ids, rows),
)  # fmt: skip
exercise.mistake(
    "the first place alone", "a row that was looked up more than once holds dy of the first place alone; "
    "all its places are added up",
    dtable=lambda dy, ids, rows: assigned(dy, ids, rows, -1),
)  # fmt: skip
exercise.mistake(
    "the last place in each text", "within a text, a row that was looked up more than once holds dy of the last place "
    "alone: += at repeated ids reads once and writes once; use np.add.at",
    dtable=by_text,
)  # fmt: skip
exercise.mistake(
    "averaged over the places", "a row holds the mean over its places; it is the sum",
    dtable=lambda dy, ids, rows: added(dy, ids, rows) / counts(ids, rows),
)  # fmt: skip
exercise.mistake(
    "averaged over the texts", "the gradient is divided by the number of texts; the loss has done its own averaging",
    dtable=lambda dy, ids, rows: added(dy, ids, rows) / len(ids),
)  # fmt: skip
exercise.mistake(
    "times the places", "a row is multiplied with how often it was looked up; the sum alone belongs",
    dtable=lambda dy, ids, rows: added(dy, ids, rows) * counts(ids, rows),
)  # fmt: skip
exercise.mistake(
    "first text alone", "only the first text is added up; all are",
    dtable=lambda dy, ids, rows: added(dy[:1], ids[:1], rows),
)  # fmt: skip
exercise.mistake(
    "row 0 left out", "row 0 got nothing; here it is a row like any other",
    dtable=lambda dy, ids, rows: added(dy * (ids != 0)[..., None], ids, rows),
)  # fmt: skip
exercise.mistake(
    "ids from 1", "each gradient lies one row too early: ids count from 0",
    dtable=lambda dy, ids, rows: added(dy, ids - 1, rows),
)  # fmt: skip
