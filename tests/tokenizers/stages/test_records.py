"""What stages tell of their work, as lines to read and as data."""

from dataclasses import asdict

from minibert.tokenizers.stages.records import Attempt, LatticeNode, MergeStep, Word


def test_each_step_has_its_line():
    assert str(Attempt(0, 3, "una", False)) == "una no"
    assert str(Attempt(0, 2, "un", True)) == "un found"
    assert str(MergeStep("Ġ", "low", 7, ["Ġlow", "e", "r"])) == "merge 7: Ġ + low -> Ġlow e r"
    assert str(LatticeNode(2, 5, "dog", 9, -1.23456, -4.5, False)) == " [2:5] dog -1.2346 -4.5000"
    assert str(LatticeNode(2, 5, "dog", 9, -1.0, -4.5, True)) == "*[2:5] dog -1.0000 -4.5000"


def test_words_share_no_steps():
    first, second = Word("a", (0, 1), ["a"], [5]), Word("b", (2, 3), ["b"], [6])
    first.attempts.append(Attempt(0, 1, "a", True))
    assert second.attempts == second.symbols == second.merges == []
    assert asdict(first)["attempts"] == [{"start": 0, "end": 1, "piece": "a", "known": True}]
