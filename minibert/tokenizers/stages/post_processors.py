"""Stage 4 as an object: where special tokens go, and what is done to offsets at the end.

`template.py` lays out the row, `trimming.py` trims the offsets.
"""

from typing import Any, Protocol

from minibert.tokenizers.stages.special_tokens import SpecialTokens
from minibert.tokenizers.stages.template import (
    BARE,
    BARE_ONE_TYPE,
    Sequence,
    Template,
    bert_template,
    roberta_template,
)
from minibert.tokenizers.stages.trimming import trim_offsets
from minibert.tokenizers.stages.vocabulary import Vocabulary


class PostProcessor(Protocol):
    """What stage 4 promises."""

    bare: Template  # where sequences go when no special tokens are added
    trim_offsets: bool  # whether `trim` does anything

    def template(self, cls: int, sep: int) -> Template:
        """Where special tokens of these ids go."""

    def trim(self, sequence: Sequence, source: str | list[str], vocabulary: Vocabulary) -> None:
        """The last word on the offsets, after truncation; `source` is the text, or its words."""

    def to_json(self, template: Template, special: SpecialTokens) -> dict[str, Any]:
        """The section "post_processor" of a tokenizer.json."""


class BertPostProcessor:
    """BERT's and RemBERT's stage 4: `[CLS] A [SEP]`, `[CLS] A [SEP] B [SEP]`."""

    bare = BARE
    trim_offsets = False

    def template(self, cls: int, sep: int) -> Template:
        """Where special tokens of these ids go."""
        return bert_template(cls, sep)

    def trim(self, sequence: Sequence, source: str | list[str], vocabulary: Vocabulary) -> None:
        """Offsets stay as they are."""

    def to_json(self, template: Template, special: SpecialTokens) -> dict[str, Any]:
        """The section "post_processor" of a tokenizer.json."""
        return template.to_json(special.vocabulary.token_of)


class RobertaPostProcessor:
    """RoBERTa's stage 4: `<s> A </s>`, `<s> A </s></s> B </s>`, and blanks left out of offsets."""

    bare = BARE_ONE_TYPE

    def __init__(self, trim_offsets: bool = True, add_prefix_space: bool = False) -> None:
        self.trim_offsets = trim_offsets
        self.add_prefix_space = add_prefix_space

    def template(self, cls: int, sep: int) -> Template:
        """Where special tokens of these ids go."""
        return roberta_template(cls, sep)

    def trim(self, sequence: Sequence, source: str | list[str], vocabulary: Vocabulary) -> None:
        """Leave blanks at a token's ends out of its offsets, if that is wanted."""
        if self.trim_offsets:
            trim_offsets(sequence, source, vocabulary, self.add_prefix_space)

    def to_json(self, template: Template, special: SpecialTokens) -> dict[str, Any]:
        """The section "post_processor" of a tokenizer.json."""
        token_of = special.vocabulary.token_of
        trimming = {"trim_offsets": self.trim_offsets, "add_prefix_space": self.add_prefix_space}
        cls, sep = template.single[0].special, template.single[-1].special
        if cls is not None and sep is not None:
            usual = roberta_template(cls, sep)
            if (usual.single, usual.pair) == (template.single, template.pair):
                named = {"sep": [token_of(sep), sep], "cls": [token_of(cls), cls]}
                return {"type": "RobertaProcessing", **named, **trimming}
        trim = {"type": "ByteLevel", **trimming, "use_regex": True}
        return {"type": "Sequence", "processors": [template.to_json(token_of), trim]}
