"""Learning a byte-level BPE vocabulary, as RoBERTa uses it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from minibert.errors import TokenizerError
from minibert.files.saving import saving
from minibert.tokenizers.fast.byte_bpe import exact_words
from minibert.tokenizers.files.vocabulary_files import write_merges_txt
from minibert.tokenizers.stages.byte_bpe import BYTE_CHARS, to_byte_chars
from minibert.tokenizers.stages.normalizers import check_no_surrogates
from minibert.tokenizers.training.counting import check_request, count_words
from minibert.tokenizers.training.merges import MergeStep, Symbols, learn_merges
from minibert.tokenizers.training.saving import forget_older, write_json

ROBERTA_SPECIALS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")


@dataclass(frozen=True)
class TrainedBpe:
    """A byte-level BPE vocabulary; `RobertaTokenizer(vocab=..., merges=...)` takes its parts."""

    vocab: dict[str, int]
    merges: list[tuple[str, str]]
    add_prefix_space: bool = False

    def save(self, folder: str | PathLike[str]) -> list[Path]:
        """Write vocab.json, merges.txt and tokenizer_config.json; gives their paths."""
        with saving(folder, TokenizerError) as save:
            target = save.staged
            forget_older(save)
            paths = [target / name for name in ("vocab.json", "merges.txt", "tokenizer_config.json")]
            write_json(self.vocab, paths[0])
            write_merges_txt(self.merges, paths[1])
            write_json({"add_prefix_space": self.add_prefix_space, "tokenizer_class": "RobertaTokenizer"}, paths[2])
        return [save.folder / path.name for path in paths]


def train_bpe(
    texts: Iterable[str],
    vocab_size: int = 30_000,
    *,
    min_frequency: int = 2,
    special_tokens: Sequence[str] = ROBERTA_SPECIALS,
    add_prefix_space: bool = False,
    progress: bool = True,
    on_step: Callable[[MergeStep], object] | None = None,
) -> TrainedBpe:
    """Learn byte-level BPE merges from texts (Sennrich et al. 2016, section 3.2; over bytes, Radford et al. 2019).

    Args:
        texts: any iterable of str.
        vocab_size: how many tokens at most, the special ones and the 256 bytes included.
        min_frequency: pairs that occur less often are not joined.
        special_tokens: get the first ids, in this order.
        add_prefix_space: put a blank before each text, as the tokenizer will.
        progress: show a progress bar.
        on_step: is called with each `MergeStep`.

    Returns:
        A `TrainedBpe`: `vocab`, `merges`, `save(folder)`. The merges are those of `BpeTrainer` of Hugging Face's
        tokenizers on the same texts.

    Raises:
        InputError: a text is not a str or holds a lone surrogate.
        TokenizerError: there is nothing to learn from.

    Example:
        >>> steps = []
        >>> trained = train_bpe(["low lower lowest"], 265, progress=False, on_step=steps.append)
        >>> trained.merges
        [('l', 'o'), ('lo', 'w'), ('Ġ', 'low'), ('Ġlow', 'e')]
        >>> [(step.merged, step.frequency) for step in steps]
        [('lo', 3), ('low', 3), ('Ġlow', 2), ('Ġlowe', 2)]
    """

    def cut(text: str) -> list[str]:
        check_no_surrogates(text)
        if add_prefix_space and not text.startswith(" "):
            text = " " + text
        return exact_words(text)

    counts = count_words(texts, cut, progress=progress)
    check_request(vocab_size, special_tokens, len(counts))
    symbols = Symbols([*special_tokens, *sorted(BYTE_CHARS)])
    words = {tuple(symbols.ids[char] for char in to_byte_chars(word)): count for word, count in counts.items()}
    merges = learn_merges(words, symbols, vocab_size, min_frequency, progress=progress, on_step=on_step)
    return TrainedBpe(symbols.ids, merges, add_prefix_space)
