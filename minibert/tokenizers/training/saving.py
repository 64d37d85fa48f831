"""Writing the small files beside a vocabulary."""

import json
from pathlib import Path
from typing import Any

from minibert.files.output import output_file
from minibert.files.saving import FolderSave


def write_json(content: Any, path: Path) -> None:
    """Write a JSON file; the old one stays whole until the new one is."""
    with output_file(path) as stream:
        stream.write((json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode())


def forget_older(save: FolderSave) -> None:
    """Let go what an earlier tokenizer in the folder would put before, or beside, the new vocabulary."""
    for name in ("tokenizer.json", "added_tokens.json", "special_tokens_map.json"):
        save.remove(name)
