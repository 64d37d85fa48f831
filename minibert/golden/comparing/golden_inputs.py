"""What a step of a port is fed with when it is checked by itself."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from minibert.golden.errors import GoldenError
from minibert.golden.packs.pack import Entry, Pack


class GoldenInputs(Mapping[str, np.ndarray]):
    """What a step of a port may use: every golden value before its own, and the call's inputs, by name or alias.

    Attributes:
        name: the point that is to be computed.
        layer: the number of the layer that it is in, or None.
        config: the model's configuration, as a dict.

    Example:
        >>> import tempfile
        >>> import minibert as mb
        >>> model = mb.BertModel(mb.BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1,
        ...                                    num_attention_heads=2, intermediate_size=6), seed=0)
        >>> def residual(inputs):  # a step of a port; all that it needs is golden
        ...     return inputs["encoder.layer.0.attention.output"] + inputs.near("dense")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     pack = mb.golden.record(model, {"input_ids": [[2, 4, 3]]}, f"{folder}/pack.safetensors")
        ...     mb.golden.check(pack, {"encoder.layer.0.output.sum": residual}, mode="isolated")
        <Report ok: 1 compared, 0 beyond>
    """

    def __init__(self, pack: Pack, entry: Entry, before: dict[str, int]) -> None:
        self._pack, self._before = pack, before
        self.name = entry.name
        parts = entry.name.split(".")
        numbers = [int(after) for part, after in pairwise(parts) if part == "layer" and after.isdigit()]
        self.layer = numbers[0] if numbers else None
        self.config: dict[str, Any] = dict(pack.manifest["model"]["config"])

    def __getitem__(self, name: str) -> np.ndarray:
        found = self._pack.resolve(name)
        if found is None:
            raise GoldenError(f"the pack holds no {name!r}, which the function for {self.name} asked for.")
        if self._before[found] >= self._before[self.name]:
            raise GoldenError(f"the function for {self.name} asked for {name}, which is not computed before it.")
        return self._pack[found]

    def near(self, quantity: str) -> np.ndarray:
        """The value of this last name in the same module, or in the nearest module around it."""
        path = self.name
        while "." in path:
            path = path.rsplit(".", 1)[0]
            if f"{path}.{quantity}" in self:
                return self[f"{path}.{quantity}"]
        return self[quantity]

    def __contains__(self, name: object) -> bool:
        found = self._pack.resolve(name) if isinstance(name, str) else None
        return found is not None and self._before[found] < self._before[self.name]

    def __iter__(self) -> Iterator[str]:
        return (name for name, place in self._before.items() if place < self._before[self.name])

    def __len__(self) -> int:
        return self._before[self.name]
