"""Why a mask was filled so: what each layer would have answered, what each token is worth to the answer, and where
the mask looked.
"""

from typing import Any

import numpy as np

from minibert.errors import InputError

Reasons = list[dict[str, Any]]  # one a mask
_AT_ONCE = 32  # texts of one pass


def explain(answerer: Any, text: str) -> Reasons:
    """For every mask of the text, in order:

    {"answer", "score", "layers": [{"layer", "answer", "score", "of_final"}], "without": [{"token", "score"}],
    "looks": [{"layer", "head", "token", "share"}]}

    layers: the language-model head applied after each layer (the logit lens), -1 for the embeddings; of_final is the
        probability that the final answer has there.
    without: the probability of the answer when this token is hidden behind a mask, wherever it stands.
    looks: for every layer and head, the token that the mask attends to most.

    Raises:
        InputError: the text has no mask, or its mask is an input of a task other than fill-mask.
    """
    from minibert.functional.softmax import softmax
    from minibert.inspection.logit_lens import logit_lens

    model, tokenizer = answerer.model, answerer.tokenizer
    encoded = tokenizer(text, return_special_tokens_mask=True)
    special = np.array(encoded.pop("special_tokens_mask"), dtype=bool)
    inputs = {name: np.array([row]) for name, row in encoded.items()}
    ids = inputs["input_ids"][0]
    places = np.flatnonzero(ids == tokenizer.mask_token_id)
    if not len(places):
        raise InputError(f"--why explains masks, and the text has no {tokenizer.mask_token}: {text[:60]!r}.")
    lens = softmax(logit_lens(model, **inputs)[:, 0, places])  # (L + 1, masks, V)
    answers = lens[-1].argmax(axis=-1)
    shown = ~special & (ids != tokenizer.mask_token_id)
    candidates = list(dict.fromkeys(ids[shown].tolist()))
    hidden = _without(model, inputs, candidates, places, answers, tokenizer.mask_token_id)
    attentions = _attentions(model, inputs)
    names = [tokenizer.decode([id_]) for id_ in ids.tolist()]
    return [
        {
            "answer": tokenizer.decode([int(answer)]),
            "score": float(lens[-1, mask, answer]),
            "layers": _layer_rows(tokenizer, lens[:, mask], int(answer)),
            "without": [
                {"token": tokenizer.decode([id_]), "score": score}
                for id_, score in zip(candidates, hidden[:, mask].tolist(), strict=True)
            ],
            "looks": _look_rows(names, [heads[:, place] for heads in attentions]),
        }
        for mask, (place, answer) in enumerate(zip(places.tolist(), answers.tolist(), strict=True))
    ]


def _layer_rows(tokenizer: Any, probs: np.ndarray, answer: int) -> list[dict[str, Any]]:
    """probs (L + 1, V) at one mask -> what each layer would have answered, the embeddings first, as layer -1."""
    return [
        {"layer": layer, "answer": tokenizer.decode([int(row.argmax())]), "score": float(row.max()),
         "of_final": float(row[answer])}
        for layer, row in enumerate(probs, start=-1)
    ]  # fmt: skip


def _look_rows(names: list[str], attentions: list[np.ndarray]) -> list[dict[str, Any]]:
    """Each layer's probabilities (N, S) at one mask -> the token that each head attends to most."""
    return [
        {"layer": layer, "head": head, "token": names[int(probs.argmax())], "share": float(probs.max())}
        for layer, heads in enumerate(attentions)
        for head, probs in enumerate(heads)
    ]


def lines(reasons: Reasons) -> list[str]:
    """The reasons as text."""
    found: list[str] = []
    for i, reason in enumerate(reasons):
        answer, score = reason["answer"], reason["score"]
        heading = f"mask {i + 1}: " if len(reasons) > 1 else ""
        found += ["", f"{heading}why {answer!r}", f"  hiding a token changes its probability of {score:.4f} to"]
        width = max((len(row["token"]) for row in reason["without"]), default=0)
        found += [f"    {row['token']:{width}}  {row['score']:.4f}  {_bar(row['score'])}" for row in reason["without"]]
        found += [f"  after each layer the model would answer (and give {answer!r})"]
        for row in reason["layers"]:
            layer = "embeddings" if row["layer"] < 0 else f"layer {row['layer']}"
            found.append(f"    {layer:10}  {row['answer']!r} {row['score']:.4f}  ({row['of_final']:.4f})")
        found += ["  the mask looks most at"]
        for layer in dict.fromkeys(row["layer"] for row in reason["looks"]):
            heads = [row for row in reason["looks"] if row["layer"] == layer]
            shown = ", ".join(f"{row['token']!r} {row['share']:.2f}" for row in heads)
            found.append(f"    layer {layer}, head by head: {shown}")
    return found


def _without(
    model: Any, inputs: dict[str, np.ndarray], hidden: list[int], places: np.ndarray, answers: np.ndarray, mask: int
) -> np.ndarray:
    """(hidden ids, masks): each answer's probability at its mask while one id is hidden."""
    from minibert.backend import to_numpy
    from minibert.functional.softmax import softmax

    probabilities = np.empty((len(hidden), len(places)))
    for start in range(0, len(hidden), _AT_ONCE):
        group = hidden[start : start + _AT_ONCE]
        batch = {name: np.repeat(row, len(group), axis=0) for name, row in inputs.items()}
        ids = batch["input_ids"]
        ids[ids == np.array(group)[:, None]] = mask
        output = model(**batch)
        logits = to_numpy(output.logits if "logits" in output else output.prediction_logits)
        probabilities[start : start + len(group)] = softmax(logits[:, places])[:, np.arange(len(places)), answers]
    return probabilities


def _attentions(model: Any, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Each layer's probabilities (N, T, S)."""
    from minibert.backend import to_numpy

    return [to_numpy(probs)[0] for probs in model(**inputs, output_attentions=True).attentions]


def _bar(share: float) -> str:
    return "█" * round(20 * share)
