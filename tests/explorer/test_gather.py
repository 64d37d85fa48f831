"""What a page holds equals what the model computed; what cannot be shown is one sentence."""

import numpy as np
import pytest

import minibert as mb
from tests import small_checkpoints
from tests.explorer.pages import FAMILIES, attention, data_of, encoded, model, page


@pytest.mark.parametrize("family", FAMILIES)
def test_attention_is_the_models(family: str) -> None:
    data = data_of(page(family))
    output = model(family)(**encoded(family), output_attentions=True, return_dict=True)
    assert data["attention"]["bits"] == 16
    np.testing.assert_allclose(attention(data), np.stack(output.attentions)[:, 0], atol=2e-5)


def test_some_layers_only() -> None:
    data = data_of(page("bert", layers=[1]))
    assert data["layers"] == [1]
    assert attention(data).shape[0] == 1
    assert not any("layer.0." in value["name"] for value in data["walk"]["values"])


def test_text_too_long_for_the_model() -> None:
    with pytest.raises(mb.InputError, match="but the model has positions for 64"):
        page("bert", "fox " * 70)


def test_text_too_long_for_the_page() -> None:
    config = small_checkpoints.config("bert", num_hidden_layers=24, num_attention_heads=24)
    large = mb.BertModel(config)
    with pytest.raises(mb.InputError, match=r"has 72 tokens, and a page with 24 layers of 24 heads holds 67: "):
        mb.explore(large, small_checkpoints.tokenizer("bert"), "fox " * 70)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layers": [2]}, r"layers is \[2\]: numbers from 0 to 1 belong there"),
        ({"layers": []}, r"layers is \[\]"),
        ({"places": [99]}, r"place 99 lies outside the text: its \d+ tokens count from 0"),
        ({"places": "some"}, "places is 'some': \"all\", a list of token numbers"),
        ({"top": 0}, "top is 0: at least one"),
        ({"integrated": -1}, "integrated is -1"),
        ({"gradients": ("logits", (999, 0))}, "lies outside logits"),
        ({"gradients": ("nothing", 0)}, "target names 'nothing'"),
        ({"gradients": 3}, r"gradients is 3: True, or \(field, index\)"),
    ],
)
def test_options_that_do_not_fit(options: dict, words: str) -> None:
    with pytest.raises(mb.InputError, match=words):
        page("bert", **options)


def test_trace_of_another_text() -> None:
    trace = mb.Trace()
    model("bert")(input_ids=[[1, 2, 3]], trace=trace)
    with pytest.raises(mb.TraceError, match=r"the trace is of a text with 3 tokens: this one has \d+\."):
        page("bert", trace=trace)


def test_trace_without_attention() -> None:
    trace = mb.Trace("*.query")
    model("bert")(**encoded("bert"), trace=trace)
    with pytest.raises(mb.TraceError, match="holds no attention probabilities of layer 0"):
        page("bert", trace=trace)


def test_several_texts_at_once() -> None:
    choice = mb.BertForMultipleChoice(small_checkpoints.config("bert"))
    with pytest.raises(mb.InputError, match="reads several texts at once: explore its encoder instead"):
        mb.explore(choice, small_checkpoints.tokenizer("bert"), "fox")
