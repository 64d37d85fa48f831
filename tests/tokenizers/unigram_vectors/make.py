"""Makes the models and vectors of this folder with SentencePiece: python tests/tokenizers/unigram_vectors/make.py

Each `<name>.model` is a small Unigram model with other options; vectors.json holds, for each, texts with what
SentencePiece makes of them: the normalised text, the ids, the pieces and the decoded text. The normalisation maps are
the part of nmt_nfkc and nfkc that the generator's characters need, so that the files stay small.
"""

import io
import json
import random
import sys
import tempfile
from pathlib import Path

import sentencepiece

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[2])]

from generated_texts import ADVERSARIAL, SENTENCES, generate  # noqa: E402

from minibert.tokenizers.training.charsmap_builder import normalization_rules  # noqa: E402

SYMBOLS = ["<sep>", "foo bar", "ab", "abc", "é"]
MODELS = {
    "nmt": {"rules": "nmt_nfkc"},
    "nfkc": {"rules": "nfkc", "unk_surface": " <?> ", "pad_id": 0, "unk_id": 1, "bos_id": 2, "eos_id": 3},
    "identity": {"rules": "identity"},
    "folded": {"rules": "nmt_nfkc_cf"},
    "bytes": {"rules": "nmt_nfkc", "byte_fallback": True, "character_coverage": 0.98, "vocab_size": 800},
    "symbols": {"rules": "nmt_nfkc", "user_defined_symbols": SYMBOLS, "control_symbols": ["<ctl>"]},
    "inner": {"rules": "nmt_nfkc", "user_defined_symbols": ["▁▁", "x▁y"], "split_by_whitespace": False},
    "no_prefix": {"rules": "nmt_nfkc", "add_dummy_prefix": False},
    "all_blanks": {"rules": "nmt_nfkc", "remove_extra_whitespaces": False},
    "bare": {"rules": "nfkc", "add_dummy_prefix": False, "remove_extra_whitespaces": False},
    "suffix": {"rules": "nmt_nfkc", "treat_whitespace_as_suffix": True},
}


def rules_file(name: str, folder: Path) -> str:
    """A rule file with what the characters of the generator need of a named map."""
    known = {*"".join(SENTENCES), *"".join(ADVERSARIAL)}
    path = folder / f"{name}.tsv"
    lines = []
    for source, target in sorted(normalization_rules(name).items()):
        if known.issuperset(source) and len(source) <= 2:
            lines.append("\t".join(" ".join(f"{ord(char):X}" for char in text) for text in (source, target)))
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def train(options: dict, folder: Path) -> bytes:
    options = {"vocab_size": 520, "character_coverage": 0.995, **options}
    rules = options.pop("rules")
    if rules == "identity":
        options["normalization_rule_name"] = "identity"
    else:
        options["normalization_rule_tsv"] = rules_file(rules, folder)
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 3), model_writer=written, model_type="unigram", minloglevel=3,
        hard_vocab_limit=False, num_threads=1, **options,
    )  # fmt: skip
    return written.getvalue()


def texts_for(seed: int) -> list[str]:
    """Texts of every kind, none long."""
    specials = ["<unk>", "<s>", *SYMBOLS, "▁", "<0x41>", "▁▁", "x y"]
    return ["", " ", "a", *(text for text in generate(60, seed, specials) if len(text) < 200)]


def main() -> None:
    vectors = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed, (name, options) in enumerate(MODELS.items()):
            data = train(options, Path(folder))
            (HERE / f"{name}.model").write_bytes(data)
            processor = sentencepiece.SentencePieceProcessor(model_proto=data)
            rng = random.Random(seed)
            cases = []
            for text in texts_for(seed):
                ids = processor.encode(text)
                shuffled = [rng.randrange(len(processor)) for _ in range(8)]
                cases.append({
                    "text": text, "normalized": processor.normalize(text), "ids": ids,
                    "pieces": processor.encode(text, out_type=str), "decoded": processor.decode(ids),
                    "other_ids": shuffled, "other_decoded": processor.decode(shuffled),
                })  # fmt: skip
            vectors[name] = cases
    content = {"made_by": f"sentencepiece {sentencepiece.__version__}", "models": vectors}
    (HERE / "vectors.json").write_text(json.dumps(content, separators=(",", ":"), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
