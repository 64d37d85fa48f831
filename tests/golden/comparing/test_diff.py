"""Arrays beside a pack: missing, extra and damaged ones, and sides that are none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minibert.golden import GoldenError, check, diff
from tests.golden.models import bert, ported, rewrite


def test_missing_and_extra_in_a_foreign_file(pack: Path) -> None:
    values = {"bert.embeddings": ported()["bert.embeddings"], "mystery": np.zeros(3)}
    report = diff(pack, values)
    assert report.ok
    assert report["mystery"].verdict == "extra"
    assert report["cls.predictions"].verdict == "missing"
    assert report["cls.predictions"].ok
    strict = diff(pack, values, partial=False)
    assert not strict.ok
    assert strict.first.verdict == "missing"  # type: ignore[union-attr]


def test_missing_and_extra_names_between_packs(forward_pack: Path, copied: Path) -> None:
    def drop(manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        del arrays["cls.predictions"]
        manifest["tensors"] = [each for each in manifest["tensors"] if each["name"] != "cls.predictions"]

    rewrite(copied, drop)
    report = diff(forward_pack, copied)
    assert [(row.name, row.verdict) for row in report.failures] == [("cls.predictions", "missing")]
    assert not report.ok
    assert diff(forward_pack, copied, partial=True).ok
    report = diff(copied, forward_pack)
    assert [(row.name, row.verdict) for row in report.failures] == [("cls.predictions", "extra")]
    report = check(copied, bert())
    assert [(row.name, row.verdict) for row in report.failures] == [("cls.predictions", "extra")]
    assert "1 extra" in str(report)
    assert check(copied, bert(), partial=True).ok


def test_changed_number_on_the_other_side_is_a_verdict(forward_pack: Path, copied: Path) -> None:
    content = bytearray(copied.read_bytes())
    content[-3] ^= 0x40
    copied.write_bytes(content)
    report = diff(forward_pack, copied)
    assert [row.verdict for row in report.failures] == ["damaged"]
    assert report.failures[0].detail.startswith("in pack.safetensors: its sha256")


BAD_SIDES: list[tuple[Any, dict[str, Any], str]] = [
    ({"x": np.zeros(1)}, {}, "no name of the given arrays ('x', ...) is in bert.safetensors ('attention_mask', ...)"),
    (3, {}, "a pack, a file or a dict of arrays belongs there, not a int."),
    ({"loss": "much"}, {}, "loss is a str of"),
    ({"loss": [[1], [1, 2]]}, {}, "loss is a list and cannot be read as an array"),
    ({"loss": 1.0}, {"only": "x*"}, "only has 'x*', which fits no tensor of bert.safetensors."),
    ({"loss": 1.0}, {"names": [("loss",)]}, "names has ('loss',): a pair of a golden name and the other name"),
    ({"loss": 1.0}, {"names": {"a.*": "b"}}, "names has 'a.*' for 'b': both need the same number of *."),
]


@pytest.mark.parametrize(("other", "options", "text"), BAD_SIDES, ids=[text[:30] for _, _, text in BAD_SIDES])
def test_bad_sides_are_one_sentence(pack: Path, other: Any, options: dict[str, Any], text: str) -> None:
    with pytest.raises(GoldenError) as caught:
        diff(pack, other, **options)
    assert text in str(caught.value)
