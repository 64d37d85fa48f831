"""The error of this package."""

from minibert.errors import MinibertError


class GoldenError(MinibertError, ValueError):
    """A golden pack is damaged, of another model, or what was given does not fit it; one sentence says which."""
