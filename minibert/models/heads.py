"""The heads: what stands on top of the encoder for each task.

The masked-language-model head is a transform (dense, activation, LayerNorm) and a decoder onto the vocabulary
whose weight is the word embeddings' own where they are tied (Devlin et al. 2018, section 3.1, task 1). RoBERTa
names its parts otherwise and always uses the erf GELU; RemBERT's transform widens to its output embedding.
"""

from typing import Any

from minibert import functional as F
from minibert.backend import Array
from minibert.models.module import Dropout, LayerNorm, Linear, Module, activate, activate_backward
from minibert.models.parameters import Parameter, Parameters
from minibert.trace import Backward, Run


class Decoder(Module):
    """logits = x Wᵀ + b over the vocabulary; the weight may be another parameter's, which it then shares.

    Args:
        tied_to: the full name of the word embeddings, or None for a weight of its own.
        bias_name: the full name of the bias, where the checkpoint keeps it beside the decoder instead of in it.
    """

    weight = Parameter()
    bias = Parameter()

    def __init__(
        self,
        path: str,
        parameters: Parameters,
        width: int,
        vocabulary: int,
        tied_to: str | None,
        bias_name: str | None = None,
    ) -> None:
        super().__init__(path, parameters)
        if tied_to is None:
            self.declare("weight", (vocabulary, width), "normal")
        else:
            self.names["weight"] = tied_to
            parameters.tied[self.at("weight")] = tied_to
        self.declare("bias", (vocabulary,), "zeros", name=bias_name)
        if bias_name is not None:
            parameters.tied[self.at("bias")] = bias_name

    def forward(self, x: Array, run: Run, name: str) -> Array:
        """x (B, T, width) -> logits (B, T, V), recorded under the head's name."""
        run.save(self.path, x)
        logits = F.linear(x, self.weight, self.bias)
        return run.record(name, logits, "B T V", "transform decoderᵀ + b", (self.path,))

    def backward(self, dlogits: Array, back: Backward) -> Array:
        """dlogits (B, T, V) -> dx (B, T, width)."""
        dx, dweight, dbias = F.linear_backward(dlogits, back.saved(self.path), self.weight)
        back.add(self.names["weight"], dweight)
        back.add(self.names["bias"], dbias)
        return dx


class Transform(Module):
    """y = LayerNorm(act(x Wᵀ + b)): what the language-model heads do before the decoder.

    Args:
        width, symbol: of the output, and the letter for it in shapes.
        norm: what the checkpoint calls the LayerNorm.
        name: the trace's name of the output, where it is not the LayerNorm's own.
    """

    def __init__(
        self,
        path: str,
        parameters: Parameters,
        config: Any,
        width: int,
        symbol: str = "D",
        hidden_act: Any = None,
        norm: str = "LayerNorm",
        name: str | None = None,
    ) -> None:
        super().__init__(path, parameters)
        self.shape, self.name = f"B T {symbol}", name
        self.activation = F.find_activation(config.hidden_act if hidden_act is None else hidden_act)
        self.dense = Linear(self.at("dense"), parameters, config.hidden_size, width, self.shape, "hidden Wᵀ + b")
        self.norm = LayerNorm(self.at(norm), parameters, width, config.layer_norm_eps, self.shape)

    def forward(self, x: Array, run: Run) -> Array:
        """x (B, T, D) -> (B, T, width)."""
        # 1: act(x Wᵀ + b)
        activated = activate(self.dense, self.activation, x, run, self.at("activation"))
        formula = f"{self.activation.name}(dense)"
        activated = run.record(self.at("activation"), activated, self.shape, formula, (self.at("transform_act_fn"),))
        # 2: LayerNorm
        return self.norm.forward(activated, run, name=self.name)

    def backward(self, dy: Array | None, back: Backward) -> Array | None:
        """dy (B, T, width) -> dx (B, T, D), or None where no gradient arrives."""
        dy = back.arrive(self.name or self.norm.path, dy)
        if dy is None:
            return None
        # forward 2: y = LayerNorm(activated)
        dactivated = back.arrive(self.at("activation"), self.norm.backward(dy, back))
        # forward 1: activated = act(x Wᵀ + b)
        return activate_backward(self.dense, self.activation, dactivated, back, self.at("activation"))


class LMHead(Module):
    """logits = transform(hidden) Wᵀ + b, a number for every word of the vocabulary at every token.

    The families make the two parts, each under its own names.
    """

    transform: Transform
    decoder: Decoder

    def forward(self, hidden: Array, run: Run) -> Array:
        """hidden (B, T, D) -> logits (B, T, V)."""
        return self.decoder.forward(self.transform.forward(hidden, run), run, name=self.path)

    def backward(self, dlogits: Array | None, back: Backward) -> Array | None:
        """dlogits (B, T, V) -> dhidden (B, T, D), or None where no gradient arrives."""
        dlogits = back.arrive(self.path, dlogits)
        if dlogits is None and not back.asked_within(self.path):
            return None
        dtransformed = None if dlogits is None else self.decoder.backward(dlogits, back)
        return self.transform.backward(dtransformed, back)


class BertLMHead(LMHead):
    """BERT's, at `cls.predictions`.

    Parameters: transform.dense and transform.LayerNorm, decoder.weight (tied or its own), bias (V,).
    """

    def __init__(self, path: str, parameters: Parameters, config: Any, tied_to: str | None) -> None:
        super().__init__(path, parameters)
        width, transform = config.hidden_size, self.at("transform")
        self.transform = Transform(transform, parameters, config, width, name=transform)
        self.decoder = Decoder(self.at("decoder"), parameters, width, config.vocab_size, tied_to, self.at("bias"))


class RobertaLMHead(LMHead):
    """BERT's, except: at `lm_head` itself, with `layer_norm` for LayerNorm, and the erf GELU whatever the config."""

    def __init__(self, path: str, parameters: Parameters, config: Any, tied_to: str | None) -> None:
        super().__init__(path, parameters)
        width = config.hidden_size
        self.transform = Transform(path, parameters, config, width, hidden_act="gelu", norm="layer_norm")
        self.decoder = Decoder(self.at("decoder"), parameters, width, config.vocab_size, tied_to, self.at("bias"))


class RemBertLMHead(LMHead):
    """RoBERTa's shape, except: widened to the output embedding, the config's activation, a decoder bias in place."""

    def __init__(self, path: str, parameters: Parameters, config: Any, tied_to: str | None) -> None:
        super().__init__(path, parameters)
        width = config.output_embedding_size
        self.transform = Transform(path, parameters, config, width, symbol="O")
        self.decoder = Decoder(self.at("decoder"), parameters, width, config.vocab_size, tied_to)


class NextSentenceHead(Linear):
    """logits = pooled Wᵀ + b: whether the second sentence follows the first (Devlin et al. 2018, section 3.1, task 2).

    Column 0 says that it does, column 1 that it does not. Parameters: weight (2, D), bias (2,).
    """

    def __init__(self, path: str, parameters: Parameters, config: Any) -> None:
        super().__init__(path, parameters, config.hidden_size, 2, "B C", "pooled Wᵀ + b")


class Classifier(Module):
    """logits = dropout(x) Wᵀ + b; the linear map is at the path itself, `classifier`.

    Args:
        shape: of x without its width, "B" for a pooled text and "B T" for every token.
    """

    def __init__(
        self, path: str, parameters: Parameters, width: int, classes: int, p: float, shape: str, source: str
    ) -> None:
        super().__init__(path, parameters)
        self.dropout = Dropout("dropout", parameters, p, f"{shape} D")
        self.linear = Linear(path, parameters, width, classes, f"{shape} C", f"{source} Wᵀ + b")

    def forward(self, x: Array, run: Run) -> Array:
        """x (..., D) -> logits (..., C)."""
        return self.linear.forward(self.dropout.forward(x, run), run)

    def backward(self, dlogits: Array | None, back: Backward) -> Array | None:
        """dlogits (..., C) -> dx (..., D)."""
        return self.dropout.backward(self.linear.backward(dlogits, back), back)


class RobertaClassificationHead(Module):
    """logits = dropout(tanh(dropout(hidden[:, 0]) W₁ᵀ + b₁)) W₂ᵀ + b₂: RoBERTa's, for pooler and classifier in one.

    Parameters: dense.weight (D, D), dense.bias (D,), out_proj.weight (C, D), out_proj.bias (C,).
    """

    def __init__(self, path: str, parameters: Parameters, config: Any, classes: int, p: float) -> None:
        super().__init__(path, parameters)
        width = config.hidden_size
        self.first_dropout = Dropout(self.at("dropout.0"), parameters, p, "B D")
        self.dense = Linear(self.at("dense"), parameters, width, width, "B D", "hidden[:, 0] Wᵀ + b")
        self.second_dropout = Dropout(self.at("dropout.1"), parameters, p, "B D")
        self.out_proj = Linear(self.at("out_proj"), parameters, width, classes, "B C", "activation Wᵀ + b")

    def forward(self, hidden: Array, run: Run) -> Array:
        """hidden (B, T, D) -> logits (B, C)."""
        # 1: dense = dropout(first) W₁ᵀ + b₁, of the first token
        dense = self.dense.forward(self.first_dropout.forward(hidden[:, 0], run), run)
        # 2: y = tanh(dense)
        y = self.parameters.xp.tanh(dense)
        run.save(self.path, (y, hidden.shape))
        y = run.record(self.at("activation"), y, "B D", "tanh(dense)")
        # 3: logits = dropout(y) W₂ᵀ + b₂
        return self.out_proj.forward(self.second_dropout.forward(y, run), run, also=(self.path,))

    def backward(self, dlogits: Array | None, back: Backward) -> Array | None:
        """dlogits (B, C) -> dhidden (B, T, D), zero but at the first token."""
        # forward 3: logits = dropout(y) W₂ᵀ + b₂
        dy = self.second_dropout.backward(self.out_proj.backward(dlogits, back), back)
        dy = back.arrive(self.at("activation"), dy)
        # forward 2: y = tanh(dense), so ddense = dy (1 - y²)
        y, shape = back.saved(self.path)
        ddense = None if dy is None else dy * (1.0 - y * y)
        # forward 1: dense = dropout(first) W₁ᵀ + b₁, of hidden[:, 0]
        dfirst = self.first_dropout.backward(self.dense.backward(ddense, back), back)
        if dfirst is None:
            return None
        dhidden = self.parameters.xp.zeros(shape, dtype=dfirst.dtype)
        dhidden[:, 0] = dfirst
        return dhidden
