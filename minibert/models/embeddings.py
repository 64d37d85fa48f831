"""Embeddings (Devlin et al. 2018, section 3, figure 2): word + position + token type, normalised, dropped out.

The variants differ only in `position_ids` (RoBERTa counts from the padding token, see `roberta.py`) and in the
width (RemBERT's is narrower than its hidden layers, see `rembert.py`). With relative position embeddings the sum
has no position term: positions then enter the attention scores.
"""

from typing import Any

from minibert.backend import Array
from minibert.models.module import Dropout, Embedding, LayerNorm, Module
from minibert.models.parameters import Parameters
from minibert.trace import Backward, Run


class Embeddings(Module):
    """The sum of three embeddings, normalised.

    Parameters: word_embeddings.weight (V, D), position_embeddings.weight (P, D), token_type_embeddings.weight
    (types, D), LayerNorm.weight and .bias (D,).

    Args:
        width: D, or E where the embeddings are narrower; `symbol` is the letter for it in shapes.
        position_padding_idx: the position whose row stays zero (RoBERTa's padding), or None.
    """

    def __init__(
        self,
        path: str,
        parameters: Parameters,
        config: Any,
        width: int,
        symbol: str = "D",
        position_padding_idx: int | None = None,
    ) -> None:
        super().__init__(path, parameters)
        self.shape = f"B T {symbol}"
        self.absolute = getattr(config, "position_embedding_type", "absolute") == "absolute"
        self.word_embeddings = Embedding(
            self.at("word_embeddings"), parameters, config.vocab_size, width, config.pad_token_id
        )
        self.position_embeddings = Embedding(
            self.at("position_embeddings"), parameters, config.max_position_embeddings, width, position_padding_idx
        )
        self.token_type_embeddings = Embedding(
            self.at("token_type_embeddings"), parameters, config.type_vocab_size, width
        )
        self.LayerNorm = LayerNorm(self.at("LayerNorm"), parameters, width, config.layer_norm_eps, self.shape)
        self.dropout = Dropout(self.at("dropout"), parameters, config.hidden_dropout_prob, self.shape)

    def forward(
        self,
        input_ids: Array | None,
        token_type_ids: Array,
        position_ids: Array,
        inputs_embeds: Array | None,
        run: Run,
        shared_positions: bool = True,
    ) -> Array:
        """input_ids (B, T) or inputs_embeds (B, T, D), token_type_ids (B, T), position_ids (B or 1, T) -> (B, T, D)."""
        # 1: the three vectors of every token
        words = self._words(input_ids, inputs_embeds, run)
        types = self._types(token_type_ids, run)
        rows = "1 T" if shared_positions else "B T"
        run.record(self.at("position_ids"), position_ids, rows, "the place of every token", editable=False)
        # 2: their sum, in the reference's order
        total, formula = words + types, "word + token type"
        if self.absolute:
            total, formula = total + self._positions(position_ids, rows, run), "word + token type + position"
        total = run.record(self.at("sum"), total, self.shape, formula)
        # 3: normalised, and dropped out in training
        return self._normalise(total, run)

    def backward(self, dy: Array | None, back: Backward) -> None:
        """dy (B, T, D): to the three tables, and to the trace's `inputs_embeds`."""
        if dy is None and back.asked_within(self.path):
            dy = back.zeros(self.path)
        # forward 3: y = dropout(LayerNorm(sum))
        dy = back.arrive(self.path, dy)
        if dy is None:
            return
        dy = self.dropout.backward(dy, back)
        if back.has(self.LayerNorm.path) and self.LayerNorm.path in back.trace.points:
            dy = back.arrive(self.LayerNorm.path, dy)
        # forward 2: sum = word + type + position, so every term gets the whole gradient
        dtotal = back.arrive(self.at("sum"), self.LayerNorm.backward(dy, back))
        # forward 1: rows of the tables
        if self.absolute:
            dpositions = dtotal
            if len(back.peek(self.position_embeddings.path)) != len(dtotal):
                dpositions = dtotal.sum(axis=0, keepdims=True)  # one row of positions served all sentences
            dpositions = back.arrive(self.position_embeddings.path, dpositions)
            self.position_embeddings.backward(dpositions, back)
        self.token_type_embeddings.backward(back.arrive(self.token_type_embeddings.path, dtotal), back)
        if back.has(self.word_embeddings.path):
            self.word_embeddings.backward(back.arrive(self.word_embeddings.path, dtotal), back)
        else:
            back.arrive("inputs_embeds", dtotal)

    def _words(self, input_ids: Array | None, inputs_embeds: Array | None, run: Run) -> Array:
        """Of every token its row of the table, or the vector that was given in its place: (B, T, D)."""
        if inputs_embeds is not None:
            return run.record("inputs_embeds", inputs_embeds, self.shape, "given in place of input_ids")
        assert input_ids is not None  # the front door lets exactly one of the two in
        run.record("input_ids", input_ids, "B T", "the ids of the tokens", editable=False)
        words, part = self.word_embeddings.forward(input_ids, run), self.word_embeddings.path
        return run.record(part, words, self.shape, "word_embeddings.weight[input_ids]", ("inputs_embeds",))

    def _types(self, token_type_ids: Array, run: Run) -> Array:
        """Which of two sentences a token is in: (B, T, D)."""
        formula = "0 in the first sentence, 1 in the second"
        run.record(self.at("token_type_ids"), token_type_ids, "B T", formula, editable=False)
        types, part = self.token_type_embeddings.forward(token_type_ids, run), self.token_type_embeddings.path
        return run.record(part, types, self.shape, "token_type_embeddings.weight[token_type_ids]")

    def _positions(self, position_ids: Array, rows: str, run: Run) -> Array:
        """The place of a token: (B or 1, T, D)."""
        positions, part = self.position_embeddings.forward(position_ids, run), self.position_embeddings.path
        shape = rows + self.shape[-2:]
        return run.record(part, positions, shape, "position_embeddings.weight[position_ids]")

    def _normalise(self, total: Array, run: Run) -> Array:
        """total (B, T, D) -> dropout(LayerNorm(total)); without dropout that is LayerNorm's own output."""
        if self.dropout.alias(run):
            return self.LayerNorm.forward(total, run, name=self.path, also=(self.dropout.path,))
        normalised = self.LayerNorm.forward(total, run)
        return run.record(
            self.path, self.dropout.forward(normalised, run), self.shape, "dropout(LayerNorm(sum))"
        )
