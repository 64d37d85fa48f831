"""RoBERTa's last word on offsets: blanks at a token's ends are left out of its span.

"Ġlow" covers the blank before "low"; its span is that of "low" alone. It happens after truncation, because whether
a blank was put in front by the tokenizer is asked of the first token that is left.

Source: `process_offsets` of Hugging Face's tokenizers, found by experiment.
"""

from functools import lru_cache

from minibert.tokenizers.stages.aligned_text import Span
from minibert.tokenizers.stages.template import Sequence
from minibert.tokenizers.stages.unicode_tables import WHITESPACE, code_points
from minibert.tokenizers.stages.vocabulary import Vocabulary

# What counts as a blank inside a token: "Ġ", and Unicode's white space.
BLANK_CHARS = "Ġ" + "".join(map(chr, sorted(code_points(WHITESPACE))))


@lru_cache(maxsize=1 << 17)
def blanks_around(token: str) -> Span:
    """How many blanks a token begins and ends with.

    >>> blanks_around("ĠĠlow"), blanks_around("Ġ")
    ((2, 0), (1, 1))
    """
    size = len(token)
    return size - len(token.lstrip(BLANK_CHARS)), size - len(token.rstrip(BLANK_CHARS))


def trimmed(start: int, end: int, lead: int, trail: int) -> Span:
    """A span without `lead` blanks at its start and `trail` at its end, as the reference counts them.

    >>> trimmed(3, 7, 1, 0), trimmed(3, 4, 1, 1)
    ((4, 7), (4, 4))
    """
    start = min(start + lead, end)
    if trail and end >= trail:
        end = max(end - trail, start)
    return start, end


def trim_offsets(
    sequence: Sequence, source: str | list[str], vocabulary: Vocabulary, add_prefix_space: bool = False
) -> None:
    """Trim the offsets of a sequence in place, unless they are trimmed already.

    `source`: the text, or its words. Of an added token the text itself is asked, for it may have swallowed blanks that
    its name does not show. `add_prefix_space`: a single blank that begins the text may be the added one, which has no
    width of its own.

    >>> sequence = Sequence([0, 1], [(0, 1), (1, 5)])
    >>> trim_offsets(sequence, "a low", Vocabulary({"a": 0, "Ġlow": 1}))
    >>> sequence.offsets
    [(0, 1), (2, 5)]
    """
    if sequence.offsets is None or sequence.trimmed:
        return
    for i, (id_, (start, end)) in enumerate(zip(sequence.ids, sequence.offsets, strict=True)):
        if id_ in vocabulary.added.by_id:
            text = source if isinstance(source, str) else source[(sequence.words or [0] * (i + 1))[i] or 0]
            lead, trail = blanks_around(text[start:end])
        else:
            lead, trail = blanks_around(vocabulary.tokens.get(id_, ""))
        if lead == 1 and add_prefix_space and (i == 0 or start == 0):
            lead = 0
        if lead or trail:
            sequence.offsets[i] = trimmed(start, end, lead, trail)
    sequence.trimmed = True
