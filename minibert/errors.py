"""The errors that users meet. Each message is one sentence with the names and numbers in it.

All derive from `MinibertError`, and from the built-in exception that fits, so that both
`except mb.MinibertError` and `except ValueError` catch them.
"""


class MinibertError(Exception):
    """Every error that minibert raises on purpose."""


class InputError(MinibertError, ValueError):
    """An argument of a call does not fit: an id outside the vocabulary, a wrong shape, too many tokens."""


class ConfigError(MinibertError, ValueError):
    """A configuration is contradictory, incomplete, or its file cannot be read."""


class WeightFileError(MinibertError, ValueError):
    """A weight file, its index, or a folder of a checkpoint is damaged, hostile or does not fit the model."""


class TokenizerError(MinibertError, ValueError):
    """A vocabulary file cannot be read, or arguments of a tokenizer contradict each other."""


class TraceError(MinibertError, ValueError):
    """A trace does not hold what was asked of it, or does not fit the model."""


class BackendError(MinibertError, RuntimeError):
    """The asked-for array library or device cannot be used here."""


class OutputError(MinibertError, OSError):
    """A file cannot be written: the disk is full, or the folder is not yours. `errno` and `filename` are the
    system's."""

    def __str__(self) -> str:
        return str(self.args[0])


class NotFiniteError(MinibertError, ArithmeticError):
    """A weight or an output is infinite or no number, where it would be saved or answered with."""


# Warnings: one kind each, so that a program can silence or catch it alone.


class MinibertWarning(UserWarning):
    """Every warning of minibert's."""


class NewWeightsWarning(MinibertWarning):
    """Weights that a checkpoint lacks were drawn anew: what the model predicts means nothing until it is trained."""


class InputWarning(MinibertWarning):
    """A text, a target or a prompt was cut or changed, or will not do what it seems to ask for."""


class OptionWarning(MinibertWarning):
    """An option has no effect here, or was not followed."""


class SlowWarning(MinibertWarning):
    """What was asked for works, and there is a faster way to the same numbers."""
