"""A batch in parts gives what the whole one gives, and what somebody watches is not cut."""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.running import parts, threads

CONFIG: dict[str, Any] = {
    "vocab_size": 50, "hidden_size": 12, "num_hidden_layers": 3, "num_attention_heads": 3, "intermediate_size": 20,
    "max_position_embeddings": 16,
}  # fmt: skip


@pytest.fixture(autouse=True)
def cuts_everything(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Cut however small the batch is, over three threads."""
    monkeypatch.setattr(parts, "WORTH", 0.0)
    with threads.threads(3):
        yield


def batch(seed: int = 0, rows: int = 7) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    mask = np.ones((rows, 9), dtype=int)
    mask[rows // 2, 4:] = mask[rows - 1, 7:] = 0
    return {"input_ids": rng.integers(1, 50, (rows, 9)), "attention_mask": mask}


def cuts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many parts every cut from now on makes."""
    made: list[int] = []
    before = parts.cut

    def watched(*args: Any, **kwargs: Any) -> list[slice]:
        rows = before(*args, **kwargs)
        made.append(len(rows))
        return rows

    monkeypatch.setattr(parts, "cut", watched)
    return made


def whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no batch is cut."""
    monkeypatch.setattr(parts, "WORTH", float("inf"))


@pytest.mark.parametrize("rows", [1, 2, 3, 7])
def test_outputs_are_those_of_the_whole_batch(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    model = mb.BertModel(mb.BertConfig(**CONFIG), dtype="float64")
    made = cuts(monkeypatch)
    given = {**batch(rows=rows), "output_hidden_states": True, "output_attentions": True}
    cut = model(**given)
    assert made == [min(rows, 3) if rows > 1 else 0]
    whole(monkeypatch)
    plain = model(**given)
    assert cut.keys() == plain.keys()
    for found, expected in zip(_arrays(cut), _arrays(plain), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


def _arrays(output: Any) -> list[np.ndarray]:
    values = output.to_tuple()
    return [array for value in values for array in (value if isinstance(value, tuple) else (value,))]


def test_the_same_threads_give_the_same_bits() -> None:
    model, given = mb.BertModel(mb.BertConfig(**CONFIG)), batch()
    first = model(**given).last_hidden_state
    for _ in range(5):
        assert np.array_equal(model(**given).last_hidden_state, first)







def test_a_decoder_with_a_cache_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    made = cuts(monkeypatch)
    model = mb.BertLMHeadModel(mb.BertConfig(**CONFIG, is_decoder=True))
    assert model(**batch()).past_key_values is not None
    assert made == []




def test_eight_callers_of_one_model_get_the_answers_of_one() -> None:
    model = mb.BertModel(mb.BertConfig(**CONFIG))
    batches = [batch(seed) for seed in range(8)]
    expected = [model(**each).last_hidden_state for each in batches]
    found: list[Any] = [None] * 8

    def call(i: int) -> None:
        for _ in range(5):
            found[i] = model(**batches[i]).last_hidden_state

    callers = [threading.Thread(target=call, args=(i,)) for i in range(8)]
    for each in callers:
        each.start()
    for each in callers:
        each.join()
    assert all(np.array_equal(each, right) for each, right in zip(found, expected, strict=True))


@pytest.mark.parametrize(("rows", "threads_here"), [(2, 2), (5, 2), (8, 3), (100, 4)])
def test_every_row_stands_in_one_part(rows: int, threads_here: int) -> None:
    found = parts.cut(rows, 128, 1e12, threads_here)
    assert [row for part in found for row in range(rows)[part]] == list(range(rows))
    sizes = [part.stop - part.start for part in found]
    assert max(sizes) - min(sizes) <= 1
    assert len(found) % threads_here == 0 or len(found) == rows


@pytest.mark.parametrize("watching", ["*", "backward", "edits", "dropout"])
def test_what_somebody_watches_is_not_cut(monkeypatch: pytest.MonkeyPatch, watching: str) -> None:
    made = cuts(monkeypatch)
    model = mb.BertModel(mb.BertConfig(**CONFIG))
    if watching == "dropout":
        model.train(0)(**batch())
    elif watching == "edits":
        model(**batch(), edits={"encoder.layer.0.output": lambda x: x})
    else:
        model(**batch(), trace=mb.Trace(watching))
    assert made == []


@pytest.mark.parametrize("kind", ["relative_key", "relative_key_query"])
def test_relative_positions_are_cut_too(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    model = mb.BertModel(mb.BertConfig(**CONFIG, position_embedding_type=kind), dtype="float64")
    made = cuts(monkeypatch)
    cut = model(**batch()).last_hidden_state
    assert made == [3]
    whole(monkeypatch)
    np.testing.assert_allclose(cut, model(**batch()).last_hidden_state, rtol=1e-12, atol=1e-13)


def test_cross_attention_is_cut_with_its_states(monkeypatch: pytest.MonkeyPatch) -> None:
    config = mb.BertConfig(**CONFIG, is_decoder=True, add_cross_attention=True)
    model = mb.BertLMHeadModel(config, dtype="float64")
    states = np.random.default_rng(2).standard_normal((7, 5, 12))
    given = {**batch(), "encoder_hidden_states": states, "use_cache": False, "head_mask": [1.0, 0.5, 1.0]}
    made = cuts(monkeypatch)
    cut = model(**given).logits
    assert made == [3]
    whole(monkeypatch)
    np.testing.assert_allclose(cut, model(**given).logits, rtol=1e-12, atol=1e-13)


def test_a_part_that_fails_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise MemoryError("no room")

    monkeypatch.setattr(parts, "plain_of", lambda step: fail)
    with pytest.raises(MemoryError, match="no room"):
        mb.BertModel(mb.BertConfig(**CONFIG))(**batch())
    assert not [each for each in threading.enumerate() if each.name.startswith("minibert-")]
