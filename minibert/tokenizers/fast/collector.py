"""Python's collector of cyclic garbage, held back where millions of objects are made."""

import gc


class _CollectorPaused:
    """`with` this, Python's collector of cyclic garbage does not run.

    A batch, or a large vocabulary, becomes millions of small lists and tuples and no cycle among them; visiting them
    again and again while they are made would take as long as making them. (Reference counting, which frees nearly
    everything, goes on.)

    >>> with collector_paused:
    ...     gc.isenabled()
    False
    """

    def __init__(self) -> None:
        self._resume: list[bool] = []  # calls nest, in one thread or several: the last to leave restores

    def __enter__(self) -> None:
        self._resume.append(gc.isenabled())
        gc.disable()

    def __exit__(self, *_: object) -> None:
        if self._resume.pop():
            gc.enable()


collector_paused = _CollectorPaused()
