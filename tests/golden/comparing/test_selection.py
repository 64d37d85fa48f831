"""Which tensors are compared."""

from pathlib import Path

from minibert.golden import check, diff
from tests.golden.models import bert, ported


def test_only_some(pack: Path) -> None:
    report = diff(pack, ported("tanh GELU"), only="bert.*.probs")
    assert [row.name for row in report] == [f"bert.encoder.layer.{i}.attention.self.probs" for i in range(2)]
    assert check(pack, bert(), only=["bert.embeddings", "loss"]).compared == 2
