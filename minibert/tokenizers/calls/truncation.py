"""Stage 3½, truncation: which tokens stay when a text or a pair is too long, and the windows of the rest.

Everything here works on lengths and returns ranges of tokens; nobody's tokens are touched.

Source: `truncate_encodings` of Hugging Face's tokenizers, found by experiment; `google` is
`_truncate_seq_pair` of google-research/bert run_classifier.py.
"""

from minibert.errors import InputError
from minibert.tokenizers.stages.aligned_text import Span


def kept_lengths(
    first: int, second: int | None, budget: int, strategy: str = "longest_first", google: bool = False
) -> tuple[int, int | None]:
    """How many tokens of each sequence fit into `budget`, which counts no special tokens.

    >>> kept_lengths(5, 7, 5), kept_lengths(5, 7, 5, google=True)
    ((2, 3), (3, 2))
    >>> kept_lengths(5, 7, 8, "only_second")
    (5, 3)
    """
    surplus = first + (second or 0) - budget
    if surplus <= 0:
        return first, second
    if budget == 0:  # special tokens fill the row, whatever the strategy
        return 0, None if second is None else 0
    if strategy == "longest_first":
        if second is None:
            return budget, None
        return (_google_pair if google else _balanced_pair)(first, second, budget)
    if strategy == "only_second" and second is None:
        raise InputError("Truncation error: Second sequence not provided, so 'only_second' has nothing to cut.")
    target = first if strategy == "only_first" or second is None else second
    if target <= surplus:
        raise InputError(
            "Truncation error: Sequence to truncate too short to respect the provided max_length: "
            f"{surplus} tokens must go with {strategy!r}, and that sequence has {target}."
        )
    return (first - surplus, second) if strategy == "only_first" else (first, target - surplus)


def _balanced_pair(first: int, second: int, budget: int) -> tuple[int, int]:
    """The shorter one stays whole if it can; otherwise each gets half, the longer one the odd token."""
    shorter, longer = sorted((first, second))
    longer = shorter if shorter > budget else max(shorter, budget - shorter)
    if shorter + longer > budget:
        shorter, longer = budget // 2, budget // 2 + budget % 2
    return (shorter, longer) if first <= second else (longer, shorter)


def _google_pair(first: int, second: int, budget: int) -> tuple[int, int]:
    """One token at a time goes from the longer sequence, from the second if both are as long.

    Once they are level, cuts alternate, the second first; so the first keeps the odd token.
    """
    low = min(first, second)
    if low + low <= budget:  # the longer one alone can give all that is needed
        return (low, budget - low) if first <= second else (budget - low, low)
    return budget - budget // 2, budget // 2


def first_window(size: int, width: int, stride: int = 0, side: str = "right") -> Span:
    """The range of at most `width` tokens that truncation keeps.

    Raises InputError when the stride leaves no room for new tokens in the windows that follow.

    >>> first_window(10, 4), first_window(10, 4, 1, "left")
    ((0, 4), (6, 10))
    """
    if width >= size or width == 0:
        return 0, min(width, size)
    if stride >= width:
        raise InputError(
            f"The stride of {stride} tokens must be less than the {width} tokens that fit into one window."
        )
    return (0, width) if side == "right" else (size - width, size)


def windows(size: int, width: int, stride: int = 0, side: str = "right") -> list[Span]:
    """Ranges of at most `width` tokens that overlap by `stride`; the first is what truncation keeps.

    >>> windows(10, 4, 1), windows(10, 4, 1, "left")
    ([(0, 4), (3, 7), (6, 10)], [(6, 10), (3, 7), (0, 4)])
    """
    first = first_window(size, width, stride, side)
    if width >= size:
        return [first]
    if width == 0:
        return [first, (0, size)]  # nothing fits: the whole sequence overflows
    starts = range(0, size - stride, width - stride)  # the last window reaches the end
    ranges = [(start, min(start + width, size)) for start in starts]
    return ranges if side == "right" else [(size - end, size - start) for start, end in ranges]


def window_pairs(first: list[Span], second: list[Span] | None) -> list[tuple[Span, Span | None]]:
    """The rows that a pair gives: what is kept first, then the overflowing ones.

    >>> window_pairs([(0, 2), (2, 4)], [(0, 1), (1, 2)])[1:]
    [((2, 4), (0, 1)), ((2, 4), (1, 2)), ((0, 2), (1, 2))]
    """
    if second is None:
        return [(part, None) for part in first]
    pairs: list[tuple[Span, Span | None]] = [(first[0], second[0])]
    pairs += [(part, other) for part in first[1:] for other in second]
    pairs += [(first[0], other) for other in second[1:]]
    return pairs
