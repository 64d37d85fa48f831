"""Every exercise by name, in the order in which a course would set them."""

import difflib
from functools import cache
from importlib import import_module

from minibert.course.exercise import Exercise
from minibert.errors import InputError

# chapter -> its exercises: chapters/<chapter>/<name>.py holds each, as `exercise`
_CHAPTERS = {
    "tokenizers": ("wordpiece", "bpe_merge", "bpe_train", "viterbi", "offsets"),
    "embeddings": ("embeddings", "pool"),
    "layer": ("layer_norm", "add_and_norm", "gelu", "feed_forward", "mlm_head"),
    "attention": ("mask", "split_heads", "merge_heads", "attention", "causal_mask", "cache"),
    "backward": (
        "linear_backward", "layer_norm_backward", "softmax_backward", "attention_backward", "embedding_backward",
        "cross_entropy_backward",
    ),
    "training": ("masking", "adamw_step"),
}  # fmt: skip


class Names(list[str]):
    """The names of the exercises; shown with the call that each asks for."""

    def __repr__(self) -> str:
        wide = max(map(len, self))
        lines = []
        for chapter, names in _CHAPTERS.items():
            lines.append(f"{chapter}")
            lines += [f"  {name:<{wide}}  {exercise(name).call}" for name in names if name in self]
        return "\n".join(lines)


def exercises() -> Names:
    """The names of all exercises, by chapter. `minibert.exercise(name)` gives one.

    >>> import minibert as mb
    >>> mb.exercises()[:3]
    ['wordpiece', 'bpe_merge', 'bpe_train']
    """
    return Names(name for names in _CHAPTERS.values() for name in names)


@cache
def exercise(name: str) -> Exercise:
    """The exercise of this name: `print` says what to write, `.inputs` are to try it on, `.check(f)` judges it.

    Raises:
        InputError: there is no exercise of this name.

    >>> import minibert as mb
    >>> task = mb.exercise("split_heads")
    >>> task.inputs
    x      (2, 5, 6) float64
    heads  2
    >>> verdict = task.check(lambda x, heads: x.reshape(2, heads, 5, 3))
    >>> verdict.ok, verdict.first
    (False, 'heads_first')
    """
    for chapter, names in _CHAPTERS.items():
        if name in names:
            return import_module(f"minibert.course.chapters.{chapter}.{name}").exercise
    near = difflib.get_close_matches(str(name), exercises(), n=1)
    meant = f" (did you mean {near[0]!r}?)" if near else ""
    raise InputError(f"there is no exercise {name!r}{meant}: minibert.exercises() lists them.")
