"""The cache grows token by token, keeps what it gave out, and takes the older form of tuples."""

import numpy as np
import pytest

import minibert as mb
from minibert.errors import InputError
from tests.gradients import frozen, rng_of
from tests.small_models import DECODERS, B, D, K, L, N, S, T, V, small_inputs, small_model

BARE = ("BertModel", "RobertaModel", "RemBertModel")


def pair(tokens: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = rng_of(70, seed)
    return frozen(rng.normal(size=(B, N, tokens, K))), frozen(rng.normal(size=(B, N, tokens, K)))


def test_growth() -> None:
    cache, keys, values, given = mb.Cache(), [], [], []
    assert len(cache) == cache.get_seq_length() == 0
    for step, tokens in enumerate([3, 1, 1, 1, 2, 1, 9, 1]):
        key, value = pair(tokens, step)
        keys.append(key)
        values.append(value)
        all_keys, all_values = cache.update(key, value, 0)
        np.testing.assert_array_equal(all_keys, np.concatenate(keys, axis=2))
        np.testing.assert_array_equal(all_values, np.concatenate(values, axis=2))
        given.append((all_keys, all_keys.copy()))
        assert cache.get_seq_length() == sum(each.shape[2] for each in keys)
    for array, as_it_was in given:  # later calls leave alone what earlier ones gave
        np.testing.assert_array_equal(array, as_it_was)
    assert len(cache) == 1
    cache.update(*pair(2), 1)
    assert len(cache) == 2
    assert cache.get_seq_length(1) == 2
    assert cache.get_seq_length(5) == 0


def test_room_doubles() -> None:
    """Copying all at every token would cost the square of the length."""
    cache = mb.Cache()
    given = [cache.update(*pair(1, step), 0)[0] for step in range(100)]
    assert len({id(key.base) for key in given}) <= 9


def test_indexing() -> None:
    cache = mb.Cache()
    for layer in range(3):
        cache.update(*pair(2, layer), layer)
    cross = pair(S, 9)
    cache.set_cross(*cross, 1)
    assert [len(layer) for layer in cache] == [2, 4, 2]
    assert cache[1][2] is cross[0]
    assert cache.cross(1) == cross
    assert cache.cross(0) is None
    np.testing.assert_array_equal(cache[-1][0], cache[2][0])
    assert len(cache[-2]) == 4
    with pytest.raises(IndexError):
        cache[3]
    legacy = cache.to_legacy_cache()
    assert [len(layer) for layer in legacy] == [2, 4, 2]
    again = mb.Cache.from_legacy_cache(legacy)
    assert len(again) == 3
    assert again.get_seq_length() == 2
    for one, other in zip(cache, again, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
            assert not np.shares_memory(a, b)


def test_select_rows() -> None:
    cache, keys = mb.Cache(), pair(3)[0]
    cache.update(keys, keys + 1, 0)
    cross = pair(S, 9)
    cache.set_cross(*cross, 0)
    given = cache[0][0]
    cache.select_rows([1, 0, 1], same_prompt=True)
    np.testing.assert_array_equal(cache[0][0], keys[[1, 0, 1]])
    np.testing.assert_array_equal(cache[0][1], keys[[1, 0, 1]] + 1)
    np.testing.assert_array_equal(given, keys)  # what was given out stays as it is
    assert cache.cross(0) == cross
    more = np.concatenate([pair(1, 2)[0], pair(1, 3)[0][:1]])
    np.testing.assert_array_equal(cache.update(more, more, 0)[0], np.concatenate([keys[[1, 0, 1]], more], axis=2))
    cache.select_rows(np.array([2]), same_prompt=True)
    np.testing.assert_array_equal(cache[0][0][0, :, 3], more[2, :, 0])
    cache.set_cross(*cross, 0)
    cache.select_rows([0])
    np.testing.assert_array_equal(cache.cross(0)[1], cross[1][:1])
    for rows in ([1], [-1], [0.5], [[0]]):
        with pytest.raises(InputError, match=r"^rows is .*: a list of integers from 0 to 0 belongs there\.$"):
            cache.select_rows(rows)


def test_legacy_arrays_may_be_lists_and_take_the_models_dtype() -> None:
    layers = [[array.tolist() for array in pair(2)]]
    cache = mb.Cache.from_legacy_cache(layers, np, np.dtype("float32"))
    assert cache[0][0].dtype == np.float32
    with pytest.raises(InputError, match=r"^past_key_values\[0\] has 1 arrays: 2 or, with cross-attention, 4 belong"):
        mb.Cache.from_legacy_cache([layers[0][:1]])


@pytest.mark.parametrize("class_name", [*BARE, *DECODERS])
@pytest.mark.parametrize("cross", [False, True])
def test_step_by_step_equals_the_whole_text(class_name: str, cross: bool) -> None:
    model = small_model(class_name, is_decoder=True, add_cross_attention=cross)
    ids = np.array([[5, 7, 5, 9, 11, 3], [7, 9, 12, 4, 4, 6]])
    states = small_inputs(model, encoder=True) if cross else {}
    encoder = {name: value for name, value in states.items() if name.startswith("encoder")}
    whole = model(ids, **encoder, output_attentions=True)
    for steps in ([1] * 6, [2, 3, 1], [5, 1], [6]):
        cache, done, outputs = None, 0, []
        for step in steps:
            out = model(ids[:, done : done + step], **encoder, past_key_values=cache, output_attentions=True)
            assert cache is None or out.past_key_values is cache  # a call appends to the cache it is given
            cache, done = out.past_key_values, done + step
            assert cache.get_seq_length() == done
            outputs.append(out[0])
        np.testing.assert_allclose(np.concatenate(outputs, axis=1), whole[0], rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(out.attentions[0], whole.attentions[0][:, :, -steps[-1] :], atol=1e-13)
        for i in range(L):
            for one, other in zip(cache[i], whole.past_key_values[i], strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("class_name", BARE)
def test_padding_on_the_left(class_name: str) -> None:
    """With a mask over cached and new tokens, what was padding stays unseen."""
    model = small_model(class_name, is_decoder=True)
    pad = model.config.pad_token_id
    ids = np.array([[pad, pad, 5, 7], [5, 9, 4, 6]])
    mask = (ids != pad).astype(int)
    positions = np.maximum(np.cumsum(mask, axis=1) - 1, 0) + 2
    whole = model(ids, mask, position_ids=positions)
    cache = model(ids[:, :3], mask[:, :3], position_ids=positions[:, :3]).past_key_values
    last = model(ids[:, 3:], mask, position_ids=positions[:, 3:], past_key_values=cache)
    np.testing.assert_allclose(last[0][:, 0], whole[0][:, 3], rtol=1e-11, atol=1e-12)
    alone = model(ids[:1, 2:], position_ids=positions[:1, 2:])
    np.testing.assert_allclose(whole[0][0, 2:], alone[0][0], rtol=1e-11, atol=1e-12)


def test_a_legacy_cache_gives_the_same() -> None:
    model = small_model("BertModel", is_decoder=True, add_cross_attention=True)
    inputs = small_inputs(model, encoder=True, mask=None, types=False)
    first = model(**inputs).past_key_values
    legacy = first.to_legacy_cache()
    kept = [[array.copy() for array in layer] for layer in legacy]
    more = {**inputs, "input_ids": [[4], [6]]}
    expected = model(**more, past_key_values=legacy)
    assert isinstance(expected.past_key_values, mb.Cache)
    for layer, before in zip(legacy, kept, strict=True):  # the tuples are the caller's
        for array, other in zip(layer, before, strict=True):
            np.testing.assert_array_equal(array, other)
    out = model(**more, past_key_values=first)
    np.testing.assert_array_equal(out.last_hidden_state, expected.last_hidden_state)


def test_when_a_cache_is_given() -> None:
    decoder = small_model("BertModel", is_decoder=True)
    assert decoder([[5]]).past_key_values.get_seq_length() == 1
    assert decoder([[5]], use_cache=False).past_key_values is None
    quiet = small_model("BertModel", is_decoder=True, use_cache=False)
    assert quiet([[5]]).past_key_values is None
    assert quiet([[5]], use_cache=True).past_key_values.get_seq_length() == 1
    assert small_model("BertModel")([[5]], use_cache=True).past_key_values is None  # an encoder has none
    for class_name in DECODERS:
        with_labels = class_name == "RemBertForCausalLM"
        model = small_model(class_name)
        assert model([[5, 7]]).past_key_values is not None
        assert (model([[5, 7]], labels=[[5, 7]]).past_key_values is not None) is with_labels


def test_an_empty_cache_is_filled() -> None:
    model = small_model("RobertaForCausalLM")
    cache = mb.Cache()
    ids = small_inputs(model)["input_ids"]
    out = model(ids, past_key_values=cache, use_cache=True)
    assert out.past_key_values is cache
    assert len(cache) == L
    assert cache[0][0].shape == (B, N, T, K)
    assert out.logits.shape == (B, T, V)
    assert D == N * K
