"""What results say of the whole: whether all is well, and what to look at first."""

from minibert.golden.comparing.results import DIFFERS, EXTRA, MISSING, OK, SKIPPED, VERDICTS, Results, TensorResult


def results(*verdicts: str, counts: bool = True) -> Results:
    rows = [TensorResult(f"{i}_{each}", each, counts=counts or each == OK) for i, each in enumerate(verdicts)]
    return Results("golden", "other", "propagated", 16.0, rows)


def test_first_is_a_number_that_differs_before_a_name_that_is_missing() -> None:
    assert results(OK, MISSING, DIFFERS, DIFFERS).first.name == "2_differs"  # type: ignore[union-attr]
    assert results(OK, MISSING).first.name == "1_missing"  # type: ignore[union-attr]
    assert results(OK, SKIPPED).first is None


def test_missing_and_extra_names_are_not_compared() -> None:
    assert results(OK, MISSING, EXTRA, SKIPPED, DIFFERS).compared == 2
    assert results(OK, MISSING, EXTRA, counts=False).ok
    assert not results(OK, MISSING).ok
    assert not results(MISSING, counts=False).ok  # where nothing was compared, nothing is well


def test_every_verdict_is_explained() -> None:
    for verdict in VERDICTS:
        assert results(verdict).to_dict()["tensors"][0]["verdict"] == verdict
    assert [row.ok for row in results(*VERDICTS)].count(True) == 2  # ok and skipped
