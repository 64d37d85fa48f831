"""Packages of the reference implementations, where they are installed."""

from types import ModuleType

import pytest


def hugging_face_tokenizers(why: str) -> ModuleType:
    """Hugging Face's tokenizers, or a skip of the test. In a checkout the folder of that name, which holds no code,
    can be imported too; so a module of the package is asked for first."""
    pytest.importorskip("tokenizers.models", reason=why)
    return pytest.importorskip("tokenizers")
