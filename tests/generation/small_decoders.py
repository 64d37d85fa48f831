"""What these tests share: sizes and prompts, and whether counts follow probabilities."""

import numpy as np

WIDE = {"vocab_size": 31, "max_position_embeddings": 24}
IDS = np.array([[5, 9, 17, 9], [11, 4, 8, 30]])


def chi_squared(counts: np.ndarray, probs: np.ndarray) -> float:
    """Pearson's statistic in standard deviations above its mean; cells with fewer than 5 expected are joined."""
    expected = probs * counts.sum()
    small = expected < 5
    observed = np.append(counts[~small], counts[small].sum())
    expected = np.append(expected[~small], expected[small].sum())
    keep = expected > 0
    statistic = ((observed[keep] - expected[keep]) ** 2 / expected[keep]).sum()
    freedom = keep.sum() - 1
    return (statistic - freedom) / np.sqrt(2 * freedom)
