"""Generation against its definitions: greedy is argmax after argmax, beams find the best, samples follow the scores."""

import itertools
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.generation import generate
from minibert.generation.processors import log_softmax
from minibert.generation.search import draw
from tests.small_models import DECODERS, small_model

WIDE = {"vocab_size": 31, "max_position_embeddings": 24}
IDS = np.array([[5, 9, 17, 9], [11, 4, 8, 30]])


@pytest.fixture(scope="module")
def bert() -> Any:
    return small_model("BertLMHeadModel", **WIDE)


def greedy_by_definition(model: Any, ids: np.ndarray, steps: int) -> np.ndarray:
    """Read the whole text at every step, and take the likeliest next token."""
    for _ in range(steps):
        logits = model(input_ids=ids, use_cache=False).logits[:, -1]
        ids = np.concatenate([ids, logits.argmax(axis=1)[:, None]], axis=1)
    return ids


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("use_cache", [True, False])
def test_greedy_is_the_likeliest_token_again_and_again(name: str, use_cache: bool) -> None:
    model = small_model(name, **WIDE)
    got = generate(model, IDS, max_new_tokens=9, eos_token_id=None, use_cache=use_cache, positions="model")
    np.testing.assert_array_equal(got, greedy_by_definition(model, IDS, 9))
    assert got.dtype == np.int64


def test_roberta_counts_positions_as_told() -> None:
    """transformers counts from 0 where the model counts from pad + 1: the scores differ."""
    model = small_model("RobertaForCausalLM", **WIDE)
    options: dict[str, Any] = {"max_new_tokens": 1, "return_dict_in_generate": True, "output_scores": True}
    own = generate(model, IDS, positions="model", **options).scores[0]
    theirs = generate(model, IDS, **options).scores[0]
    np.testing.assert_allclose(own, model(input_ids=IDS).logits[:, -1], rtol=1e-5)
    places = np.arange(4)[None].repeat(2, axis=0)
    np.testing.assert_allclose(theirs, model(input_ids=IDS, position_ids=places).logits[:, -1], rtol=1e-5)
    assert np.abs(own - theirs).max() > 0.01


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("beams", [1, 3])
def test_padding_on_the_left_changes_nothing(name: str, beams: int) -> None:
    model = small_model(name, **WIDE)
    pad = model.config.pad_token_id
    batch = np.array([[pad, pad, 5, 9], [11, 4, 8, 30]])
    options: dict[str, Any] = {"max_new_tokens": 6, "num_beams": beams, "eos_token_id": None, "positions": "model"}
    together = generate(model, batch, **options)
    alone = generate(model, [[5, 9]], **options)
    np.testing.assert_array_equal(together[0, 2:], alone[0])
    np.testing.assert_array_equal(together, generate(model, batch, attention_mask=batch != pad, **options))
    np.testing.assert_array_equal(together, generate(model, {"input_ids": batch}, **options))


def as_soon_as_it_may(ids: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The end, token 7, wherever it is not forbidden."""
    return np.where((np.arange(31) == 7) & np.isfinite(scores), 100.0, scores)


def test_texts_end_at_their_end_token(bert: Any) -> None:
    free = generate(bert, IDS, max_new_tokens=8, eos_token_id=None)
    eos = int(free[0, 6])
    expected = free.copy()
    for row in expected:
        places = np.flatnonzero(row[4:] == eos)
        if len(places):
            row[4 + places[0] + 1 :] = 3
    ended = generate(bert, IDS, max_new_tokens=8, eos_token_id=eos, pad_token_id=3)
    np.testing.assert_array_equal(ended, expected[:, : ended.shape[1]])
    assert (expected[:, ended.shape[1] :] == 3).all()  # when all have ended, nothing is left to do
    assert (ended[0] == 3).any() or ended.shape[1] < 12
    held = generate(bert, IDS, max_new_tokens=8, eos_token_id=[eos, 30], min_new_tokens=4)
    assert not np.isin(held[:, 4:8], [eos, 30]).any()
    eager: dict[str, Any] = {"eos_token_id": 7, "max_new_tokens": 8, "logits_processor": [as_soon_as_it_may]}
    assert generate(bert, IDS, **eager).shape == (2, 5)
    assert generate(bert, IDS, min_new_tokens=4, **eager).shape == (2, 9)
    assert generate(bert, IDS, min_length=7, **eager).shape == (2, 8)


def all_texts(model: Any, prompt: np.ndarray, steps: int) -> dict[tuple[int, ...], float]:
    """The logarithm of every continuation's probability."""
    found = {}
    for tokens in itertools.product(range(model.config.vocab_size), repeat=steps):
        ids = np.array([[*prompt, *tokens]])
        scores = log_softmax(mb.to_numpy(model(input_ids=ids, use_cache=False).logits)[0])
        found[tokens] = float(sum(scores[len(prompt) - 1 + i, token] for i, token in enumerate(tokens)))
    return found


def test_wide_beams_find_the_best_text() -> None:
    model = small_model("BertLMHeadModel", vocab_size=7, max_position_embeddings=12)
    prompt = np.array([5, 2, 6])
    scored = all_texts(model, prompt, 3)
    best = sorted(scored, key=lambda tokens: -scored[tokens])[:4]
    out = generate(
        model, [prompt], max_new_tokens=3, num_beams=49, num_return_sequences=4, eos_token_id=None,
        length_penalty=1.0, return_dict_in_generate=True,
    )  # fmt: skip
    assert [tuple(row[3:].tolist()) for row in out.sequences] == best
    np.testing.assert_allclose(out.sequences_scores, [scored[tokens] / 3 for tokens in best], rtol=1e-5)


def test_length_penalty_and_early_stopping(bert: Any) -> None:
    options: dict[str, Any] = {"max_new_tokens": 10, "num_beams": 4, "eos_token_id": list(range(10)), "pad_token_id": 0}
    lengths = {
        penalty: (generate(bert, IDS, length_penalty=penalty, early_stopping="never", **options)[:, 4:] > 0).sum()
        for penalty in (-3.0, 3.0)
    }
    assert lengths[-3.0] < lengths[3.0]
    scores = [
        generate(bert, IDS, early_stopping=kind, return_dict_in_generate=True, **options).sequences_scores
        for kind in (True, "never")
    ]
    assert (scores[1] >= scores[0] - 1e-6).all()  # whoever looks longer finds nothing worse


def test_beams_go_on_where_all_ends_are_likelier(bert: Any) -> None:
    seen: list[np.ndarray] = []

    def falling(ids: np.ndarray, scores: np.ndarray) -> np.ndarray:
        seen.append(ids.copy())
        return np.tile(-np.arange(31.0), (len(ids), 1))

    options: dict[str, Any] = {"num_beams": 2, "early_stopping": "never", "logits_processor": [falling],
                               "length_penalty": 5.0}  # fmt: skip
    generate(bert, IDS[:1], max_new_tokens=2, eos_token_id=[0, 1, 2], **options)
    assert seen[1][:, -1].tolist() == [3, 4]  # the two best that are no end


@pytest.mark.parametrize("early", [True, False, "never"])
@pytest.mark.parametrize("penalty", [-1.0, 1.0, 4.0])
def test_a_prompt_finds_the_same_beside_others(bert: Any, early: Any, penalty: float) -> None:
    """A prompt that is done waits for the others, and takes up no more texts."""
    ids = np.random.default_rng(0).integers(1, 31, size=(8, 3))
    options: dict[str, Any] = {
        "num_beams": 3, "num_return_sequences": 3, "eos_token_id": list(range(0, 31, 3)), "pad_token_id": 0,
        "max_new_tokens": 12, "early_stopping": early, "length_penalty": penalty,
    }  # fmt: skip
    together = generate(bert, ids, **options)
    for row, texts in zip(ids, together.reshape(8, 3, -1), strict=True):
        alone = generate(bert, row[None], **options)
        np.testing.assert_array_equal(texts[:, : alone.shape[1]], alone)


@pytest.mark.parametrize(
    ("steps", "options", "best", "taken"),
    [
        # two complete texts are enough for True, though the running text would be better
        ([{3: -0.1, 0: -1.0}, {3: -0.1, 0: -1.0}, {0: -0.1}], {"early_stopping": True}, [3, 0], 2),
        ([{3: -0.1, 0: -1.0}, {3: -0.1, 0: -1.0}, {0: -0.1}], {"early_stopping": False}, [3, 3, 0], 3),
        # False stops where the running text is worse at its present length, "never" where it will always be
        ([{0: -0.1, 1: -0.2, 3: -3.0}, {0: -0.1}], {"early_stopping": False}, [0], 1),
        ([{0: -2.9, 1: -2.95, 3: -3.0}, {3: 0.0}, {0: 0.0}], {"early_stopping": "never"}, [3, 3, 0], 4),
        # where short texts are favoured, the present length is the best that a running text can have
        ([{3: -0.1, 0: -2.5}, {3: -0.1, 0: -2.5}, {0: -0.05}], {"early_stopping": "never", "length_penalty": -2.0},
         [3, 3, 0], 3),
        # the texts that are given decide how long they are, not the others that were found
        ([{0: -0.3, 3: -1.0}, {0: -0.5}], {"early_stopping": True, "length_penalty": -2.0}, [0], 2),
    ],
)  # fmt: skip
def test_when_beams_stop(
    bert: Any, steps: list[dict[int, float]], options: dict[str, Any], best: list[int], taken: int
) -> None:
    lengths: list[int] = []

    def scripted(ids: np.ndarray, scores: np.ndarray) -> np.ndarray:
        lengths.append(ids.shape[1])
        scores = np.full_like(scores, -20.0)
        for token, score in steps[min(len(lengths), len(steps)) - 1].items():
            scores[:, token] = score
        return scores

    texts = generate(
        bert, IDS[:1], num_beams=2, eos_token_id=[0, 1], pad_token_id=1, max_new_tokens=12,
        logits_processor=[scripted], **options,
    )  # fmt: skip
    assert texts[0, 4:].tolist() == best
    assert len(lengths) == taken


def chi_squared(counts: np.ndarray, probs: np.ndarray) -> float:
    """Pearson's statistic in standard deviations above its mean; cells with fewer than 5 expected are joined."""
    expected = probs * counts.sum()
    small = expected < 5
    observed = np.append(counts[~small], counts[small].sum())
    expected = np.append(expected[~small], expected[small].sum())
    keep = expected > 0
    statistic = ((observed[keep] - expected[keep]) ** 2 / expected[keep]).sum()
    freedom = keep.sum() - 1
    return (statistic - freedom) / np.sqrt(2 * freedom)


@pytest.mark.parametrize(
    "options",
    [{"top_k": 0}, {"top_k": 6}, {"top_k": 0, "top_p": 0.7}, {"top_k": 0, "temperature": 0.5},
     {"top_k": 0, "temperature": 2.0, "top_p": 0.9, "repetition_penalty": 1.5}, {"top_k": 0, "min_p": 0.3},
     {"top_k": 12, "min_p": 0.1, "temperature": 1.5}],
)  # fmt: skip
def test_samples_follow_the_distribution(bert: Any, options: dict[str, Any]) -> None:
    out = generate(
        bert, IDS[:1], do_sample=True, num_return_sequences=20_000, max_new_tokens=1, seed=1,
        return_dict_in_generate=True, output_scores=True, **options,
    )  # fmt: skip
    scores = mb.to_numpy(bert(input_ids=IDS[:1]).logits)[0, -1].copy()
    if "repetition_penalty" in options:
        for token in set(IDS[0].tolist()):
            scores[token] *= 1.5 if scores[token] < 0 else 1 / 1.5
    scores /= options.get("temperature", 1.0)
    probs = np.exp(log_softmax(scores))
    order = np.argsort(-probs)
    if options["top_k"]:
        probs[order[options["top_k"] :]] = 0.0
    if "top_p" in options:
        before = np.cumsum(probs[order]) - probs[order]  # the probability of all that are likelier
        probs[order[before >= options["top_p"]]] = 0.0
    if "min_p" in options:
        probs[probs < options["min_p"] * probs.max()] = 0.0
    probs /= probs.sum()
    counts = np.bincount(out.sequences[:, -1], minlength=31)
    assert not counts[probs == 0].any()
    assert abs(chi_squared(counts, probs)) < 4.5


@pytest.mark.parametrize(("drawn", "token"), [(0.0, 1), (0.49, 1), (0.51, 3), (1.0 - 2**-53, 3)])
def test_what_is_forbidden_is_never_drawn(drawn: float, token: int) -> None:
    class Fixed(np.random.Generator):
        def random(self, size: Any = None, *rest: Any, **more: Any) -> Any:
            return np.full(size, drawn)

    scores = np.array([[-np.inf, 0.0, -np.inf, 0.0, -np.inf]])
    assert draw(scores, Fixed(np.random.PCG64())).tolist() == [token]


def test_samples_of_two_tokens_follow_the_joint_distribution(bert: Any) -> None:
    """The second token's chances depend on the first: the cache of every text is its own."""
    texts = generate(bert, IDS[:1], do_sample=True, num_return_sequences=20_000, max_new_tokens=2, top_k=0, seed=2)
    first = np.exp(log_softmax(mb.to_numpy(bert(input_ids=IDS[:1]).logits)[0, -1]))
    continued = np.concatenate([IDS[:1].repeat(31, axis=0), np.arange(31)[:, None]], axis=1)
    second = np.exp(log_softmax(mb.to_numpy(bert(input_ids=continued).logits)[:, -1]))
    counts = np.zeros((31, 31))
    np.add.at(counts, (texts[:, 4], texts[:, 5]), 1)
    assert abs(chi_squared(counts.ravel(), (first[:, None] * second).ravel())) < 4.5


def test_drawn_beams_are_different_texts_by_probability() -> None:
    """With one step, two beams are a draw of two tokens without putting back: the better one comes first."""
    model = small_model("BertLMHeadModel", vocab_size=9, max_position_embeddings=12)
    probs = np.exp(log_softmax(mb.to_numpy(model(input_ids=[[5, 2]]).logits)[0, -1]))
    rng, counts, draws = np.random.default_rng(3), np.zeros((9, 9)), 1500
    for _ in range(draws):
        texts = generate(model, [[5, 2]], do_sample=True, num_beams=2, num_return_sequences=2, max_new_tokens=1,
                         top_k=0, eos_token_id=None, seed=rng)  # fmt: skip
        counts[tuple(sorted(texts[:, -1]))] += 1
    assert not np.diag(counts).any()
    # the first two of a draw of four in order: p(a) p(b) / (1 - p(a)), both ways round
    pair = probs[:, None] * probs / (1 - probs)[:, None]
    pair = np.triu(pair + pair.T, 1)
    assert abs(chi_squared(counts.ravel(), pair.ravel())) < 4.5


@pytest.mark.parametrize("narrow", [{"top_k": 1}, {"top_k": 0, "top_p": 0.0}, {"top_k": 0, "min_p": 1.0}])
def test_drawn_beams_keep_a_token_besides_the_ends(bert: Any, narrow: dict[str, Any]) -> None:
    options: dict[str, Any] = {"do_sample": True, "max_new_tokens": 1, "return_dict_in_generate": True, **narrow}
    for beams, eos, left in ((1, [1, 2], 1), (2, None, 2), (2, [1, 2], 3)):
        out = generate(bert, IDS, num_beams=beams, eos_token_id=eos, output_scores=True, **options)
        assert (np.isfinite(out.scores[0]).sum(axis=1) == left).all()


def test_draws_are_among_the_50_likeliest_unless_told_otherwise() -> None:
    model = small_model("BertLMHeadModel", vocab_size=80, max_position_embeddings=24)
    for options, left in (({}, 50), ({"top_k": 0}, 80), ({"top_k": 200}, 80)):
        out = generate(model, IDS, do_sample=True, max_new_tokens=1, return_dict_in_generate=True, output_scores=True,
                       **options)  # fmt: skip
        assert (np.isfinite(out.scores[0]).sum(axis=1) == left).all()


@pytest.mark.parametrize(
    ("beams", "pad", "after"), [(1, 2, 2), (1, None, 7), (1, 0, 0), (2, 2, 2), (2, None, 7), (2, 0, 7)]
)
def test_what_stands_after_an_end(beams: int, pad: int | None, after: int) -> None:
    """The padding, or the end where there is none; in a beam search an id of 0 counts as none, as in transformers."""
    model = small_model("BertLMHeadModel", pad_token_id=pad, **WIDE)

    def first_row_ends(ids: np.ndarray, scores: np.ndarray) -> np.ndarray:
        scores = scores.copy()
        scores[:, 7] = np.where(ids[:, 0] == IDS[0, 0], 100.0, -100.0)
        return scores

    texts = generate(model, IDS, max_new_tokens=4, num_beams=beams, eos_token_id=7, logits_processor=[first_row_ends])
    assert texts[0, 4:].tolist() == [7, after, after, after]
    assert 7 not in texts[1, 4:]


def test_where_padding_is_assumed(bert: Any) -> None:
    ids = np.array([[5, 9, 17, 9], [7, 7, 8, 30]])
    options: dict[str, Any] = {"max_new_tokens": 6, "pad_token_id": 7}
    padded = generate(bert, ids, attention_mask=ids != 7, eos_token_id=None, **options)
    np.testing.assert_array_equal(generate(bert, ids, eos_token_id=None, **options), padded)
    whole = generate(bert, ids, attention_mask=np.ones_like(ids), eos_token_id=7, **options)
    np.testing.assert_array_equal(generate(bert, ids, eos_token_id=7, **options), whole)  # ends may stand in a prompt
    many = generate(bert, ids, attention_mask=3.0 * (ids != 7), eos_token_id=None, **options)
    np.testing.assert_array_equal(many, padded)


def test_seeds(bert: Any) -> None:
    options: dict[str, Any] = {"do_sample": True, "max_new_tokens": 6}
    one, same, other = (generate(bert, IDS, seed=seed, **options) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    rng = np.random.default_rng(1)
    np.testing.assert_array_equal(one, generate(bert, IDS, seed=rng, **options))
    assert (one != generate(bert, IDS, seed=rng, **options)).any()


def test_no_ngram_comes_twice(bert: Any) -> None:
    for size, beams in ((1, 1), (2, 1), (2, 3), (3, 3)):
        texts = generate(bert, IDS[:, :2], max_new_tokens=16, no_repeat_ngram_size=size, num_beams=beams)
        for row in texts.tolist():
            grams = [tuple(row[i : i + size]) for i in range(len(row) - size + 1)]
            assert len(set(grams)) == len(grams)


@pytest.mark.parametrize("beams", [1, 3])
def test_bad_words_stand_nowhere(bert: Any, beams: int) -> None:
    free = generate(bert, IDS, max_new_tokens=10, num_beams=beams, eos_token_id=None)
    pairs = [free[0, 6:8].tolist(), free[1, 3:5].tolist()]  # the second begins with the prompt's last token
    words = [[int(free[0, 5])], *pairs, [1] * 30]
    texts = generate(bert, IDS, max_new_tokens=10, num_beams=beams, eos_token_id=None, bad_words_ids=words)
    assert not (texts[:, 4:] == words[0][0]).any()
    for row in texts.tolist():
        assert not {tuple(pair) for pair in pairs} & set(itertools.pairwise(row[3:]))
    eos = int(free[0, 7])
    options: dict[str, Any] = {"max_new_tokens": 10, "num_beams": beams, "eos_token_id": [eos, 30]}
    ended = generate(bert, IDS, **options)
    np.testing.assert_array_equal(generate(bert, IDS, bad_words_ids=[[eos], [30]], **options), ended)
    with pytest.raises(mb.InputError, match=r"bad_words_ids holds \[31\]: lists of ids 0..30 belong there, one a word"):
        generate(bert, IDS, bad_words_ids=[[2], [31]])
    for wrong in ([3], [[]], [[-1]], [[0.5]]):
        with pytest.raises(mb.InputError, match="bad_words_ids holds"):
            generate(bert, IDS, bad_words_ids=wrong)


def test_criteria_and_processors_of_the_caller(bert: Any) -> None:
    seen: list[tuple[int, ...]] = []

    def at_six(ids: np.ndarray, scores: Any) -> bool:
        seen.append(ids.shape)
        return ids.shape[1] >= 6

    assert generate(bert, IDS, stopping_criteria=[at_six]).shape == (2, 6)
    assert seen == [(2, 5), (2, 6)]
    first_only = generate(bert, IDS, stopping_criteria=[lambda ids, scores: np.array([True, False])], pad_token_id=1)
    assert (first_only[0, 5:] == 1).all()
    forced = generate(bert, IDS, max_new_tokens=3, logits_processor=[lambda ids, scores: np.eye(31)[[7, 8]]])
    np.testing.assert_array_equal(forced[:, 4:], [[7] * 3, [8] * 3])
    with pytest.raises(mb.InputError, match=r"a stopping criterion gave int64 values of shape \(3,\)"):
        generate(bert, IDS, stopping_criteria=[lambda ids, scores: np.arange(3)])


def test_streaming_token_by_token(bert: Any) -> None:
    steps: list[np.ndarray] = []
    texts = generate(bert, IDS, max_new_tokens=5, streamer=steps.append)
    np.testing.assert_array_equal(np.stack(steps, axis=1), texts[:, 4:])
    steps.clear()
    ended = generate(bert, IDS, max_new_tokens=5, streamer=steps.append, eos_token_id=int(texts[0, 5]), pad_token_id=1)
    assert (ended[0, 6:] == 1).all()
    np.testing.assert_array_equal(np.stack(steps, axis=1), ended[:, 4:])  # the padding too

    class Recorder:
        def __init__(self) -> None:
            self.got: list[Any] = []

        def put(self, value: Any) -> None:
            self.got.append(np.array(value))

        def end(self) -> None:
            self.got.append("end")

    recorder = Recorder()
    texts = generate(bert, IDS[:1], max_new_tokens=2, streamer=recorder)
    np.testing.assert_array_equal(recorder.got[0], IDS[:1])
    assert [recorder.got[1].tolist(), recorder.got[2].tolist()] == texts[0, 4:, None].tolist()
    assert recorder.got[3] == "end"

    class Broken(Recorder):
        def put(self, value: Any) -> None:
            if len(self.got) == 2:
                raise KeyboardInterrupt
            super().put(value)

    broken = Broken()
    with pytest.raises(KeyboardInterrupt):
        generate(bert, IDS[:1], max_new_tokens=5, streamer=broken)
    assert broken.got[-1] == "end"  # what there is of the text is shown to its last word


@pytest.mark.parametrize("beams", [1, 3])
def test_cross_attention_reads_the_encoder_once(beams: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_model("BertLMHeadModel", add_cross_attention=True, **WIDE)
    states = np.random.default_rng(0).normal(size=(2, 5, model.config.hidden_size))
    inputs: dict[str, Any] = {
        "encoder_hidden_states": states, "encoder_attention_mask": np.array([[1, 1, 1, 0, 0], [1] * 5]),
    }  # fmt: skip
    key = model.base_model.encoder.layer[0].crossattention.self.key
    calls: list[int] = []
    forward = key.forward
    monkeypatch.setattr(key, "forward", lambda x, *rest: calls.append(len(x)) or forward(x, *rest))
    cached = generate(model, IDS, max_new_tokens=6, num_beams=beams, **inputs)
    assert calls == [2]  # once, before the beams part
    np.testing.assert_array_equal(
        cached, generate(model, IDS, max_new_tokens=6, num_beams=beams, use_cache=False, **inputs)
    )


def test_each_token_is_read_once(bert: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    key = bert.base_model.encoder.layer[0].attention.self.key
    shapes: list[tuple[int, ...]] = []
    forward = key.forward
    monkeypatch.setattr(key, "forward", lambda x, *rest: shapes.append(x.shape[:2]) or forward(x, *rest))
    generate(bert, IDS, max_new_tokens=4, num_beams=3)
    assert shapes == [(2, 4), (6, 1), (6, 1), (6, 1)]


def test_scores_are_of_the_last_token_in_float32(bert: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a float64 model too, as in transformers: equal scores must tie on both sides."""
    head, shapes = bert.lm_head_module, []
    forward = head.forward
    monkeypatch.setattr(head, "forward", lambda x, *rest: shapes.append(x.shape[:2]) or forward(x, *rest))
    out = generate(bert, IDS, max_new_tokens=2, return_dict_in_generate=True, output_scores=True)
    assert [scores.dtype for scores in out.scores] == [np.float32] * 2
    assert shapes == [(2, 1), (2, 1)]


def test_beams_without_a_cache_find_the_same(bert: Any) -> None:
    options: dict[str, Any] = {"max_new_tokens": 8, "num_beams": 4, "num_return_sequences": 4, "eos_token_id": 7}
    np.testing.assert_array_equal(generate(bert, IDS, **options), generate(bert, IDS, use_cache=False, **options))


def test_token_types_go_on_with_the_last(bert: Any) -> None:
    types = np.array([[0, 0, 1, 1], [0, 0, 0, 2]])
    got = generate(bert, {"input_ids": IDS, "token_type_ids": types}, max_new_tokens=3)
    ids = IDS
    for _ in range(3):
        logits = bert(input_ids=ids, token_type_ids=types, use_cache=False).logits[:, -1]
        ids = np.concatenate([ids, logits.argmax(axis=1)[:, None]], axis=1)
        types = np.concatenate([types, types[:, -1:]], axis=1)
    np.testing.assert_array_equal(got, ids)


def test_lengths(bert: Any) -> None:
    assert generate(bert, IDS).shape == (2, 24)  # 20 new tokens
    assert generate(bert, np.tile(IDS, 4)).shape == (2, 24)  # as many as there are positions for
    assert generate(bert, IDS, max_length=7).shape == (2, 7)
    padded = np.array([[0] * 6 + [5, 9], [0] * 5 + [4, 8, 30]])
    assert generate(bert, padded, pad_token_id=0).shape == (2, 24)  # the default counts padding, as transformers does
    assert generate(bert, padded, pad_token_id=0, max_new_tokens=21).shape == (2, 29)  # which needs no positions
    assert generate(small_model("RemBertForCausalLM", bos_token_id=3, **WIDE), max_new_tokens=2).shape == (1, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_length": 4}, "max_length is 4, which counts the prompt's 4 tokens too: give more, or max_new_tokens="),
        ({"max_new_tokens": 21}, r"texts of 25 tokens are asked for \(the prompt has 4\), but the model has positions"
                                 " for 24: give max_new_tokens=20 at most"),
        ({"min_length": 12, "max_length": 8}, "texts of at least 12 tokens are asked for, and of at most 8"),
        ({"max_new_tokens": 0}, "max_new_tokens is 0: an integer of 1 or more belongs there"),
        ({"temperature": 0.0, "do_sample": True}, "temperature is 0.0: a number above 0 belongs there"),
        ({"top_p": 1.5, "do_sample": True}, "top_p is 1.5: a number from 0 to 1 belongs there"),
        ({"top_k": -1, "do_sample": True}, "top_k is -1: an integer of 0 or more belongs there"),
        ({"num_beams": True}, "num_beams is True: an integer of 1 or more belongs there"),
        ({"early_stopping": "soon", "num_beams": 2}, "early_stopping is 'soon': True, False or 'never' belongs there"),
        ({"num_return_sequences": 2}, "num_return_sequences is 2, but greedy search finds one text only"),
        ({"num_return_sequences": 3, "num_beams": 2}, "num_return_sequences is 3, more than the 2 beams"),
        ({"num_beams": 2, "streamer": print}, "a streamer needs one text that only grows"),
        ({"streamer": 3}, "streamer is a int: a function of the new tokens, or one with put and end"),
        ({"eos_token_id": 31}, r"eos_token_id is 31: ids 0..30 exist here"),
        ({"pad_token_id": -1}, r"pad_token_id is -1: ids 0..30 exist here"),
        ({"min_p": 2, "do_sample": True}, "min_p is 2: a number from 0 to 1 belongs there"),
        ({"max_tokens": 3}, r"generate takes no 'max_tokens' \(did you mean 'max_new_tokens'\?\): its options are"),
        ({"colour": 3}, "generate takes no 'colour': its options are max_length, max_new_tokens, "),
        ({"positions": "relative"}, "positions is 'relative': choose one of transformers, model"),
        ({"input_ids": IDS}, "the prompts were given twice"),
        ({"attention_mask": np.ones((2, 5))}, r"attention_mask has shape \(2, 5\): \(2, 4\), as input_ids has"),
    ],
)  # fmt: skip
def test_mistakes(bert: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(mb.InputError, match=message):
        generate(bert, IDS, **options)


def test_mistakes_in_prompts_and_models(bert: Any) -> None:
    with pytest.raises(mb.InputError, match="the prompts have different lengths: pad them on the left"):
        generate(bert, [[1, 2], [3]])
    with pytest.raises(mb.InputError, match=r"input_ids has shape \(2,\) and dtype int64"):
        generate(bert, [1, 2])
    with pytest.raises(mb.InputError, match="there is no prompt, and no bos_token_id to begin with"):
        generate(bert)
    with pytest.raises(mb.InputError, match="the prompt has 24 tokens and the model positions for 24"):
        generate(bert, np.ones((1, 24), dtype=int))
    with pytest.raises(mb.InputError, match="the BertLMHeadModel is an encoder, whose tokens see those after them"):
        generate(small_model("BertLMHeadModel", is_decoder=False), IDS)
    with pytest.raises(mb.InputError, match="a BertForMaskedLM does not generate: BertLMHeadModel"):
        generate(small_model("BertForMaskedLM"), IDS)
    with pytest.raises(mb.InputError, match=r"input_ids\[0, 0\] is 99: ids 0..30 exist here"):
        generate(bert, [[99, 1]])


def test_nothing_to_choose_from(bert: Any) -> None:
    forbidden = [lambda ids, scores: np.full_like(scores, -np.inf)]
    with pytest.raises(mb.InputError, match="no token is left to draw: no_repeat_ngram_size, min_length or a logits"):
        generate(bert, IDS, do_sample=True, top_k=0, logits_processor=forbidden)
    broken = small_model("BertLMHeadModel", **WIDE)
    broken.parameters["cls.predictions.bias"][3] = np.nan
    with pytest.raises(mb.InputError, match=r"the model's scores are not numbers \(NaN\)"):
        generate(broken, IDS)


def test_warnings(bert: Any) -> None:
    with pytest.warns(UserWarning, match="temperature, top_p has no effect without do_sample=True"):
        generate(bert, IDS, max_new_tokens=1, temperature=0.5, top_p=0.9)
    with pytest.warns(UserWarning, match="length_penalty has no effect without num_beams above 1"):
        generate(bert, IDS, max_new_tokens=1, length_penalty=0.5)
    with pytest.warns(UserWarning, match="a prompt ends with padding"):
        generate(bert, [[5, 6, 0], [7, 8, 9]], max_new_tokens=1, pad_token_id=0)


def test_arguments_stay_as_they_are(bert: Any) -> None:
    ids, mask, types = IDS.copy(), np.ones_like(IDS), np.zeros_like(IDS)
    generate(bert, ids, attention_mask=mask, token_type_ids=types, max_new_tokens=3, num_beams=2)
    assert (ids == IDS).all()
    assert mask.shape == types.shape == IDS.shape
