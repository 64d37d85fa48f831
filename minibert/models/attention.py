"""Multi-head attention (Vaswani et al. 2017, section 3.2) as BERT uses it: self-attention over one text, and
cross-attention from a decoder to an encoder's states. The residual connection and LayerNorm that follow stand in
`encoder.py`.
"""

import math
from typing import Any

from minibert import functional as F
from minibert.backend import Array
from minibert.models.cache import Cache
from minibert.models.module import Dropout, Linear, Module, Parameter, Parameters
from minibert.trace import Backward, Run

SCORES = "B N T S"


class SelfAttention(Module):
    """context = softmax(q kᵀ / √K + mask) v, for N heads side by side.

    Parameters: query, key and value, each weight (D, D) and bias (D,); with relative positions also
    distance_embedding.weight (2 P - 1, K).

    Args:
        layer: the number of the layer, for the cache.
        cross: whether keys and values come from an encoder's states.
    """

    distance_embedding = Parameter()

    def __init__(self, path: str, parameters: Parameters, config: Any, layer: int, cross: bool = False) -> None:
        super().__init__(path, parameters)
        self.heads = config.num_attention_heads
        self.layer, self.cross = layer, cross
        self.source = "encoder_hidden_states" if cross else "hidden"
        width = config.hidden_size
        for name in ("query", "key", "value"):
            source, tokens = ("hidden", "T") if name == "query" else (self.source, "S" if cross else "T")
            part = Linear(self.at(name), parameters, width, width, f"B {tokens} D", f"{source} W_{name}ᵀ + b_{name}")
            setattr(self, name, part)
        self.query: Linear
        self.key: Linear
        self.value: Linear
        self.dropout = Dropout(self.at("dropout"), parameters, config.attention_probs_dropout_prob, SCORES)
        self.relative = "absolute" if cross else getattr(config, "position_embedding_type", "absolute")
        self.max_positions = config.max_position_embeddings
        if self.relative != "absolute":
            self.declare(
                "distance_embedding",
                (2 * self.max_positions - 1, width // self.heads),
                "normal",
                name=self.at("distance_embedding.weight"),
            )

    def forward(
        self,
        hidden: Array,
        run: Run,
        mask: Array | None = None,
        head_mask: Array | None = None,
        encoder_hidden: Array | None = None,
        cache: Cache | None = None,
    ) -> tuple[Array, Array]:
        """hidden (B, T, D) -> context (B, T, D), probs (B, N, T, S) as they met the values.

        mask (B, 1, 1 or T, S) is added to the scores; head_mask (1 or B, N, 1, 1) multiplies the probabilities.
        """
        # 1: queries, keys and values, a head's in K neighbouring columns
        query, key, value = self._heads(hidden, run, encoder_hidden, cache)  # (B, N, T, K), (B, N, S, K) twice
        # 2: scores
        scores = F.attention_scores(query, key)  # (B, N, T, S)
        formula = "query keyᵀ / √K + mask"
        distance = None
        if self.relative != "absolute":
            distance = self._distance(query.shape[2], key.shape[2], cache)
            scores += F.relative_scores(query, self.distance_embedding, distance)
            formula = "(query keyᵀ + query distanceᵀ) / √K + mask"
            if self.relative == "relative_key_query":
                scores += F.relative_scores(key, self.distance_embedding, distance.T).swapaxes(-1, -2)
                formula = "(query keyᵀ + query distanceᵀ + key distanceᵀ) / √K + mask"
        divisor = math.sqrt(query.shape[-1])
        if self.fuses(run, self.at("scores")):
            run.skip(self.at("scores"), scores.shape, SCORES, formula)
            probs = self._probs_fused(scores, mask, divisor, run)
        else:
            scores = F.mask_scores(scores, mask, divisor, out=scores)
            scores = run.record(self.at("scores"), scores, SCORES, formula)
            # 3: probabilities
            probs = F.softmax(scores, out=run.spare(scores))
            run.save(self.at("probs"), probs)
            probs = run.record(self.at("probs"), probs, SCORES, "softmax(scores)", self.dropout.alias(run))
            probs = self.dropout.forward(probs, run)
        # 4: whole heads may be switched off
        if head_mask is not None:
            run.save(self.at("head_mask"), (head_mask, probs))
            probs = self.parameters.xp.multiply(probs, head_mask, out=run.spare(probs))
            probs = run.record(self.at("masked_probs"), probs, SCORES, "probs head_mask")
        # 5: every token's mixture of values
        context = F.attention_context(probs, value)
        run.save(self.path, (query, key, value, probs, distance))
        context = run.record(self.at("context"), context, "B T D", "probs value, heads merged", (self.path,))
        return context, probs

    def _probs_fused(self, scores: Array, mask: Array | None, divisor: float, run: Run) -> Array:
        """Scores not yet divided and masked -> probabilities, dropped out: step 3 in one pass."""
        kept = self.dropout.draw(scores.shape, run)
        probs, dropped = F.masked_softmax(scores, mask, divisor, kept, self.dropout.p, out=scores)
        run.save(self.at("probs"), probs)
        run.record(self.at("probs"), probs, SCORES, "softmax(scores)", self.dropout.alias(run))
        if kept is None:
            return probs
        self.dropout.record_mask(kept, run)
        return run.record(self.dropout.path, dropped, SCORES, self.dropout.formula)

    def _heads(
        self, hidden: Array, run: Run, encoder_hidden: Array | None, cache: Cache | None
    ) -> tuple[Array, Array, Array]:
        """Queries (B, N, T, K), keys and values (B, N, S, K), those of cached tokens first."""
        parts = (self.query, self.key, self.value)
        if encoder_hidden is None and self.fuses(run, *(part.path for part in parts)):
            products = [part.forward_unbiased(hidden, run) for part in parts]
            query, key, value = F.biased_heads(products, [part.bias for part in parts], self.heads)
            return query, *((key, value) if cache is None else cache.update(key, value, self.layer))
        query = F.split_heads(self.query.forward(hidden, run), self.heads)
        return query, *self._keys_and_values(hidden, run, encoder_hidden, cache)

    def _keys_and_values(
        self, hidden: Array, run: Run, encoder_hidden: Array | None, cache: Cache | None
    ) -> tuple[Array, Array]:
        """Of the text itself, after the cached ones; or of the encoder's states, computed once for a cache."""
        if encoder_hidden is not None and cache is not None and (met := cache.cross(self.layer)) is not None:
            return met
        source = hidden if encoder_hidden is None else encoder_hidden
        key = F.split_heads(self.key.forward(source, run), self.heads)
        value = F.split_heads(self.value.forward(source, run), self.heads)
        if cache is not None and encoder_hidden is None:
            return cache.update(key, value, self.layer)
        if cache is not None:
            cache.set_cross(run.output(key), run.output(value), self.layer)
        return key, value

    def _distance(self, tokens: int, keys: int, cache: Cache | None) -> Array:
        """Row of the distance table for every query and key: t - s + P - 1, (T, S).

        With a cache every query counts as the last token, (1, S): that is how the reference has it, which
        makes it exact for one new token at a time and shifts the earlier ones of a longer call.
        """
        xp = self.parameters.xp
        places = xp.arange(tokens)[:, None] if cache is None else xp.full((1, 1), keys - 1)
        return places - xp.arange(keys)[None, :] + self.max_positions - 1

    def backward(self, dcontext: Array, back: Backward) -> tuple[Array, Array | None]:
        """dcontext (B, T, D) -> dhidden (B, T, D), and for cross-attention the encoder states' (B, S, D)."""
        query, key, value, probs, distance = back.saved(self.path)
        # forward 5: context = probs value
        dcontext = back.arrive(self.at("context"), dcontext)
        dprobs, dvalue = F.attention_context_backward(dcontext, probs, value)
        # forward 4: probs = probs head_mask
        if back.has(self.at("head_mask")):
            head_mask, before = back.saved(self.at("head_mask"))
            dprobs = back.arrive(self.at("masked_probs"), dprobs)
            if back.keeps("head_mask"):
                back.head_mask_gradients[self.path] = (dprobs * before).sum(axis=(0, 2, 3))
            dprobs = dprobs * head_mask
        divisor = math.sqrt(query.shape[-1])
        if back.fuses(self.at("probs"), self.at("scores"), self.dropout.path):
            kept = back.saved(self.dropout.path) if back.has(self.dropout.path) else None
            dscores = F.masked_softmax_backward(dprobs, back.saved(self.at("probs")), divisor, kept, self.dropout.p)
        else:
            # forward 3: probs = dropout(softmax(scores))
            dprobs = back.arrive(self.at("probs"), self.dropout.backward(dprobs, back))
            dscores = F.softmax_backward(dprobs, back.saved(self.at("probs")))
            dscores = back.arrive(self.at("scores"), dscores)
            # forward 2: scores = (query keyᵀ + relative terms) / √K + mask
            dscores = dscores / divisor
        dquery, dkey = F.attention_scores_backward(dscores, query, key)
        if distance is not None:
            dquery, dkey = self._relative_backward(dscores, query, key, distance, dquery, dkey, back)
        # forward 1: query, key, value = hidden W + b; of cached tokens only the new ones are this pass's
        return self._sources_backward(dquery, dkey, dvalue, back)

    def _relative_backward(
        self,
        dscores: Array,
        query: Array,
        key: Array,
        distance: Array,
        dquery: Array,
        dkey: Array,
        back: Backward,
    ) -> tuple[Array, Array]:
        table, name = self.distance_embedding, self.names["distance_embedding"]
        drelative, dtable = F.relative_scores_backward(dscores, query, table, distance)
        dquery += drelative
        back.add(name, dtable)
        if self.relative == "relative_key_query":
            by_key = dscores.swapaxes(-1, -2)  # (B, N, S, T)
            if distance.shape[0] == 1:  # all queries shared one row of distances
                by_key = by_key.sum(axis=-1, keepdims=True)
            drelative, dtable = F.relative_scores_backward(by_key, key, table, distance.T)
            dkey += drelative
            back.add(name, dtable)
        return dquery, dkey

    def _sources_backward(
        self, dquery: Array, dkey: Array, dvalue: Array, back: Backward
    ) -> tuple[Array, Array | None]:
        dhidden = self.query.backward(F.merge_heads(dquery), back)
        if not back.has(self.key.path):  # cross-attention whose keys came from the cache
            return dhidden, None
        new = back.peek(self.key.path).shape[1]  # tokens of this pass; cached ones stand before them
        dsource = self.key.backward(F.merge_heads(dkey[:, :, -new:]), back)
        dsource += self.value.backward(F.merge_heads(dvalue[:, :, -new:]), back)
        if self.cross:
            return dhidden, dsource
        dhidden += dsource
        return dhidden, None
