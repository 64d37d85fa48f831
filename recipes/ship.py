"""Put a finished run of an English model where it is shipped from: weights/NAME and tokenizers/NAME.

    python recipes/ship.py tiny-bert runs/tiny-bert --compare runs/short/compare_torch.json
    python recipes/ship.py tiny-roberta runs/tiny-roberta
    python recipes/ship.py tiny-bert-pos runs/tiny-bert-pos

Copies the files, records the golden pack and the golden encodings, tries the prompts, and writes the cards: every
figure in a card comes from the run's own files.
"""

import argparse
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cards
from prompts import choices
from training import LOG_FILE, PICTURE

import minibert as mb
from minibert.weights.shards import SINGLE_FILE

TOP = Path(__file__).resolve().parents[1]
TOKENIZER_FILES = ("vocab.txt", "vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json",
                   "special_tokens_map.json")  # fmt: skip
GOLDEN_TEXT = "Snow is {mask}."
GOLDEN_ANSWER = "white"
# gradients of matrices have as many numbers as the matrices; those of biases and LayerNorm stay
MATRIX_GRADIENTS = [f"parameter_grad/*{end}.weight" for end in ("embeddings", "query", "key", "value", "dense",
                                                               "decoder", "classifier")]  # fmt: skip
ENCODED = [
    ["The capital of France is Paris.", None],
    ["Mary has a cat.", "The cat is black."],
    ["unbelievably", None],
    ["  two   blanks, a\ttab\nand a line", None],
    ["Café naïve: 3.14 €, 北京 — ok?", None],
    ["don't stop, it's 10:30!", None],
    ["", None],
    ["A 🙂 and a 👩‍💻.", None],
]


def main() -> None:
    options = parse()
    source = options.run / "model"
    weights, tokens = options.into / "weights" / options.name, options.into / "tokenizers" / options.name
    figures = json.loads((source / "figures.json").read_text(encoding="utf-8"))
    for folder in (weights, tokens):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    for name in ("config.json", SINGLE_FILE, LOG_FILE, PICTURE):
        shutil.copyfile(source / name, weights / name)
    for name in TOKENIZER_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, tokens / name)
    tokenizer = mb.AutoTokenizer.from_pretrained(str(tokens))
    (tokens / "golden.json").write_text(golden_encodings(tokenizer), encoding="utf-8")
    model = load(weights)
    (weights / "golden").mkdir()
    record(model, tokenizer, weights / "golden" / "snow.safetensors", options.name)
    if options.compare:
        figures["compared"] = json.loads(options.compare.read_text(encoding="utf-8"))
        del figures["compared"]["training_losses"]
    if hasattr(model, "lm_head_module"):
        figures["prompts"] = choices(model, tokenizer)
    write_json(figures, weights / "figures.json")
    (weights / "README.md").write_text(cards.model_card(options.name, figures), encoding="utf-8")
    (tokens / "README.md").write_text(cards.tokenizer_card(options.name, tokenizer), encoding="utf-8")
    for folder in (weights, tokens):
        for path in sorted(folder.rglob("*.*")):
            print(f"{path.stat().st_size:9,} {path.relative_to(options.into)}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(cards.TITLES), help="the name that it will have")
    parser.add_argument("run", type=Path, help="folder of the finished run")
    parser.add_argument("--compare", type=Path, help="what compare_torch.py wrote")
    parser.add_argument("--into", type=Path, default=TOP, help="the folder that has weights/ and tokenizers/")
    return parser.parse_args()


def load(folder: Path) -> Any:
    """The model, of the class that config.json names."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return getattr(mb, config["architectures"][0]).from_pretrained(str(folder))


def record(model: Any, tokenizer: Any, path: Path, name: str) -> None:
    """The golden pack of one short text: of a language model with its loss and gradients, else forward only."""
    text = GOLDEN_TEXT.format(mask=tokenizer.mask_token)
    inputs = dict(tokenizer([text], return_tensors="np"))
    backward = hasattr(model, "lm_head_module")
    if backward:
        answer = tokenizer.convert_tokens_to_ids(tokenizer.tokenize(f" {GOLDEN_ANSWER}"))[0]
        masked = inputs["input_ids"] == tokenizer.mask_token_id
        inputs |= {"labels": (answer + 100) * masked - 100, "logits_to_keep": "labels"}
    else:
        text = GOLDEN_TEXT.format(mask=GOLDEN_ANSWER)
        inputs = dict(tokenizer([text], return_tensors="np"))
    mb.golden.record(model, inputs, path, backward, text=text, tokenizer=tokenizer, command=f"recipes/ship.py {name}",
                     without=MATRIX_GRADIENTS if backward else ())  # fmt: skip


def golden_encodings(tokenizer: Any) -> str:
    """Texts with their tokens, ids, token types and offsets, one JSON object a line."""
    lines = []
    for text, pair in ENCODED:
        found = tokenizer(text, pair, return_offsets_mapping=True, return_token_type_ids=True)
        lines.append({
            "text": text, "text_pair": pair, "tokens": tokenizer.convert_ids_to_tokens(found["input_ids"]),
            "input_ids": list(found["input_ids"]), "token_type_ids": list(found["token_type_ids"]),
            "offsets": [list(offsets) for offsets in found["offset_mapping"]],
        })  # fmt: skip
    return "[\n" + ",\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n]\n"


def write_json(content: Mapping[str, Any], path: Path) -> None:
    """Indented, with a line at the end."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
