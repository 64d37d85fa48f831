"""Multi-head attention (Vaswani et al. 2017, section 3.2) as BERT uses it: self-attention over one text, and
cross-attention from a decoder to an encoder's states. The residual connection and LayerNorm that follow stand in
`layer.py`, the decoder's cache in `cache.py`.
"""

import math
from typing import Any

from minibert import functional as F
from minibert.backend import Array
from minibert.forms import step
from minibert.models.cache import Cache
from minibert.models.module import Dropout, Linear, Module
from minibert.models.parameters import Parameters
from minibert.models.relative_positions import RelativePositions
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

    def __init__(self, path: str, parameters: Parameters, config: Any, layer: int, cross: bool = False) -> None:
        super().__init__(path, parameters)
        width, self.heads = config.hidden_size, config.num_attention_heads
        self.layer, self.cross = layer, cross
        source, tokens = ("encoder_hidden_states", "S") if cross else ("hidden", "T")
        self.query = Linear(self.at("query"), parameters, width, width, "B T D", "hidden W_queryᵀ + b_query")
        self.key = Linear(self.at("key"), parameters, width, width, f"B {tokens} D", f"{source} W_keyᵀ + b_key")
        self.value = Linear(self.at("value"), parameters, width, width, f"B {tokens} D", f"{source} W_valueᵀ + b_value")
        self.dropout = Dropout(self.at("dropout"), parameters, config.attention_probs_dropout_prob, SCORES)
        kind = "absolute" if cross else getattr(config, "position_embedding_type", "absolute")
        self.relative: RelativePositions | None = None
        self.scores_formula = "query keyᵀ / √K + mask"
        if kind != "absolute":
            self.relative = RelativePositions(
                self.at("distance_embedding"), parameters, config.max_position_embeddings, width // self.heads,
                of_keys=kind == "relative_key_query",
            )  # fmt: skip
            self.scores_formula = f"(query keyᵀ + {self.relative.formula}) / √K + mask"

    def forward(
        self,
        hidden: Array,
        source: Array,
        run: Run,
        mask: Array | None = None,
        head_mask: Array | None = None,
        cache: Cache | None = None,
    ) -> tuple[Array, Array]:
        """hidden (B, T, D), source (B, S, D) -> context (B, T, D), probs (B, N, T, S) as they met the values.

        Keys and values are made of `source`: hidden itself, or for cross-attention an encoder's states.
        mask (B, 1, 1 or T, S) is added to the scores; head_mask (1 or B, N, 1, 1) multiplies the probabilities.
        """
        # 1: queries, keys and values, a head's in K neighbouring columns
        query, key, value = self.projections(hidden, source, run, cache)  # (B, N, T, K), (B, N, S, K) twice
        # 2, 3, 4: how much of every value a query takes
        probs = self.probabilities(query, key, mask, run, cached=cache is not None)
        # 5: whole heads may be switched off
        probs = self.masked_heads(probs, head_mask, run)
        # 6: every token's mixture of values
        context = F.attention_context(probs, value)
        run.save(self.path, (query, key, value, probs))
        return run.record(self.at("context"), context, "B T D", "probs value, heads merged", (self.path,)), probs

    def backward(self, dcontext: Array, back: Backward) -> tuple[Array, Array | None]:
        """dcontext (B, T, D) -> dhidden (B, T, D), and for cross-attention the encoder states' (B, S, D)."""
        query, key, value, probs = back.saved(self.path)
        # forward 6: context = probs value
        dcontext = back.arrive(self.at("context"), dcontext)
        dprobs, dvalue = F.attention_context_backward(dcontext, probs, value)
        # forward 5: probs head_mask
        dprobs = self.masked_heads_backward(dprobs, back)
        # forward 2, 3, 4: dropout(softmax(q kᵀ / √K + mask))
        dquery, dkey = self.probabilities_backward(dprobs, query, key, back)
        # forward 1: query = hidden Wᵀ + b, and so key and value
        return self.projections_backward(dquery, dkey, dvalue, back)

    @step
    def probabilities(self, query: Array, key: Array, mask: Array | None, run: Run, cached: bool) -> Array:
        """query (B, N, T, K), key (B, N, S, K), mask (B, 1, 1 or T, S) -> probs (B, N, T, S).

        cached: whether keys of earlier tokens came from a cache, for relative positions.
        """
        # 2: scores = q kᵀ / √K + mask
        products = self.products(query, key, run, cached)
        scores = F.mask_scores(products, mask, math.sqrt(query.shape[-1]))
        scores = run.record(self.at("scores"), scores, SCORES, self.scores_formula)
        # 3: probs = softmax(scores), every row of which sums to 1
        probs = F.softmax(scores)
        run.save(self.at("probs"), probs)
        probs = run.record(self.at("probs"), probs, SCORES, "softmax(scores)", self.dropout.alias(run))
        # 4: dropout, in training
        return self.dropout.forward(probs, run)

    @step
    def probabilities_backward(self, dprobs: Array, query: Array, key: Array, back: Backward) -> tuple[Array, Array]:
        """dprobs (B, N, T, S) -> dquery (B, N, T, K), dkey (B, N, S, K)."""
        # forward 4: dropout(probs)
        dprobs = self.dropout.backward(dprobs, back)
        # forward 3: probs = softmax(scores)
        dprobs = back.arrive(self.at("probs"), dprobs)
        dscores = F.softmax_backward(dprobs, back.saved(self.at("probs")))
        # forward 2: scores = q kᵀ / √K + mask
        dscores = back.arrive(self.at("scores"), dscores)
        return self.products_backward(dscores / math.sqrt(query.shape[-1]), query, key, back)

    def products(self, query: Array, key: Array, run: Run, cached: bool) -> Array:
        """query (B, N, T, K), key (B, N, S, K) -> q kᵀ (B, N, T, S), with relative positions added."""
        products = F.attention_scores(query, key)
        if self.relative is not None:
            products += self.relative.forward(query, key, cached, run)
        return products

    def products_backward(self, dproducts: Array, query: Array, key: Array, back: Backward) -> tuple[Array, Array]:
        """dproducts (B, N, T, S) -> dquery (B, N, T, K), dkey (B, N, S, K). forward: q kᵀ + the relative term."""
        dquery, dkey = F.attention_scores_backward(dproducts, query, key)
        if self.relative is not None:
            drelative_query, drelative_key = self.relative.backward(dproducts, query, key, back)
            dquery += drelative_query
            if drelative_key is not None:
                dkey += drelative_key
        return dquery, dkey

    def masked_heads(self, probs: Array, head_mask: Array | None, run: Run) -> Array:
        """probs (B, N, T, S), head_mask (1 or B, N, 1, 1) or None -> probs head_mask (B, N, T, S)."""
        if head_mask is None:
            return probs
        run.save(self.at("head_mask"), (head_mask, probs))
        return run.record(self.at("masked_probs"), probs * head_mask, SCORES, "probs head_mask")

    def masked_heads_backward(self, dprobs: Array, back: Backward) -> Array:
        """dprobs (B, N, T, S) -> that of the probabilities before the head mask, which may want its gradient too."""
        if not back.has(self.at("head_mask")):
            return dprobs
        head_mask, probs = back.saved(self.at("head_mask"))
        dprobs = back.arrive(self.at("masked_probs"), dprobs)
        if back.keeps("head_mask"):
            back.head_mask_gradients[self.path] = (dprobs * probs).sum(axis=(0, 2, 3))
        return dprobs * head_mask

    def projections(
        self, hidden: Array, source: Array, run: Run, cache: Cache | None
    ) -> tuple[Array, Array, Array]:
        """hidden (B, T, D), source (B, S, D) -> query (B, N, T, K), key and value (B, N, S, K).

        With a cache the keys and values of earlier tokens stand first; those of an encoder's states are made only once.
        """
        if cache is None:
            return self.heads_of(hidden, source, run)
        if self.cross and (made := cache.cross(self.layer)) is not None:
            return F.split_heads(self.query.forward(hidden, run), self.heads), *made
        query, key, value = self.heads_of(hidden, source, run)
        if self.cross:
            cache.set_cross(run.output(key), run.output(value), self.layer)
            return query, key, value
        return query, *cache.update(key, value, self.layer)

    def projections_backward(
        self, dquery: Array, dkey: Array, dvalue: Array, back: Backward
    ) -> tuple[Array, Array | None]:
        """dquery (B, N, T, K), dkey, dvalue (B, N, S, K) -> dhidden (B, T, D), and for cross-attention dsource.

        forward: query = hidden Wᵀ + b, and so key and value. Of cached ones only the new tokens', which stand last, are
        of this pass.
        """
        dhidden = self.query.backward(F.merge_heads(dquery), back)
        if not back.has(self.key.path):  # cross-attention whose keys came from the cache
            return dhidden, None
        new = back.peek(self.key.path).shape[1]
        dsource = self.key.backward(F.merge_heads(dkey[:, :, -new:]), back)
        dsource += self.value.backward(F.merge_heads(dvalue[:, :, -new:]), back)
        if self.cross:
            return dhidden, dsource
        dhidden += dsource
        return dhidden, None

    @step
    def heads_of(self, hidden: Array, source: Array, run: Run) -> tuple[Array, Array, Array]:
        """hidden (B, T, D), source (B, S, D) -> query (B, N, T, K), key and value (B, N, S, K)."""
        query = F.split_heads(self.query.forward(hidden, run), self.heads)
        key = F.split_heads(self.key.forward(source, run), self.heads)
        value = F.split_heads(self.value.forward(source, run), self.heads)
        return query, key, value
