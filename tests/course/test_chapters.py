"""Every exercise of chapters/: mistakes can be told apart, words are whole, and the library says the same."""

import numpy as np
import pytest

import minibert as mb
from minibert import functional as F
from minibert.course.chapters.tokenizers.viterbi import total, ways
from minibert.course.declaration import Mistake
from minibert.course.exercise import Exercise
from minibert.course.running import run
from minibert.tokenizers.stages import byte_bpe, wordpiece
from minibert.tokenizers.training.merges import Symbols, learn_merges

# (exercise, mistake) whose results are the right ones: only the steps show it
CANCELS = {
    ("pool", "divided by T"),  # the length divides it out
    ("viterbi", "all ways summed"),  # as declared, it goes back to the best way
}
# (exercise, mistake) whose results equal those of another name: the same numbers, so the same words are true of them
EQUAL = {("attention", "query and key exchanged"): "scores transposed"}


def played(task: Exercise, mistake: Mistake | None, whole: bool):
    """A function that makes this mistake and gives every step, or the results alone."""

    def function(**inputs):
        steps = task.solve(inputs, mistake)
        results = [steps[name] for name in task.results]
        return steps if whole else results[0] if len(results) == 1 else tuple(results)

    return function


@pytest.mark.parametrize("name", mb.exercises())
@pytest.mark.parametrize("whole", [True, False], ids=["steps", "results"])
def test_every_mistake_is_seen_and_named(name: str, whole: bool) -> None:
    task = mb.exercise(name)
    assert task.check(played(task, None, whole)).ok
    seen = set()
    for mistake in task.mistakes:
        verdict = task.check(played(task, mistake, whole))
        if not verdict.ok:
            seen.add(mistake.name)
            expected = mistake.name if whole else EQUAL.get((name, mistake.name), mistake.name)
            assert verdict.mistake == expected, mistake.name
    unseen = {mistake.name for mistake in task.mistakes} - seen
    assert {(name, each) for each in unseen} == (set() if whole else {each for each in CANCELS if each[0] == name})


@pytest.mark.parametrize("name", mb.exercises())
def test_words_are_whole(name: str) -> None:
    task = mb.exercise(name)
    text = repr(task)
    assert text.startswith(f"{name}: write {task.call}\n")
    arguments = task.call[2:-1].split(", ")
    assert arguments == list(task.inputs)
    assert all(f"  {argument}" in text for argument in arguments)
    for step in task.steps:
        assert f"  {step.name}" in text
        assert step.meaning
        assert not step.meaning.endswith(".")
        assert compile(step.line, step.name, "exec") if "return" not in step.line else step.line
    for mistake in task.mistakes:
        assert not mistake.words.endswith(".")
        assert set(mistake.replaces) <= {step.name for step in task.steps}
    words = {mistake.name: mistake.words for mistake in task.mistakes}
    assert all(words[mistake.name] == mistake.words for mistake in task.mistakes)
    assert len(set(words.values())) == len(words) >= 6


@pytest.mark.parametrize("name", mb.exercises())
def test_hidden_inputs_have_other_sizes_and_nothing_writes_into_them(name: str) -> None:
    task = mb.exercise(name)
    assert len(task.cases) >= 2
    assert all(case.sizes != task.cases[0].sizes for case in task.cases[1:])
    for case in task.cases:
        outcome = run(played(task, None, True), case.inputs, [step.name for step in task.steps], task.results)
        assert outcome.problem == ""
        assert outcome.changed == ()


def test_the_best_cut_is_the_only_best_one() -> None:
    for case in mb.exercise("viterbi").cases:
        scores = sorted((total(way, case.inputs["scores"]) for way in ways(**case.inputs)), reverse=True)
        assert len(scores) == 1 or scores[0] - scores[1] > 0.01


def solved(name: str) -> tuple[dict, dict]:
    """Inputs and right steps of a hidden case."""
    case = mb.exercise(name).cases[1]
    return case.inputs, mb.exercise(name).solve(case.inputs)


def close(a, b) -> None:
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


def test_layers_equal_the_library() -> None:
    x, steps = solved("layer_norm")
    y, cache = F.layer_norm(x["x"], x["gamma"], x["beta"], x["eps"])
    close(steps["output"], y)
    close(steps["normalized"], cache.normalized)
    x, steps = solved("gelu")
    close(steps["output"], F.find_activation("gelu").forward(x["x"]))
    x, steps = solved("split_heads")
    close(steps["heads_first"], F.split_heads(x["x"], x["heads"]))
    x, steps = solved("merge_heads")
    close(steps["merged"], F.merge_heads(x["x"]))
    x, steps = solved("attention")
    probs = F.softmax(steps["scores"])
    close(steps["probs"], probs)
    close(steps["context"], F.attention_context(probs, steps["value"]))


def test_gradients_equal_the_library() -> None:
    x, steps = solved("linear_backward")
    for own, other in zip(steps.values(), F.linear_backward(x["dy"], x["x"], x["weight"]), strict=True):
        close(own, other)
    x, steps = solved("layer_norm_backward")
    cache = F.LayerNormCache(x["normalized"], x["rstd"])
    for own, other in zip(list(steps.values())[1:], F.layer_norm_backward(x["dy"], cache, x["gamma"]), strict=True):
        close(own, other)
    x, steps = solved("softmax_backward")
    close(steps["dscores"], F.softmax_backward(x["dprobs"], x["probs"]))
    x, steps = solved("embedding_backward")
    close(steps["dtable"], F.embedding_backward(x["dy"], x["ids"], x["rows"]))
    x, steps = solved("cross_entropy_backward")
    _, cache = F.cross_entropy(x["logits"], x["labels"])
    close(steps["dlogits"], F.cross_entropy_backward(1.0, cache))
    x, steps = solved("attention_backward")
    dscores, (dquery, dkey) = steps["dscores"] / x["query"].shape[-1] ** 0.5, (steps["dquery"], steps["dkey"])
    close(dquery, F.attention_scores_backward(dscores, x["query"], x["key"])[0])
    close(dkey, F.attention_scores_backward(dscores, x["query"], x["key"])[1])


def test_attention_and_head_equal_a_model() -> None:
    inputs = mb.exercise("attention").cases[1].inputs
    steps = mb.exercise("attention").solve(inputs)
    width, heads = inputs["x"].shape[-1], inputs["heads"]
    config = mb.BertConfig(vocab_size=9, hidden_size=width, num_hidden_layers=1, num_attention_heads=heads,
                           intermediate_size=5)  # fmt: skip
    model = mb.BertModel(config).to(dtype="float64")
    state = model.state_dict()
    own = {f"encoder.layer.0.attention.self.{name}": array for name, array in inputs["weights"].items()}
    assert set(own) <= set(state)
    model.load_state_dict({**state, **own})
    trace = mb.Trace()
    ids = np.ones(inputs["x"].shape[:2], dtype=int)
    edits = {"embeddings": lambda _: inputs["x"]}
    model(ids, attention_mask=inputs["attention_mask"], trace=trace, edits=edits)
    for name in ("probs", "context"):
        close(trace[f"encoder.layer.0.attention.self.{name}"], steps[name])


def test_tokenizers_equal_the_library() -> None:
    # no two pairs are equally frequent: the library sorts those by their symbols' ids
    inputs = {"words": {"abab": 7, "abc": 4, "cd": 2}, "merges": 4}
    symbols = Symbols(list("abcd"))
    words = {tuple(symbols.ids[letter] for letter in word): times for word, times in inputs["words"].items()}
    learned = learn_merges(words, symbols, 8, 1, progress=False)
    assert mb.exercise("bpe_train").solve(inputs)["learned"] == learned
    ranks = {pair: rank for rank, pair in enumerate(learned)}
    for word in ("abab", "ababc", "cdab", "bab"):
        symbols = mb.exercise("bpe_merge").solve({"word": word, "ranks": ranks})["symbols"]
        assert symbols == byte_bpe.encode_word(word, ranks)
    for case in mb.exercise("wordpiece").cases:
        assert mb.exercise("wordpiece").solve(case.inputs)["pieces"] == wordpiece.encode_word(**case.inputs)


def test_adamw_equals_the_library() -> None:
    inputs, _ = solved("adamw_step")
    config = mb.BertConfig(vocab_size=3, hidden_size=2, num_hidden_layers=1, num_attention_heads=1, intermediate_size=2)
    model = mb.BertModel(config).to(dtype="float64")
    name = "embeddings.word_embeddings.weight"
    values = {key: inputs[key][:6].reshape(3, 2) for key in ("parameter", "gradient")}
    model.load_state_dict({**model.state_dict(), name: values["parameter"]})
    optimizer = mb.AdamW(model, lr=inputs["lr"], betas=(inputs["beta1"], inputs["beta2"]), eps=inputs["eps"],
                         weight_decay=inputs["weight_decay"])  # fmt: skip
    optimizer.step({name: values["gradient"]})
    fresh = {**inputs, "m": np.zeros(7), "v": np.zeros(7), "step": 1}
    close(model.state_dict()[name].reshape(-1), mb.exercise("adamw_step").solve(fresh)["parameter_after"][:6])
