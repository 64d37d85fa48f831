"""The model of these tests."""

from typing import Any

import pytest

from tests.generation.small_decoders import WIDE
from tests.small_models import small_model


@pytest.fixture(scope="module")
def bert() -> Any:
    return small_model("BertLMHeadModel", **WIDE)
