"""What a road from text to tokens needs to know, and how the plain stages answer.

Each family has a memory of its own (`wordpiece.py`, `byte_bpe.py`, `unigram.py` beside this file), which answers the
same from what it found before.
"""

from minibert.tokenizers.fast.chunks import LocatedText
from minibert.tokenizers.stages.aligned_text import AlignedText
from minibert.tokenizers.stages.pipeline import Stages
from minibert.tokenizers.stages.stage import Model


class Memory:
    """Nothing is remembered: the stages are asked each time.

    `keeps_trimmed`: whether `locate` can give offsets that leave out blanks.
    """

    keeps_trimmed = True

    def __init__(self, stages: Stages) -> None:
        self.stages = stages

    @property
    def model(self) -> Model:
        """The model of the stages, or one that gives the same faster."""
        return self.stages.model

    def normalized(self, text: str) -> str:
        """Stage 1 of a text without added tokens."""
        return self.stages.normalizer.normalize(AlignedText.from_text(text)).text

    def normalized_ids(self, text: str) -> list[int]:
        """Stages 2 and 3 of normalised text."""
        words = self.stages.pre_tokenizer.split(AlignedText.from_text(text))
        return [token.id for word in self.model.cut(words) for token in word]

    def ids(self, text: str) -> list[int]:
        """Stages 1 to 3 of a text without added tokens."""
        return self.normalized_ids(self.normalized(text))

    def locate(self, text: str, start: int, trims: bool, sizes: list[int] | None) -> LocatedText | None:
        """The same with spans, in a text that begins at `start`; None where the stages must be asked.

        `trims`: leave blanks out of the spans, if the tokenizer does. `sizes`, if given, is told how many tokens each
        word has; what it holds means nothing where the answer is None.
        """
        return None
