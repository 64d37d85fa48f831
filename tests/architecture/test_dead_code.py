"""Nothing in minibert/ stands there unused (vulture reads the text; what only users call is listed with its reason)."""

import contextlib
import io

import pytest

from tests.architecture.lesson import PACKAGE, ROOT

vulture = pytest.importorskip("vulture", reason="vulture is not installed: pip install -e '.[test]'")

READERS = ("minibert", "tests", "recipes", "tutorials", "benchmarks", "examples")
CALLED_BY_USERS = [
    "AutoModelFor*", "BertFor*", "RobertaFor*", "RemBertFor*", "*TokenizerFast", "*Warning", "*Pipeline",
    # names that transformers has
    "encode_plus", "batch_encode_plus", "additional_special_tokens_ids", "added_tokens_encoder", "unexpected_keys",
    "do_basic_tokenize", "never_split", "non_blocking", "max_question_len",
    "instead", "CALL_DIFFERENCES", "NOT_FOLLOWED",  # tables to read
    "__getattr__", "__dir__", "__signature__", "showwarning", "usage",  # Python calls or reads these
]  # fmt: skip
ATTACHED = ["@form_of", "@exercise.step"]  # called by what they are attached to


def test_everything_is_used() -> None:
    reader = vulture.Vulture(ignore_names=CALLED_BY_USERS, ignore_decorators=ATTACHED)
    with contextlib.redirect_stderr(io.StringIO()):
        reader.scavenge([str(ROOT / folder) for folder in READERS])
    unused = [each for each in reader.get_unused_code(min_confidence=60) if PACKAGE in each.filename.parents]
    assert not unused, "\n".join(f"{each.filename}:{each.first_lineno} {each.message}" for each in unused)
