"""Reading tokenizer.json: the parts that BERT, RoBERTa and RemBERT need; others are refused by name.

The file is a pipeline written down: added_tokens, normalizer, pre_tokenizer, model, post_processor, decoder.
`truncation` and `padding` are passed over, as transformers does: the call decides.
"""

import base64
import binascii
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minibert.errors import TokenizerError
from minibert.messages import quoted
from minibert.tokenizers.files.vocabulary_files import check_vocab, read_json
from minibert.tokenizers.stages.added_tokens import AddedToken
from minibert.tokenizers.stages.charsmap import CharsMap
from minibert.tokenizers.stages.pieces import (
    NormalizerOptions,
    Piece,
    PieceType,
    SentencePieceModel,
    byte_of_piece,
)
from minibert.tokenizers.stages.template import Slot, Template, bert_template, roberta_template, special

FAMILIES = {"WordPiece": "bert", "BPE": "roberta", "Unigram": "rembert"}


@dataclass
class TokenizerFile:
    """What a tokenizer.json says: the family, the class's arguments, added tokens with ids, a template."""

    family: str
    options: dict[str, Any]
    added: list[tuple[AddedToken, int]] = field(default_factory=list)
    template: Template | None = None


def read_tokenizer_json(path: Path) -> TokenizerFile:
    """A tokenizer.json. Raises TokenizerError, with the file's name, for what is damaged or not supported."""
    data = read_json(path)
    model = data.get("model") if isinstance(data, dict) else None
    if not isinstance(model, dict):
        raise TokenizerError(f"{path}: the file has no 'model', so it is no tokenizer.json.")
    kind = model.get("type") or _guess_model(model)
    if not isinstance(kind, str) or kind not in FAMILIES:
        raise TokenizerError(f"{path}: the model {quoted(kind)} is not supported, only {', '.join(FAMILIES)}.")
    read: dict[str, Callable[[_Reader], dict[str, Any]]] = {
        "WordPiece": _read_wordpiece, "BPE": _read_bpe, "Unigram": _read_unigram,
    }  # fmt: skip
    try:
        reader = _Reader(path, data)
        options = read[kind](reader)
        return TokenizerFile(FAMILIES[kind], options, reader.added, reader.template())
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, TokenizerError):
            raise
        raise TokenizerError(f"{path}: a part of the file is missing or malformed: {quoted(error)}.") from None


def _guess_model(model: dict[str, Any]) -> str | None:
    """Old files leave the model's type out."""
    if "merges" in model:
        return "BPE"
    return "Unigram" if isinstance(model.get("vocab"), list) else "WordPiece" if "vocab" in model else None


class _Reader:
    """One file's parts, and the errors that name it."""

    def __init__(self, path: Path, data: dict[str, Any]) -> None:
        self.path = path
        self.data = data
        self.model = data["model"]
        self.added = [(AddedToken.from_value(entry), self._id(entry)) for entry in data.get("added_tokens") or []]

    def _id(self, entry: dict[str, Any]) -> int:
        id_ = entry["id"]
        if not isinstance(id_, int) or isinstance(id_, bool) or not 0 <= id_ < 2**31:
            raise TokenizerError(
                f"{self.path}: the added token {quoted(entry['content'])} has the id {quoted(id_)}; "
                "ids are ints of 0 or more."
            )
        return id_

    def refuse(self, part: str, value: Any, supported: str) -> TokenizerError:
        return TokenizerError(f"{self.path}: the {part} {quoted(value)} is not supported here, only {supported}.")

    def steps(self, part: str) -> Iterator[dict[str, Any]]:
        """The steps of a part, a `Sequence` being several and null none."""
        waiting = [self.data.get(part)]
        while waiting:
            step = waiting.pop(0)
            if step is None:
                continue
            if step["type"] == "Sequence":
                names = {"normalizer": "normalizers", "pre_tokenizer": "pretokenizers", "post_processor": "processors"}
                waiting = [*step[names.get(part, "decoders")], *waiting]
            else:
                yield step

    def only(self, part: str, *allowed: str) -> dict[str, dict[str, Any]]:
        """The steps of a part by type, each at most once; another type is refused by its name."""
        found: dict[str, dict[str, Any]] = {}
        for step in self.steps(part):
            if step["type"] not in allowed or step["type"] in found:
                raise self.refuse(part, step["type"], " and ".join(allowed))
            found[step["type"]] = step
        return found

    def require(self, name: str, *allowed: Any) -> None:
        """A field of the model must be missing or have one of these values."""
        if name in self.model and self.model[name] not in allowed:
            shown = f"{name}={self.model[name]!r}"
            raise self.refuse(f"{self.model.get('type', 'model')} option", shown, f"{name}={allowed[0]!r}")

    def template(self) -> Template | None:
        """The special tokens around texts, whichever of the post-processors writes them."""
        for step in self.steps("post_processor"):
            if step["type"] == "TemplateProcessing":
                ids = {name: entry["ids"] for name, entry in step["special_tokens"].items()}
                return Template(_slots(step["single"], ids), _slots(step["pair"], ids))
            if step["type"] in ("BertProcessing", "RobertaProcessing"):
                family = bert_template if step["type"] == "BertProcessing" else roberta_template
                return family(step["cls"][1], step["sep"][1])
            if step["type"] != "ByteLevel":
                raise self.refuse(
                    "post_processor", step["type"], "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel"
                )
        return None


def _slots(items: list[dict[str, Any]], ids: dict[str, list[int]]) -> tuple[Slot, ...]:
    slots: list[Slot] = []
    for item in items:
        ((kind, place),) = item.items()
        if kind == "Sequence":
            slots.append(Slot(None, "AB".index(place["id"]), place["type_id"]))
        else:
            slots += [special(id_, place["type_id"]) for id_ in ids[place["id"]]]
    return tuple(slots)


# ---------------------------------------------------------------- the three models


def _read_wordpiece(reader: _Reader) -> dict[str, Any]:
    model = reader.model
    normalizer = reader.only("normalizer", "BertNormalizer").get("BertNormalizer", {})
    if "BertPreTokenizer" not in reader.only("pre_tokenizer", "BertPreTokenizer"):
        raise reader.refuse("pre_tokenizer", None, "BertPreTokenizer")
    decoder = reader.only("decoder", "WordPiece").get("WordPiece", {})
    return {
        "vocab": check_vocab(model["vocab"], str(reader.path)),
        "unk_token": model.get("unk_token", "[UNK]"),
        "wordpieces_prefix": model.get("continuing_subword_prefix", "##"),
        "max_input_chars_per_word": model.get("max_input_chars_per_word", 100),
        "clean_text": normalizer.get("clean_text", False),
        "tokenize_chinese_chars": normalizer.get("handle_chinese_chars", False),
        "strip_accents": normalizer.get("strip_accents"),
        "do_lower_case": normalizer.get("lowercase", False),
        "decoder_cleanup": decoder.get("cleanup", True),
    }


def _read_bpe(reader: _Reader) -> dict[str, Any]:
    model = reader.model
    reader.require("dropout", None, 0, 0.0)
    reader.require("continuing_subword_prefix", "", None)
    reader.require("end_of_word_suffix", "", None)
    for flag in ("fuse_unk", "byte_fallback", "ignore_merges"):
        reader.require(flag, False, None)
    reader.only("normalizer")
    pre_tokenizer = reader.only("pre_tokenizer", "ByteLevel").get("ByteLevel")
    if pre_tokenizer is None or not pre_tokenizer.get("use_regex", True):
        raise reader.refuse("pre_tokenizer", pre_tokenizer and "ByteLevel without use_regex", "ByteLevel")
    reader.only("decoder", "ByteLevel")
    posts = list(reader.steps("post_processor"))
    merges = [tuple(pair.split(" ")) if isinstance(pair, str) else tuple(pair) for pair in model["merges"]]
    for rank, pair in enumerate(merges):
        if len(pair) != 2:
            found = quoted(model["merges"][rank])
            raise TokenizerError(f"{reader.path}: merge {rank}, {found}, is not a pair of tokens.")
    return {
        "vocab": check_vocab(model["vocab"], str(reader.path)),
        "merges": merges,
        "add_prefix_space": pre_tokenizer.get("add_prefix_space", True),
        "trim_offsets": any(step.get("trim_offsets", step["type"] == "RobertaProcessing") for step in posts),
    }


def _read_unigram(reader: _Reader) -> dict[str, Any]:
    """A SentencePiece model from its parts; the normaliser's steps around the map become its options."""
    model = reader.model
    metaspace = reader.only("pre_tokenizer", "Metaspace", "WhitespaceSplit").get("Metaspace")
    if metaspace is None or metaspace.get("replacement", "▁") != "▁":
        raise reader.refuse("pre_tokenizer", metaspace and metaspace.get("replacement"), "Metaspace with '▁'")
    options: dict[str, Any] = {"do_lower_case": False, "keep_accents": True}
    charsmap, replacements = b"", []
    for step in reader.steps("normalizer"):
        kind = step["type"]
        if kind == "Precompiled":
            charsmap = _charsmap(reader, step["precompiled_charsmap"])
        elif kind == "Replace":
            replacements.append(step)
        elif kind == "Lowercase":
            options["do_lower_case"] = True
        elif kind == "StripAccents":
            options["keep_accents"] = False
        elif kind not in ("NFKD", "Strip"):
            raise reader.refuse("normalizer", kind, "Precompiled, Replace, Strip, NFKD, StripAccents and Lowercase")
    collapses = _collapses(reader, replacements, charsmap)
    scheme = metaspace.get("prepend_scheme", "always" if metaspace.get("add_prefix_space", True) else "never")
    normalizer = NormalizerOptions("", charsmap, scheme != "never", collapses, True)
    types = _piece_types(reader)
    pieces = tuple(Piece(text, score, types.get(i, PieceType.NORMAL)) for i, (text, score) in enumerate(model["vocab"]))
    fallback = bool(model.get("byte_fallback", False))
    options["model"] = SentencePieceModel(pieces, normalizer, byte_fallback=fallback, name=str(reader.path))
    return options


def _piece_types(reader: _Reader) -> dict[int, PieceType]:
    """tokenizer.json does not keep the types of pieces: special tokens are taken for control pieces."""
    vocab = reader.model["vocab"]
    types: dict[int, PieceType] = {}
    for token, id_ in reader.added:
        if id_ < len(vocab) and vocab[id_][0] == token.content:
            types[id_] = PieceType.CONTROL if token.special else PieceType.USER_DEFINED
    if reader.model.get("byte_fallback"):
        types.update((i, PieceType.BYTE) for i, (text, _) in enumerate(vocab) if byte_of_piece(text) >= 0)
    if reader.model.get("unk_id") is not None:
        types[reader.model["unk_id"]] = PieceType.UNKNOWN
    return types


def _charsmap(reader: _Reader, text: str | None) -> bytes:
    try:
        return base64.b64decode(text or "", validate=True)
    except (binascii.Error, ValueError):
        raise TokenizerError(f"{reader.path}: the precompiled_charsmap is not valid base64.") from None


_BLANK_RUNS = (" {2,}", " +", r"\s+", r"\s{2,}")


def _collapses(reader: _Reader, replacements: list[dict[str, Any]], charsmap: bytes) -> bool:
    """Whether runs of blanks are collapsed; a replacement that SentencePiece would not make is refused.

    Passed over are those that its map makes anyway, blanks at the ends, and transformers' `` and '' (`profiles.py`).
    """
    passed = {(r"\A +| +\z", ""), ("``", '"'), ("''", '"')}
    rules: CharsMap | None = None
    collapses = False
    for step in replacements:
        (kind, text), content = next(iter(step["pattern"].items()), ("Regex", "")), step["content"]
        if kind == "Regex" and text in _BLANK_RUNS and content in (" ", "▁"):
            collapses = True
        elif (text, content) not in passed:
            rules = rules or CharsMap(charsmap, name=str(reader.path))
            if kind == "Regex" or rules.replace(text) != content:
                shown = f"Replace {text} by {content}"
                raise reader.refuse("normalizer", shown, "what the map replaces, and runs of blanks")
    return collapses
