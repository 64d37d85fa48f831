"""Tokenizers side by side: minibert against transformers' slow and compiled ones, on one thread.

    python benchmarks/tokenizers.py [--runs 3] [--megabytes 5] [--family bert]

The text is what is installed with Python packages: docstrings and readme files, split into paragraphs, each
kept once (`en`). Each run is a fresh process for each side, so that every cache starts cold, and the sides
take turns. Times are CPU seconds; a ratio is one of medians. Ids are compared in the same run, and a
difference ends it. Needs transformers 4.57, tokenizers, sentencepiece.
"""

import argparse
import ast
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


def corpus(megabytes: float) -> list[str]:
    """Different paragraphs of English text, shuffled, up to a size."""
    site = Path(sysconfig.get_paths()["purelib"])
    texts: list[str] = []
    for distribution in metadata.distributions():
        texts.append(distribution.read_text("METADATA") or "")
    for path in sorted(site.rglob("*.py")):
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError, ValueError, OSError):
            continue
        texts += [
            ast.get_docstring(node) or ""
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        ]
        if sum(map(len, texts)) > megabytes * 4e6:
            break
    paragraphs = {part.strip() for text in texts for part in text.split("\n\n")}
    chosen = sorted(part for part in paragraphs if 40 < len(part) < 5000)
    random.Random(0).shuffle(chosen)
    size, limit = 0, megabytes * 1e6
    for i, paragraph in enumerate(chosen):
        size += len(paragraph.encode())
        if size > limit:
            return chosen[: i + 1]
    return chosen


def build(family: str, side: str, folder: Path):  # type: ignore[no-untyped-def]
    """One side's tokenizer."""
    if side == "minibert":
        from minibert.tokenizers.auto import AutoTokenizer

        return AutoTokenizer.from_pretrained(folder)
    import transformers

    transformers.logging.set_verbosity_error()
    name = {"bert": "Bert", "roberta": "Roberta", "rembert": "RemBert"}[family]
    kind = getattr(transformers, f"{name}Tokenizer{'Fast' if side == 'fast' else ''}")
    return kind.from_pretrained(folder)


def one_run(family: str, side: str, mode: str, folder: Path, paragraphs: list[str]) -> dict[str, object]:
    """Encode everything once, cold, then once more, warm, in a new order."""
    tokenizer = build(family, side, folder)
    offsets = mode == "offsets"
    seconds = {}
    for state in ("cold", "warm"):
        start = time.process_time()
        if mode == "single":
            rows = [tokenizer(text)["input_ids"] for text in paragraphs]
        else:
            rows = tokenizer(paragraphs, return_offsets_mapping=offsets)["input_ids"]
        seconds[state] = time.process_time() - start
        if state == "cold":
            digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
            tokens = sum(map(len, rows))
    return {"cold": seconds["cold"], "warm": seconds["warm"], "digest": digest, "tokens": tokens}


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
        sentence_iterator=iter(" ".join(text.split()) for text in sample), vocab_size=12000,
        model_prefix=str(home / "rembert" / "sentencepiece"), control_symbols=["[CLS]", "[SEP]", "[MASK]", "[PAD]"],
        unk_piece="[UNK]", bos_id=-1, eos_id=-1, pad_id=-1, minloglevel=2, num_threads=1,
    )  # fmt: skip
    for family, name in (("bert", "Bert"), ("roberta", "Roberta"), ("rembert", "RemBert")):
        config = json.dumps({"tokenizer_class": f"{name}Tokenizer"})
        (home / family / "tokenizer_config.json").write_text(config)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--megabytes", type=float, default=5)
    parser.add_argument("--family", choices=["bert", "roberta", "rembert"])
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--mode", help=argparse.SUPPRESS)
    parser.add_argument("--home", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        home = Path(arguments.home)
        paragraphs = json.loads((home / "corpus.json").read_text())
        result = one_run(arguments.family, arguments.side, arguments.mode, home / arguments.family, paragraphs)
        print(json.dumps(result))
        return
    paragraphs = corpus(arguments.megabytes)
    size = sum(len(text.encode()) for text in paragraphs) / 1e6
    print(f"{len(paragraphs)} paragraphs, {size:.1f} MB")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "corpus.json").write_text(json.dumps(paragraphs))
        make_vocabularies(home, paragraphs)
        for family in [arguments.family] if arguments.family else ["bert", "roberta", "rembert"]:
            compare(family, home, size, arguments.runs)


def compare(family: str, home: Path, size: float, runs: int) -> None:
    """One family's table. SentencePiece, behind the slow class, is RemBERT's reference for ids."""
    cases = [("ids", ["slow", "fast", "minibert"]), ("single", ["fast", "minibert"])]
    cases.append(("offsets", ["fast", "minibert"]))
    print(f"\n{family}: MB/s (ratio of minibert cold to it)")
    for mode, sides in cases:
        results: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
        for _ in range(runs):
            for side in sides:
                command = [sys.executable, __file__, "--family", family, "--side", side, "--mode", mode]
                output = subprocess.run([*command, "--home", str(home)], check=True, capture_output=True, text=True)
                results[side].append(json.loads(output.stdout.splitlines()[-1]))
        reference = "slow" if family == "rembert" else "fast"
        for side in sides:
            if reference in results and side in ("minibert", reference):
                same = results[side][0]["digest"] == results[reference][0]["digest"]
                if not same:
                    raise SystemExit(f"{family} {mode}: the ids of {side} and {reference} differ")
        ours = statistics.median(run["cold"] for run in results["minibert"])
        for side in sides:
            cold, warm = (statistics.median(run[state] for run in results[side]) for state in ("cold", "warm"))
            print(
                f"  {mode:8}{side:9} cold {size / cold:6.2f}  warm {size / warm:6.2f}"
                + (f"   x{cold / ours:.1f}" if side != "minibert" else "")
            )


if __name__ == "__main__":
    main()
