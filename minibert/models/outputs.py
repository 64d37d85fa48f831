"""What the models give back, read by attribute, key, index, or as a tuple.

Fields that were not computed are None as attributes, and are left out of keys, indices and the tuple.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from minibert.backend import Array
from minibert.models.cache import Cache


@dataclass
class ModelOutput:
    """An output: `out.logits`, `out["logits"]`, `out[0]` and `out.to_tuple()` all read the same."""

    def keys(self) -> list[str]:
        """The names of the fields that were computed, in order."""
        return [field.name for field in fields(self) if getattr(self, field.name) is not None]

    def values(self) -> list[Any]:
        """The values of the fields that were computed, in order."""
        return [getattr(self, name) for name in self.keys()]

    def items(self) -> list[tuple[str, Any]]:
        """Names and values of the fields that were computed, in order."""
        return [(name, getattr(self, name)) for name in self.keys()]

    def get(self, name: str, default: Any = None) -> Any:
        """The field of this name, or the default if it was not computed."""
        value = getattr(self, name, None) if name in self else None
        return default if value is None else value

    def to_tuple(self) -> tuple[Any, ...]:
        """The values of the fields that were computed."""
        return tuple(self.values())

    def as_returned(self) -> tuple[Any, ...]:
        """What a call with return_dict=False gives."""
        return self.to_tuple()

    def take_states(self, states: Any, cache: Cache | None) -> None:
        """Fill the fields that come from the encoder; what was not asked for stays None."""
        for name in ("hidden_states", "attentions", "cross_attentions"):
            if hasattr(self, name):
                setattr(self, name, getattr(states, name) or None)
        if hasattr(self, "past_key_values"):
            self.past_key_values = cache

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            if key not in self:
                raise KeyError(f"{type(self).__name__} has no {key!r} here: it has {', '.join(self.keys())}")
            return getattr(self, key)
        return self.to_tuple()[key]

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())


_GIVEN: Any = None  # of a field that every call fills: it has a default because those before it may be missing


@dataclass
class BaseModelOutputWithPoolingAndCrossAttentions(ModelOutput):
    """Of the bare models.

    last_hidden_state (B, T, D); pooler_output (B, D); hidden_states, L + 1 arrays (B, T, D): the embeddings,
    then every layer's output; past_key_values, a cache; attentions and cross_attentions, L arrays (B, N, T, S).
    """

    last_hidden_state: Array = _GIVEN
    pooler_output: Any = None
    hidden_states: tuple[Array, ...] | None = None
    past_key_values: Cache | None = None
    attentions: tuple[Array, ...] | None = None
    cross_attentions: tuple[Array, ...] | None = None

    def as_returned(self) -> tuple[Any, ...]:
        """The pooled output keeps its place, None or not, and the cache comes before the states."""
        rest = (self.past_key_values, self.hidden_states, self.attentions, self.cross_attentions)
        return (self.last_hidden_state, self.pooler_output, *(value for value in rest if value is not None))


@dataclass
class BertForPreTrainingOutput(ModelOutput):
    """loss (); prediction_logits (B, T, V); seq_relationship_logits (B, 2); hidden_states; attentions."""

    loss: Any = None
    prediction_logits: Array = _GIVEN
    seq_relationship_logits: Array = _GIVEN
    hidden_states: tuple[Array, ...] | None = None
    attentions: tuple[Array, ...] | None = None


@dataclass
class CausalLMOutputWithCrossAttentions(ModelOutput):
    """loss (); logits (B, T, V); past_key_values; hidden_states; attentions; cross_attentions."""

    loss: Any = None
    logits: Array = _GIVEN
    past_key_values: Cache | None = None
    hidden_states: tuple[Array, ...] | None = None
    attentions: tuple[Array, ...] | None = None
    cross_attentions: tuple[Array, ...] | None = None


@dataclass
class _LogitsOutput(ModelOutput):
    loss: Any = None
    logits: Array = _GIVEN
    hidden_states: tuple[Array, ...] | None = None
    attentions: tuple[Array, ...] | None = None


class MaskedLMOutput(_LogitsOutput):
    """loss (); logits (B, T, V); hidden_states; attentions."""


class NextSentencePredictorOutput(_LogitsOutput):
    """loss (); logits (B, 2): column 0 says that the second sentence follows; hidden_states; attentions."""


class SequenceClassifierOutput(_LogitsOutput):
    """loss (); logits (B, C); hidden_states; attentions."""


class MultipleChoiceModelOutput(_LogitsOutput):
    """loss (); logits (B, choices); hidden_states; attentions, of B · choices texts."""


class TokenClassifierOutput(_LogitsOutput):
    """loss (); logits (B, T, C); hidden_states; attentions."""


@dataclass
class QuestionAnsweringModelOutput(ModelOutput):
    """loss (); start_logits and end_logits (B, T); hidden_states; attentions."""

    loss: Any = None
    start_logits: Array = _GIVEN
    end_logits: Array = _GIVEN
    hidden_states: tuple[Array, ...] | None = None
    attentions: tuple[Array, ...] | None = None
