"""Writing tokenizer.json, so that Hugging Face's compiled tokenizers give the same ids.

For BERT and RoBERTa they do, on every text. For RemBERT the format cannot say all that SentencePiece does
(its map is applied to whole grapheme clusters there, and user-defined symbols get no bonus), but the steps
written here (map first, then the rules that it misses, then blanks collapsed and stripped) come much closer than the
converter of transformers does: see `profiles.py`.
"""

import base64
import json
import re
from pathlib import Path
from typing import Any

from minibert.tokenizers.base import TokenizerBase
from minibert.tokenizers.bert import BertTokenizer
from minibert.tokenizers.rembert import RemBertTokenizer
from minibert.tokenizers.roberta import RobertaTokenizer
from minibert.tokenizers.stages.charsmap import CharsMap
from minibert.tokenizers.stages.template import Slot

_HANGUL = re.compile("[\u1100-\u11ff\uac00-\ud7a3]").match


def write_tokenizer_json(tokenizer: TokenizerBase, path: Path) -> None:
    """Write a tokenizer's tokenizer.json."""
    text = json.dumps(tokenizer_json(tokenizer), ensure_ascii=False, indent=2)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def tokenizer_json(tokenizer: TokenizerBase) -> dict[str, Any]:
    """A tokenizer as the content of a tokenizer.json."""
    if isinstance(tokenizer, BertTokenizer):
        parts = _bert_parts(tokenizer)
    elif isinstance(tokenizer, RobertaTokenizer):
        parts = _roberta_parts(tokenizer)
    elif isinstance(tokenizer, RemBertTokenizer):
        parts = _rembert_parts(tokenizer)
    else:
        raise TypeError(f"{type(tokenizer).__name__} has no form in tokenizer.json")
    added = [{"id": id_, **token.to_dict()} for id_, token in tokenizer.saved_tokens().items()]
    head = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added}
    return {**head, **parts}


def _bert_parts(tokenizer: BertTokenizer) -> dict[str, Any]:
    options = tokenizer.normalizer_options
    prefix = tokenizer.wordpieces_prefix
    return {
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": options.clean_text,
            "handle_chinese_chars": options.handle_chinese_chars,
            "strip_accents": options.strip_accents,
            "lowercase": options.lowercase,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": _template_processing(tokenizer),
        "decoder": {"type": "WordPiece", "prefix": prefix, "cleanup": tokenizer.decoder_cleanup},
        "model": {
            "type": "WordPiece",
            "unk_token": tokenizer.unk_token,
            "continuing_subword_prefix": prefix,
            "max_input_chars_per_word": tokenizer.max_input_chars_per_word,
            "vocab": _by_id(tokenizer),
        },
    }


def _roberta_parts(tokenizer: RobertaTokenizer) -> dict[str, Any]:
    byte_level = {
        "type": "ByteLevel",
        "add_prefix_space": tokenizer.add_prefix_space,
        "trim_offsets": tokenizer.trim_offsets,
        "use_regex": True,
    }
    return {
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": {
            "type": "RobertaProcessing",
            "sep": [tokenizer.sep_token, tokenizer.sep_token_id],
            "cls": [tokenizer.cls_token, tokenizer.cls_token_id],
            "trim_offsets": tokenizer.trim_offsets,
            "add_prefix_space": tokenizer.add_prefix_space,
        },
        "decoder": {**byte_level, "add_prefix_space": True, "trim_offsets": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": _by_id(tokenizer),
            "merges": [list(pair) for pair in tokenizer.merges],
        },
    }


def _rembert_parts(tokenizer: RemBertTokenizer) -> dict[str, Any]:
    model = tokenizer.unigram.model
    steps: list[dict[str, Any]] = []
    if not tokenizer.keep_accents:
        steps += [{"type": "NFKD"}, {"type": "StripAccents"}]
    if tokenizer.do_lower_case:
        steps.append({"type": "Lowercase"})
    if model.normalizer.charsmap:
        charsmap = base64.b64encode(model.normalizer.charsmap).decode("ascii")
        steps.append({"type": "Precompiled", "precompiled_charsmap": charsmap})
        steps += _compositions(tokenizer.unigram.normalizer.charsmap)
    if model.normalizer.remove_extra_whitespaces:
        steps.append({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "})
        steps.append({"type": "Replace", "pattern": {"Regex": r"\A +| +\z"}, "content": ""})
    scheme = "always" if model.normalizer.add_dummy_prefix else "never"
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": True}
    return {
        "normalizer": {"type": "Sequence", "normalizers": steps},
        "pre_tokenizer": metaspace,
        "post_processor": _template_processing(tokenizer),
        "decoder": metaspace,
        "model": {
            "type": "Unigram",
            "unk_id": model.unk_id,
            "vocab": [[piece.text, float(piece.score)] for piece in model.pieces],
            "byte_fallback": model.byte_fallback,
        },
    }


def _compositions(charsmap: CharsMap) -> list[dict[str, Any]]:
    """Steps for the rules on two characters that the compiled tokenizers' own step for the map misses.

    That one looks up a grapheme cluster as a whole only if it has less than six bytes: kana with a voicing mark and the
    Indic vowel signs of two parts come out of it in two parts. (The same holds for Hangul in conjoining letters, which
    would take 11,000 steps and is left as it is.)
    """
    return [
        {"type": "Replace", "pattern": {"String": source}, "content": target}
        for source, target in sorted(charsmap.pairs())
        if len(source.encode()) >= 6 and not _HANGUL(source) and "".join(map(charsmap.replace, source)) == source
    ]


def _by_id(tokenizer: TokenizerBase) -> dict[str, int]:
    return dict(sorted(tokenizer.vocab.items(), key=lambda item: item[1]))


def _template_processing(tokenizer: TokenizerBase) -> dict[str, Any]:
    template = tokenizer._template()

    def item(slot: Slot) -> dict[str, Any]:
        if slot.special is None:
            return {"Sequence": {"id": "AB"[slot.sequence or 0], "type_id": slot.type_id}}
        return {"SpecialToken": {"id": tokenizer._id_token(slot.special), "type_id": slot.type_id}}

    special = {
        token: {"id": token, "ids": [slot.special], "tokens": [token]}
        for slot in template.pair
        if slot.special is not None and (token := tokenizer._id_token(slot.special))
    }
    return {
        "type": "TemplateProcessing",
        "single": [item(slot) for slot in template.single],
        "pair": [item(slot) for slot in template.pair],
        "special_tokens": special,
    }
