"""Tokenizers side by side: minibert against transformers' slow and compiled ones, on one thread.

    python benchmarks/tokenizers.py [--corpus en] [--runs 3] [--megabytes 5] [--family bert] [--keep FOLDER]

The text is what is installed with Python packages, each piece kept once, in an order drawn anew: `en`, paragraphs of
sentences from docstrings and readme files; `multi`, the strings of translation catalogues (Django's, in a hundred
languages). Any other `--corpus` is the path of a UTF-8 text, whose paragraphs are taken. Each run is a fresh process
for each side, so that every cache starts cold, and the sides take turns. Times are CPU seconds; a ratio is the median
over the rounds of the ratios inside a round. Ids are compared in the same run (and offsets, for BERT and RoBERTa), and
a difference ends it.

Needs transformers 4.57, tokenizers, sentencepiece. `--v5 PYTHON`: the interpreter of an environment with
transformers 5, for one more side. `--keep` stores text and vocabularies in a folder and takes them from there again.
"""

import argparse
import ast
import gettext
import hashlib
import json
import os
import random
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from importlib import metadata
from pathlib import Path

# this folder out, or this file would be imported as Hugging Face's `tokenizers`; the checkout in
sys.path[0] = str(Path(__file__).resolve().parents[1])
for name in ("RAYON_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
SITE = Path(sysconfig.get_paths()["purelib"])


def corpus(name: str, megabytes: float) -> list[str]:
    """Different texts, shuffled, up to a size; see the module's description for `name`."""
    if name == "en":
        texts = english(megabytes)
    elif name == "multi":
        texts = translations()
    else:
        texts = {part.strip() for part in Path(name).read_text(encoding="utf-8").split("\n\n")}
    chosen = sorted(part for part in texts if 0 < len(part) < 5000)
    random.Random(0).shuffle(chosen)
    size, limit = 0, megabytes * 1e6
    for i, paragraph in enumerate(chosen):
        size += len(paragraph.encode())
        if size > limit:
            return chosen[: i + 1]
    return chosen


def english(megabytes: float) -> set[str]:
    """Paragraphs of readme files and docstrings."""
    texts = [distribution.read_text("METADATA") or "" for distribution in metadata.distributions()]
    for path in sorted(SITE.rglob("*.py")):
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError, ValueError, OSError):
            continue
        texts += [
            ast.get_docstring(node) or ""
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        ]
        if sum(map(len, texts)) > megabytes * 1e7:
            break
    return {part.strip() for text in texts for part in text.split("\n\n") if is_prose(part.strip())}


def is_prose(paragraph: str) -> bool:
    """Whether this is a paragraph of sentences, not an example of code, a table or a list of names."""
    if len(paragraph) <= 40 or ">>>" in paragraph or "\n    " in paragraph:
        return False
    return sum(char.isalpha() or char in " \n" for char in paragraph) > 0.9 * len(paragraph)


def translations() -> set[str]:
    """The strings of the message catalogues that installed packages bring along."""
    texts: set[str] = set()
    for path in SITE.rglob("*.mo"):
        with path.open("rb") as file:
            catalog: dict[object, object] = vars(gettext.GNUTranslations(file))["_catalog"]
        texts.update(text.strip() for key, text in catalog.items() if key and isinstance(text, str))
    if len(texts) < 1000:
        raise SystemExit(f"multi needs translation catalogues, and {len(texts)} strings were found: pip install Django")
    return texts


def build(family: str, side: str, folder: Path):  # type: ignore[no-untyped-def]
    """One side's tokenizer."""
    if side == "minibert":
        from minibert.tokenizers.auto import AutoTokenizer

        return AutoTokenizer.from_pretrained(folder)
    import transformers

    transformers.logging.set_verbosity_error()
    name = {"bert": "Bert", "roberta": "Roberta", "rembert": "RemBert"}[family]
    kind = getattr(transformers, f"{name}Tokenizer{'' if side == 'slow' else 'Fast'}")
    return kind.from_pretrained(folder)


def one_run(family: str, side: str, mode: str, folder: Path, paragraphs: list[str]) -> dict[str, object]:
    """Encode everything once, cold, then once more, warm, in a new order."""
    tokenizer = build(family, side, folder)
    offsets = mode == "offsets"
    seconds = {}
    for state in ("cold", "warm"):
        start = time.process_time()
        if mode == "single":
            batch = None
            rows = [tokenizer(text)["input_ids"] for text in paragraphs]
        else:
            batch = tokenizer(paragraphs, return_offsets_mapping=offsets)
            rows = batch["input_ids"]
        seconds[state] = time.process_time() - start
        if state == "cold":
            # RemBERT's reference for ids, SentencePiece's class, has no offsets to compare
            found = [rows, batch["offset_mapping"]] if offsets and family != "rembert" else rows
            digest = hashlib.sha256(json.dumps(found).encode()).hexdigest()
            del batch, rows, found  # or giving back their memory would count as the second pass's time
    return {"cold": seconds["cold"], "warm": seconds["warm"], "digest": digest}


def make_vocabularies(home: Path, paragraphs: list[str]) -> None:
    """Train one vocabulary for each family on a part of the text, with the reference trainers."""
    import sentencepiece
    import tokenizers

    sample = paragraphs[: len(paragraphs) // 3]
    for family in ("bert", "roberta", "rembert"):
        (home / family).mkdir()
    wordpiece = tokenizers.BertWordPieceTokenizer()
    wordpiece.train_from_iterator(sample, vocab_size=20000, show_progress=False)
    wordpiece.save_model(str(home / "bert"))
    bpe = tokenizers.ByteLevelBPETokenizer()
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    bpe.train_from_iterator(sample, vocab_size=20000, special_tokens=specials, show_progress=False)
    bpe.save_model(str(home / "roberta"))
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(" ".join(text.split()) for text in sample), vocab_size=12000, hard_vocab_limit=False,
        model_prefix=str(home / "rembert" / "sentencepiece"), control_symbols=["[CLS]", "[SEP]", "[MASK]", "[PAD]"],
        unk_piece="[UNK]", bos_id=-1, eos_id=-1, pad_id=-1, minloglevel=2, num_threads=1,
    )  # fmt: skip
    for family, name in (("bert", "Bert"), ("roberta", "Roberta"), ("rembert", "RemBert")):
        config = json.dumps({"tokenizer_class": f"{name}Tokenizer"})
        (home / family / "tokenizer_config.json").write_text(config)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default="en")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--megabytes", type=float, default=5)
    parser.add_argument("--family", choices=["bert", "roberta", "rembert"])
    parser.add_argument("--v5", metavar="PYTHON")
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--mode", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        paragraphs = json.loads((arguments.keep / "corpus.json").read_text())
        result = one_run(
            arguments.family, arguments.side, arguments.mode, arguments.keep / arguments.family, paragraphs
        )
        print(json.dumps(result))
        return
    with tempfile.TemporaryDirectory() as folder:
        home = arguments.keep or Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        if not (home / "corpus.json").exists():
            paragraphs = corpus(arguments.corpus, arguments.megabytes)
            make_vocabularies(home, paragraphs)
            (home / "corpus.json").write_text(json.dumps(paragraphs))
        paragraphs = json.loads((home / "corpus.json").read_text())
        size = sum(len(text.encode()) for text in paragraphs) / 1e6
        print(f"{arguments.corpus}: {len(paragraphs)} texts, {size:.1f} MB")
        for family in [arguments.family] if arguments.family else ["bert", "roberta", "rembert"]:
            compare(family, home, size, arguments.runs, arguments.v5)


def compare(family: str, home: Path, size: float, runs: int, v5: str | None) -> None:
    """One family's table. SentencePiece, behind the slow class, is RemBERT's reference for ids."""
    others = ["fast", "v5"] if v5 else ["fast"]
    cases = [("ids", ["slow", *others, "minibert"]), ("single", [*others, "minibert"])]
    cases.append(("offsets", [*others, "minibert"]))
    print(f"\n{family}: MB/s, cold and warm; how many times as fast minibert is")
    for mode, sides in cases:
        results: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
        for _ in range(runs):
            for side in sides:
                python = v5 if v5 and side == "v5" else sys.executable
                command = [python, __file__, "--family", family, "--side", side, "--mode", mode, "--keep", str(home)]
                output = subprocess.run(command, check=True, capture_output=True, text=True)
                results[side].append(json.loads(output.stdout.splitlines()[-1]))
        reference = "slow" if family == "rembert" else "fast"
        ours = results["minibert"]
        if reference in results and ours[0]["digest"] != results[reference][0]["digest"]:
            raise SystemExit(f"{family} {mode}: the ids of minibert and {reference} differ")
        for side in sides:
            line = f"  {mode:8}{side:9}"
            for state in ("cold", "warm"):
                seconds = statistics.median(run[state] for run in results[side])
                ratio = statistics.median(
                    other[state] / own[state] for other, own in zip(results[side], ours, strict=True)
                )
                line += f" {state} {size / seconds:6.2f}" + (f" ({ratio:4.1f} x)" if side != "minibert" else " " * 9)
            print(line, flush=True)


if __name__ == "__main__":
    main()
