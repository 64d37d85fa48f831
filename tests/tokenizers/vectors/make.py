"""Make the vectors of this folder from the reference tokenizers (see README.md).

    python tests/tokenizers/vectors/make.py

Needs transformers 4.57 and tokenizers.
"""

import json
import platform
import sys
import unicodedata
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import tokenizers  # noqa: E402
import transformers  # noqa: E402
from generated_texts import SENTENCES, generate  # noqa: E402

VERSIONS = {
    "transformers": transformers.__version__, "tokenizers": tokenizers.__version__, "python": platform.python_version(),
}  # fmt: skip
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA_SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def texts(specials: list[str]) -> list[str]:
    short = [text for text in generate(400, 2026, specials) if len(text) < 80]
    return [*SENTENCES, "", " ", *short[:130], "a" * 100, "a" * 101]


def cases(tokenizer, specials: list[str]) -> list[dict]:
    backend = tokenizer.backend_tokenizer
    made = []
    for text in texts(specials):
        row = tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True)
        normalized = backend.normalizer.normalize_str(text) if backend.normalizer else text
        words = backend.pre_tokenizer.pre_tokenize_str(normalized)
        made.append(
            {
                "text": text,
                "normalized": normalized,
                "words": [word for word, _ in words],
                "ids": row["input_ids"],
                "offsets": row["offset_mapping"],
                "special_tokens_mask": row["special_tokens_mask"],
                "word_ids": row.word_ids(),
                "decoded": tokenizer.decode(row["input_ids"], clean_up_tokenization_spaces=False),
            }
        )
    return made


def write(name: str, content: dict) -> None:
    text = json.dumps({"versions": VERSIONS, **content}, ensure_ascii=True, separators=(",", ":"))
    (HERE / name).write_text(text.replace('},{"text"', '},\n{"text"') + "\n")


def bert() -> None:
    trainer = tokenizers.BertWordPieceTokenizer(lowercase=False)
    corpus = [*SENTENCES, *[text.lower() for text in SENTENCES]] * 3
    trainer.train_from_iterator(corpus, vocab_size=900, min_frequency=2, show_progress=False)
    vocab = trainer.get_vocab()
    ordered = sorted(vocab, key=vocab.__getitem__)
    (HERE / "vocab.txt").write_text("\n".join(ordered) + "\n", encoding="utf-8")
    for name, options in (("bert", {}), ("bert_cased", {"do_lower_case": False})):
        tokenizer = transformers.BertTokenizerFast(str(HERE / "vocab.txt"), **options)
        write(f"{name}.json", {"vocab": ordered, "options": options, "cases": cases(tokenizer, SPECIALS)})
    pairs(transformers.BertTokenizerFast(str(HERE / "vocab.txt")))
    (HERE / "vocab.txt").unlink()


def pairs(tokenizer) -> None:
    made = []
    first, second = "The quick brown fox jumps over", "She said: It's fine."
    for strategy in ("longest_first", "only_first", "only_second"):
        for max_length in (3, 9, 12, 16):
            for stride, sides in ((0, ("right", "right")), (2, ("left", "left")), (3, ("right", "left"))):
                arguments = {
                    "text": [first, "dog, dog, dog"], "text_pair": [second, first],
                    "truncation": strategy, "max_length": max_length,
                    "stride": stride, "padding": True, "padding_side": sides[0], "return_overflowing_tokens": True,
                    "return_offsets_mapping": True, "return_special_tokens_mask": True,
                }  # fmt: skip
                tokenizer.truncation_side = sides[1]
                try:
                    result = dict(tokenizer(**arguments))
                except BaseException as error:  # a panic of the Rust side is no Exception
                    result = {"error": type(error).__name__}
                made.append({"arguments": {**arguments, "truncation_side": sides[1]}, "result": result})
    write("pairs.json", {"cases": made})


def roberta() -> None:
    trainer = tokenizers.ByteLevelBPETokenizer()
    trainer.train_from_iterator(
        SENTENCES * 3, vocab_size=800, min_frequency=2, show_progress=False, special_tokens=ROBERTA_SPECIALS
    )
    trainer.save_model(str(HERE))
    files = [HERE / "vocab.json", HERE / "merges.txt"]
    vocab = json.loads(files[0].read_text(encoding="utf-8"))
    merges = [line.split(" ") for line in files[1].read_text(encoding="utf-8").splitlines()[1:]]
    for name, options in (("roberta", {}), ("roberta_prefix", {"add_prefix_space": True})):
        tokenizer = transformers.RobertaTokenizerFast(*map(str, files), **options)
        content = {"vocab": sorted(vocab, key=vocab.__getitem__), "merges": merges, "options": options}
        write(f"{name}.json", {**content, "cases": cases(tokenizer, ROBERTA_SPECIALS)})
    for file in files:
        file.unlink()


def ranges(codes: list[int]) -> list[list[int]]:
    found: list[list[int]] = []
    for code in codes:
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return found


def character_classes() -> None:
    """Every code point through the reference's steps."""
    clean = tokenizers.normalizers.BertNormalizer(True, False, False, False)
    cjk = tokenizers.normalizers.BertNormalizer(False, True, False, False)
    strip = tokenizers.normalizers.BertNormalizer(False, False, True, False)
    words = tokenizers.pre_tokenizers.BertPreTokenizer()
    byte_level = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    classes: dict[str, list[int]] = {
        name: [] for name in ("removed", "space", "cjk", "marks", "punctuation", "whitespace", "letters", "numbers")
    }
    for code in range(0x110000):
        if 0xD800 <= code <= 0xDFFF:
            continue
        char = chr(code)
        cleaned = clean.normalize_str(char)
        facts = {"removed": cleaned == "", "space": cleaned == " ", "cjk": len(cjk.normalize_str(char)) == 3}
        facts["marks"] = strip.normalize_str(char) == "" and unicodedata.category(char) != "Cn"
        pieces = [span for _, span in words.pre_tokenize_str(f"a{char}a")]
        facts["whitespace"] = pieces == [(0, 1), (2, 3)]
        facts["punctuation"] = pieces == [(0, 1), (1, 2), (2, 3)]
        facts["letters"] = len(byte_level.pre_tokenize_str(f"a{char}")) == 1
        facts["numbers"] = len(byte_level.pre_tokenize_str(f"1{char}")) == 1
        for name, holds in facts.items():
            if holds:
                classes[name].append(code)
    write("character_classes.json", {"classes": {name: ranges(codes) for name, codes in classes.items()}})


if __name__ == "__main__":
    bert()
    roberta()
    character_classes()
