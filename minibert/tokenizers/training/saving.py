"""Writing the small files beside a vocabulary."""

import json
from pathlib import Path
from typing import Any

from minibert.files.output import output_file


def write_json(content: Any, path: Path) -> None:
    """Write a JSON file; the old one stays whole until the new one is."""
    with output_file(path) as stream:
        stream.write((json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode())
