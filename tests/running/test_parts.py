"""A batch in parts gives what the whole one gives: outputs, masks, gradients; a failing part leaves nothing behind."""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.forms import plain_of
from minibert.models.encoder import Encoder
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


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("decoder", [False, True])
def test_losses_and_gradients_are_those_of_the_whole_batch(
    monkeypatch: pytest.MonkeyPatch, training: bool, decoder: bool
) -> None:
    options = {"is_decoder": True, "add_cross_attention": True} if decoder else {}
    kind: Any = mb.BertLMHeadModel if decoder else mb.BertForMaskedLM
    model = kind(mb.BertConfig(**CONFIG, **options), dtype="float64")
    given: dict[str, Any] = {**batch(), "labels": batch(1)["input_ids"], "head_mask": [1.0, 0.5, 1.0]}
    if decoder:
        given["encoder_hidden_states"] = np.random.default_rng(2).standard_normal((7, 5, 12))
        given["use_cache"] = False

    def step() -> tuple[float, dict[str, np.ndarray]]:
        if training:
            model.train(11)
        trace = mb.Trace("backward")
        loss = model(**given, trace=trace).loss
        return float(loss), model.backward(trace)

    made = cuts(monkeypatch)
    cut_loss, cut = step()
    assert made == [3]
    again_loss, again = step()
    whole(monkeypatch)
    plain_loss, plain = step()
    assert cut_loss == again_loss == pytest.approx(plain_loss, rel=1e-13)
    assert list(cut) == list(plain)
    for name, gradient in plain.items():
        assert np.array_equal(cut[name], again[name]), name
        np.testing.assert_allclose(cut[name], gradient, rtol=1e-10, atol=1e-13, err_msg=name)


def test_dropout_masks_do_not_depend_on_the_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    model, given = mb.BertModel(mb.BertConfig(**CONFIG), dtype="float64"), batch()
    states = []
    for count in (1, 2, 3):
        model.train(5)
        with threads.threads(count):
            states.append(model(**given).last_hidden_state)
        states.append(model(**given).last_hidden_state)  # the generator has gone on as far
    np.testing.assert_allclose(states[2:4] + states[4:6], states[0:2] * 2, rtol=1e-11, atol=1e-13)


def test_a_gradient_may_enter_inside_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    model, given = mb.BertModel(mb.BertConfig(**CONFIG), dtype="float64"), batch()
    at = "encoder.layer.1.attention.self.scores"
    seed = np.random.default_rng(3).standard_normal((7, 3, 9, 9))

    def gradients() -> dict[str, np.ndarray]:
        trace = mb.Trace("backward")
        model(**given, trace=trace)
        return model.backward(trace, {at: seed})

    cut = gradients()
    whole(monkeypatch)
    plain = gradients()
    assert list(cut) == list(plain)
    for name, gradient in plain.items():
        np.testing.assert_allclose(cut[name], gradient, rtol=1e-10, atol=1e-13, err_msg=name)


def test_the_trace_knows_the_same_points(monkeypatch: pytest.MonkeyPatch) -> None:
    model, given = mb.BertModel(mb.BertConfig(**CONFIG)), batch()
    traces = [mb.Trace("backward"), mb.Trace("backward")]
    model(**given, trace=traces[0])
    whole(monkeypatch)
    model(**given, trace=traces[1])
    assert dict(traces[0].points) == dict(traces[1].points)
    assert traces[0].tape.shapes == traces[1].tape.shapes


@pytest.mark.parametrize(
    "watching", [{"trace": "*"}, {"trace": ["backward", "*.probs"]}, {"edits": {"encoder.layer.0.output": lambda x: x}}]
)
def test_what_somebody_watches_is_not_cut(monkeypatch: pytest.MonkeyPatch, watching: dict[str, Any]) -> None:
    made = cuts(monkeypatch)
    if "trace" in watching:
        watching = {"trace": mb.Trace(watching["trace"])}
    mb.BertModel(mb.BertConfig(**CONFIG))(**batch(), **watching)
    assert made == []


def test_a_decoder_with_a_cache_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    made = cuts(monkeypatch)
    model = mb.BertLMHeadModel(mb.BertConfig(**CONFIG, is_decoder=True))
    assert model(**batch()).past_key_values is not None
    assert made == []


@pytest.mark.parametrize("kind", ["relative_key", "relative_key_query"])
def test_relative_positions_are_cut_only_without_backward(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    model = mb.BertModel(mb.BertConfig(**CONFIG, position_embedding_type=kind), dtype="float64")
    made = cuts(monkeypatch)
    cut = model(**batch()).last_hidden_state
    model(**batch(), trace=mb.Trace("backward"))
    assert made == [3]
    whole(monkeypatch)
    np.testing.assert_allclose(cut, model(**batch()).last_hidden_state, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("failing", [0, 2])
def test_a_part_that_fails_in_backward_lets_nobody_wait(monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    model = mb.BertModel(mb.BertConfig(**CONFIG))
    trace = mb.Trace("backward")
    model(**batch(), trace=trace)
    plain = plain_of(Encoder.backward)

    def fail(self: Encoder, dhidden: np.ndarray, back: Any) -> Any:
        if back.number == failing:
            raise MemoryError("no room")
        return plain(self, dhidden, back)

    monkeypatch.setattr(parts, "plain_of", lambda step: fail)
    with pytest.raises(MemoryError, match="no room"):
        model.backward(trace, {"last_hidden_state": np.ones((7, 9, 12), dtype=np.float32)})
    assert not [each for each in threading.enumerate() if each.name.startswith("minibert-")]


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
