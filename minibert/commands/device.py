"""The value of --device, as pipelines and training take it."""


def parse_device(text: str | None) -> int | str | None:
    """Digits are the number of a device, anything else its name.

    >>> parse_device("-1"), parse_device("cuda"), parse_device(None)
    (-1, 'cuda', None)
    """
    return int(text) if text is not None and text.lstrip("-").isdigit() else text
