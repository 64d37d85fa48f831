"""What a comparison cannot show: a rule of the model that changes no number of the pack."""

import numpy as np

from minibert.golden.packs.named_array import VALUE
from minibert.golden.packs.pack import Pack


def unseen_epsilon(pack: Pack, multiple: float) -> list[str]:
    """A note where LayerNorm's epsilon is so small beside every variance that rounding hides whether it is there.

    multiple: tolerances are this many noise floors.
    """
    eps = pack.manifest["model"].get("config", {}).get("layer_norm_eps")
    rstd = [pack[entry.name] for entry in pack.entries.values() if entry.kind == VALUE and entry.name.endswith(".rstd")]
    largest = max((float(each.max(initial=0.0)) for each in rstd), default=0.0)
    if not eps or not largest:
        return []
    change = 0.5 * float(eps) * largest**2  # of 1 / √(variance + eps), relative, if eps is left out
    rounding = float(np.finfo(np.dtype(pack.manifest.get("noise_dtype", "float32"))).eps)
    if change > multiple * rounding:
        return []
    return [
        f"layer_norm_eps, {float(eps):g}, cannot be seen in these numbers: without it none would change by more than "
        f"{change:.1e} of itself"
    ]
