"""Learning a WordPiece vocabulary, as BERT uses it.

Google never published BERT's trainer. This follows `WordPieceTrainer` of Hugging Face's tokenizers: BPE in
which each symbol that does not begin a word carries "##". The merges themselves are not kept; encoding is
greedy, longest piece first.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from minibert.errors import TokenizerError
from minibert.files.saving import saving
from minibert.tokenizers.fast.wordpiece import BertWords
from minibert.tokenizers.files.vocabulary_files import write_vocab_txt
from minibert.tokenizers.stages.normalizers import BertNormalizer, check_no_surrogates
from minibert.tokenizers.training.counting import check_request, count_words
from minibert.tokenizers.training.merges import MergeStep, Symbols, learn_merges
from minibert.tokenizers.training.saving import forget_older, write_json

BERT_SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True)
class TrainedWordPiece:
    """A WordPiece vocabulary; `BertTokenizer(vocab=...)` takes it."""

    vocab: dict[str, int]
    options: BertNormalizer

    def save(self, folder: str | PathLike[str]) -> list[Path]:
        """Write vocab.txt and tokenizer_config.json; gives their paths."""
        with saving(folder, TokenizerError) as save:
            target = save.staged
            forget_older(save)
            paths = [target / "vocab.txt", target / "tokenizer_config.json"]
            write_vocab_txt(self.vocab, paths[0])
            config = {
                "do_lower_case": self.options.lowercase,
                "strip_accents": self.options.strip_accents,
                "tokenize_chinese_chars": self.options.handle_chinese_chars,
                "tokenizer_class": "BertTokenizer",
            }
            write_json(config, paths[1])
        return [save.folder / path.name for path in paths]


def train_wordpiece(
    texts: Iterable[str],
    vocab_size: int = 30_000,
    *,
    min_frequency: int = 2,
    limit_alphabet: int = 1000,
    special_tokens: Sequence[str] = BERT_SPECIALS,
    do_lower_case: bool = True,
    strip_accents: bool | None = None,
    tokenize_chinese_chars: bool = True,
    wordpieces_prefix: str = "##",
    progress: bool = True,
    on_step: Callable[[MergeStep], object] | None = None,
) -> TrainedWordPiece:
    """Learn a WordPiece vocabulary from texts, by joining the most frequent pair again and again.

    With the same pairs to choose from, the choice is Hugging Face's. Where two pairs are equally frequent it
    can differ: there, the ids of "##" characters, which decide, come in an order that changes from one run to
    the next; here they come in the order of code points.

    Args:
        texts: any iterable of str.
        vocab_size: how many tokens at most, the special ones and the characters included.
        min_frequency: pairs that occur less often are not joined.
        limit_alphabet: how many different characters at most, the most frequent ones.
        special_tokens: get the first ids, in this order.
        do_lower_case, strip_accents, tokenize_chinese_chars, wordpieces_prefix: as of `BertTokenizer`.
        progress: show a progress bar.
        on_step: is called with each `MergeStep`.

    Returns:
        A `TrainedWordPiece`: `vocab`, `save(folder)`.

    Raises:
        InputError: a text is not a str or holds a lone surrogate.
        TokenizerError: there is nothing to learn from.

    Example:
        >>> steps = []
        >>> trained = train_wordpiece(["hug hugs hugging, pug"], 18, progress=False, on_step=steps.append)
        >>> list(trained.vocab)[5:]
        [',', 'g', 'h', 'i', 'n', 'p', 's', 'u', '##g', '##i', '##n', '##s', '##u']
        >>> trained = train_wordpiece(["hug hugs hugging, pug"], 20, progress=False, on_step=steps.append)
        >>> [(step.left, step.right, step.merged, step.frequency) for step in steps]
        [('##u', '##g', '##ug', 4), ('h', '##ug', 'hug', 3)]
    """
    options = BertNormalizer(True, tokenize_chinese_chars, strip_accents, do_lower_case)
    counts = count_words(texts, _cutter(options), progress=progress)
    check_request(vocab_size, special_tokens, len(counts))
    alphabet = _alphabet(counts, limit_alphabet)
    symbols = Symbols([*special_tokens, *sorted(alphabet)])
    kept = [(word, "".join(filter(alphabet.__contains__, word))) for word in counts]
    for char in sorted({char for _, word in kept for char in word[1:]}):
        symbols.add(wordpieces_prefix + char)
    words: Counter[tuple[int, ...]] = Counter()
    for original, word in kept:
        words[_spell(word, symbols, wordpieces_prefix)] += counts[original]
    learn_merges(
        words, symbols, vocab_size, min_frequency, prefix=wordpieces_prefix, progress=progress, on_step=on_step
    )
    return TrainedWordPiece(symbols.ids, options)


def _cutter(options: BertNormalizer) -> Callable[[str], list[str]]:
    """The words of a text as BERT's first two stages give them."""
    words = BertWords(options)

    def cut(text: str) -> list[str]:
        check_no_surrogates(text)
        return words.find(text)

    return cut


def _alphabet(counts: dict[str, int], limit: int) -> set[str]:
    """The most frequent characters; of equally frequent ones those with the smaller code point."""
    frequency: Counter[str] = Counter()
    for word, count in counts.items():
        for char in word:
            frequency[char] += count
    return set(sorted(frequency, key=lambda char: (-frequency[char], char))[:limit])


def _spell(word: str, symbols: Symbols, prefix: str) -> tuple[int, ...]:
    return tuple(symbols.ids[prefix + char if at else char] for at, char in enumerate(word))
