"""The 80/10/10 rule: its shares, its draws and what it leaves alone."""

import numpy as np
import pytest

from minibert.training.masking import KEPT, LEFT_ALONE, MASKED, RANDOM, choose_tokens, mask_tokens

IDS = np.random.default_rng(0).integers(5, 100, size=(50, 400))


@pytest.mark.parametrize(("mask_share", "random_share"), [(0.8, 0.1), (0.5, 0.5), (1.0, 0.0), (0.0, 0.3), (0.9, 0.1)])
def test_the_shares_of_the_chosen_tokens(mask_share: float, random_share: float) -> None:
    chosen = np.ones(IDS.shape, dtype=bool)
    rng = np.random.default_rng(1)
    found = mask_tokens(IDS, chosen, 4, 100, rng, mask_share, random_share)
    shares = np.bincount(found.rules.ravel(), minlength=4) / IDS.size
    np.testing.assert_allclose(shares, [0.0, mask_share, random_share, 1 - mask_share - random_share], atol=0.012)
    np.testing.assert_array_equal(found.labels, IDS)


def test_every_rule_does_what_it_is_called() -> None:
    chosen = choose_tokens(IDS % 2 == 0, 0.5, np.random.default_rng(2))
    found = mask_tokens(IDS, chosen, 4, 100, np.random.default_rng(3))
    np.testing.assert_array_equal(found.rules != LEFT_ALONE, chosen)
    np.testing.assert_array_equal(found.labels, np.where(chosen, IDS, -100))
    assert (found.input_ids[found.rules == MASKED] == 4).all()
    same = (found.rules == KEPT) | (found.rules == LEFT_ALONE)
    np.testing.assert_array_equal(found.input_ids[same], IDS[same])
    drawn = found.input_ids[found.rules == RANDOM]
    assert drawn.min() < 10
    assert drawn.max() > 90  # from the whole vocabulary
    assert set(np.unique(found.rules)) == {LEFT_ALONE, MASKED, RANDOM, KEPT}


def test_only_candidates_are_chosen_with_their_share() -> None:
    candidates = IDS % 3 == 0
    chosen = choose_tokens(candidates, 0.15, np.random.default_rng(4))
    assert not chosen[~candidates].any()
    assert chosen.sum() / candidates.sum() == pytest.approx(0.15, abs=0.02)


def test_the_input_stays_as_it_is() -> None:
    ids, chosen = IDS.copy(), np.ones(IDS.shape, dtype=bool)
    mask_tokens(ids, chosen, 4, 100, np.random.default_rng(5))
    np.testing.assert_array_equal(ids, IDS)
    assert chosen.all()
