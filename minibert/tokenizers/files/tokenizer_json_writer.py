"""Writing tokenizer.json, so that Hugging Face's compiled tokenizers give the same ids: each stage writes its section.

For BERT and RoBERTa they do, on every text. For RemBERT the format cannot say all that SentencePiece does
(its map is applied to whole grapheme clusters there, and user-defined symbols get no bonus), but the steps
written here (map first, then the rules that it misses, then blanks collapsed and stripped) come much closer than the
converter of transformers does: see `profiles.py`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minibert.tokenizers.files.vocabulary_files import write_text
from minibert.tokenizers.stages.added_tokens import AddedToken
from minibert.tokenizers.stages.pipeline import Stages
from minibert.tokenizers.stages.special_tokens import SpecialTokens
from minibert.tokenizers.stages.template import Template


def tokenizer_json(
    stages: Stages, special: SpecialTokens, template: Template, added: Mapping[int, AddedToken]
) -> dict[str, Any]:
    """A tokenizer as the content of a tokenizer.json; `added`: id -> added token."""
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": id_, **token.to_dict()} for id_, token in added.items()],
        "normalizer": stages.normalizer.to_json(),
        "pre_tokenizer": stages.pre_tokenizer.to_json(),
        "post_processor": stages.post_processor.to_json(template, special),
        "decoder": stages.decoder.to_json(),
        "model": stages.model.to_json(),
    }


def write_tokenizer_json(
    path: Path, stages: Stages, special: SpecialTokens, template: Template, added: Mapping[int, AddedToken]
) -> None:
    """Write a tokenizer's tokenizer.json."""
    text = json.dumps(tokenizer_json(stages, special, template, added), ensure_ascii=False, indent=2)
    write_text(path, text + "\n")
