"""What a page holds equals what the model computed; its size; every sentence about a mistake."""

import os
import re
import stat
from pathlib import Path

import numpy as np
import pytest

import minibert as mb
from minibert.cli import main
from minibert.explorer import Page
from minibert.explorer.tokens import readable
from tests import small_checkpoints
from tests.explorer.pages import TEXTS, attention, big_page, data_of, model, page, picture

FAMILIES = ("bert", "roberta", "rembert")


def encoded(family: str) -> dict:
    return dict(small_checkpoints.tokenizer(family)(TEXTS[family], return_tensors="np"))


@pytest.mark.parametrize("family", FAMILIES)
def test_attention_is_the_models(family: str) -> None:
    data = data_of(page(family))
    output = model(family)(**encoded(family), output_attentions=True, return_dict=True)
    assert data["attention"]["bits"] == 16
    np.testing.assert_allclose(attention(data), np.stack(output.attentions)[:, 0], atol=2e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_walk_is_the_trace(family: str) -> None:
    trace = mb.Trace()
    model(family)(**encoded(family), trace=trace)
    data = data_of(page(family))
    values = data["walk"]["values"]
    assert [value["name"] for value in values] == list(trace)
    for value in values:
        array, point = trace[value["name"]], trace.points[value["name"]]
        assert value["shape"] == list(array.shape)
        assert (value["formula"], value["symbols"]) == (point.formula, point.shape.split())
        if "picture" in value and np.abs(array).max() < 1e30:
            table = array[0].reshape(value["picture"]["rows"], -1)[:, : value["picture"]["columns"]]
            bound = np.abs(table).max(axis=1, keepdims=True) / 250 + 1e-7
            assert (np.abs(picture(data, value["name"]) - table) <= bound).all(), value["name"]
        kept = array[array > -1e30]
        if kept.size:
            assert value["mean"] == pytest.approx(float(kept.mean()), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_predictions_are_the_logit_lens(family: str) -> None:
    data = data_of(page(family, places="all", top=3))
    logits = mb.logit_lens(model(family), **encoded(family))[:, 0].astype(np.float64)
    probs = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probs /= probs.sum(axis=-1, keepdims=True)
    assert len(data["predictions"]) == len(data["tokens"])
    for record in data["predictions"]:
        answer = probs[-1, record["place"]].argmax()
        for layer, shown in enumerate(record["layers"]):
            here = probs[layer, record["place"]]
            assert [share for _, share in shown["top"]] == pytest.approx(sorted(here)[::-1][:3], rel=1e-3)
            assert shown["probability"] == pytest.approx(here[answer], rel=1e-3)
            assert shown["rank"] == 1 + (here > here[answer]).sum()


@pytest.mark.parametrize("family", FAMILIES)
def test_predictions_stand_at_the_masked_place(family: str) -> None:
    data = data_of(page(family))
    masked = [i for i, token in enumerate(data["tokens"]) if token["mask"]]
    assert [record["place"] for record in data["predictions"]] == masked
    assert len(masked) == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_point_into_the_text(family: str) -> None:
    data = data_of(page(family))
    text = TEXTS[family]
    inside = [token for token in data["tokens"] if token["sequence"] == 0]
    assert all(token["text"] == text[token["start"] : token["end"]] for token in inside)
    assert "".join(part for part, _ in data["texts"][0]["segments"]) == text
    marks = {"bert": "##", "roberta": "Ġ", "rembert": "▁"}
    assert any(token["shown"].startswith(marks[family]) for token in inside)


def test_bytes_are_shown_as_characters() -> None:
    tokenizer = small_checkpoints.tokenizer("roberta")
    assert readable(tokenizer, "Ã©") == "é"
    assert readable(tokenizer, "ĠÃ©t") == "Ġét"
    assert readable(tokenizer, "Ã") == "Ã"  # half a character
    assert readable(tokenizer, "Ċ") == "Ċ"  # a line break
    assert readable(tokenizer, "<s>", special=True) == "<s>"
    assert readable(small_checkpoints.tokenizer("bert"), "##aff") == "##aff"


def test_gradients_and_attributions() -> None:
    data = data_of(page("bert", gradients=True, integrated=4))
    place = data["predictions"][0]["place"]
    names = [attribution["name"] for attribution in data["attributions"]]
    answer = data["predictions"][0]["answer"]
    assert names == [
        f"Gradient × input of the logit of “{answer}” at token {place}",
        f"Integrated gradients of the logit of “{answer}” at token {place}, 4 steps",
    ]
    output = model("bert")(**encoded("bert"), return_dict=True)
    best = int(output.logits[0, place].argmax())
    told = mb.integrated_gradients(model("bert"), ("logits", (place, best)), steps=4, **encoded("bert"))
    np.testing.assert_allclose(data["attributions"][1]["word"], told.word[0], rtol=1e-3, atol=1e-5)
    assert data["attributions"][1]["gap"]["word"] == pytest.approx(float(told.gap["word"][0]), rel=1e-2, abs=1e-5)
    norms = [value["gradient"]["norm"] for value in data["walk"]["values"] if "gradient" in value]
    assert len(norms) > 30


def test_a_trace_of_ones_own_with_gradients() -> None:
    inputs = encoded("bert")
    trace = mb.Trace()
    name = "bert.encoder.layer.0.output"
    output = model("bert")(**inputs, trace=trace, edits={name: lambda value: value * 2})
    model("bert").backward(trace, {"logits": np.ones_like(output.logits)})
    values = {value["name"]: value for value in data_of(page("bert", trace=trace))["walk"]["values"]}
    assert values[name]["edited"]
    assert values[name]["gradient"]["norm"] == pytest.approx(float(np.linalg.norm(trace.grad[name])), rel=1e-4)


def test_a_pair_and_a_classifier() -> None:
    tokenizer = small_checkpoints.tokenizer("bert")
    classifier = mb.BertForSequenceClassification(small_checkpoints.config("bert", num_labels=3), seed=0)
    data = data_of(mb.explore(classifier, tokenizer, "A fox.", pair="The river.", gradients=True))
    assert [text["text"] for text in data["texts"]] == ["A fox.", "The river."]
    assert {token["type"] for token in data["tokens"]} == {0, 1}
    assert data["attributions"][0]["name"].startswith("Gradient × input of logits[")
    assert data["predictions"] == []


def test_a_bare_encoder() -> None:
    encoder = mb.BertModel(small_checkpoints.config("bert"), seed=0)
    tokenizer = small_checkpoints.tokenizer("bert")
    data = data_of(mb.explore(encoder, tokenizer, "A fox.", gradients=("last_hidden_state", (0, 1))))
    assert data["attributions"][0]["name"] == "Gradient × input of last_hidden_state[0, 1]"


def test_some_layers_only() -> None:
    data = data_of(page("bert", layers=[1]))
    assert data["layers"] == [1]
    assert attention(data).shape[0] == 1
    assert not any("layer.0." in value["name"] for value in data["walk"]["values"])


def test_big_page_is_small_enough() -> None:
    html = big_page()
    assert len(html.encode()) < 5e6
    data = data_of(html)
    assert len(data["tokens"]) == 128
    assert data["attention"]["bits"] == 8
    sums = attention(data).sum(axis=-1)
    assert np.abs(sums - 1).max() < 0.05


@pytest.mark.parametrize(
    "text",
    ["</script><script>alert(1)</script>", "<!-- <script>", "\"quotes\" 'and' & &amp;", "@style@ @data@", "\u2028"],
)
def test_no_text_breaks_out_of_the_page(text: str) -> None:
    html = page("bert", f"fox {text}")
    assert data_of(html)["texts"][0]["text"] == f"fox {text}"
    assert html.count("<script") == 2
    assert html.count("</script>") == 2
    assert html.count("<style>") == 1


def test_page_reads_nothing_else() -> None:
    html = page("bert")
    assert not re.search(r"""(src|href)\s*=|@import|url\(|https?://|fetch\(|XMLHttpRequest|import\(""", html)
    assert "default-src 'none'" in html


def test_notebook_frame() -> None:
    html = page("bert", 'fox "quoted"')
    frame = html._repr_html_()
    assert frame.startswith("<iframe ")
    assert frame.count('"') == 8  # of its four attributes: the page's own are escaped
    assert repr(html).startswith("<minibert page, 0.")
    assert isinstance(html, str)


def test_saving_replaces_whole(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    target.write_text("old")
    html = page("bert", None, path=target)
    assert target.read_text(encoding="utf-8") == html
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]
    assert Page("x").save(tmp_path / "other.html").read_text() == "x"


class TestMistakes:
    """One sentence each."""

    def test_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(mb.InputError, match=r"page\.html cannot be written: there is no folder .*missing\.$"):
            page("bert", path=tmp_path / "missing" / "page.html")

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(mb.InputError, match="is a folder: give the name of the page to write"):
            page("bert", path=tmp_path)

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="who may write everywhere cannot be refused")
    def test_no_permission(self, tmp_path: Path) -> None:
        tmp_path.chmod(stat.S_IREAD | stat.S_IEXEC)
        with pytest.raises(mb.InputError, match="cannot be written: Permission denied"):
            page("bert", path=tmp_path / "page.html")

    def test_disk_trouble(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(mb.InputError, match=r"page\.html cannot be written: No space left on device\.$"):
            page("bert", path=tmp_path / "page.html")
        assert list(tmp_path.iterdir()) == []

    def test_text_too_long_for_the_model(self) -> None:
        with pytest.raises(mb.InputError, match="but the model has positions for 64"):
            page("bert", "fox " * 70)

    def test_text_too_long_for_the_page(self) -> None:
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
    def test_options(self, options: dict, words: str) -> None:
        with pytest.raises(mb.InputError, match=words):
            page("bert", **options)

    def test_text_is_no_text(self) -> None:
        with pytest.raises(mb.InputError, match="shows one text, a str, not list"):
            mb.explore(model("bert"), small_checkpoints.tokenizer("bert"), ["a", "b"])  # type: ignore[arg-type]

    def test_trace_of_another_text(self) -> None:
        trace = mb.Trace()
        model("bert")(input_ids=[[1, 2, 3]], trace=trace)
        with pytest.raises(mb.TraceError, match=r"the trace is of a text with 3 tokens: this one has \d+\."):
            page("bert", trace=trace)

    def test_trace_without_attention(self) -> None:
        trace = mb.Trace("*.query")
        model("bert")(**encoded("bert"), trace=trace)
        with pytest.raises(mb.TraceError, match="holds no attention probabilities of layer 0"):
            page("bert", trace=trace)

    def test_trace_and_gradients(self) -> None:
        trace = mb.Trace()
        model("bert")(**encoded("bert"), trace=trace)
        with pytest.raises(mb.InputError, match=r"a trace was given: run model\.backward"):
            page("bert", trace=trace, gradients=True)

    def test_bare_encoder_has_no_logits_and_predicts_nothing(self) -> None:
        encoder, tokenizer = mb.BertModel(small_checkpoints.config("bert")), small_checkpoints.tokenizer("bert")
        with pytest.raises(mb.InputError, match="no logits to take gradients of: name a number"):
            mb.explore(encoder, tokenizer, "fox", gradients=True)
        with pytest.raises(mb.InputError, match="BertModel has no language-model head: it predicts nothing"):
            mb.explore(encoder, tokenizer, "fox", places="all")

    def test_multiple_choice(self) -> None:
        choice = mb.BertForMultipleChoice(small_checkpoints.config("bert"))
        with pytest.raises(mb.InputError, match="reads several texts at once: explore its encoder instead"):
            mb.explore(choice, small_checkpoints.tokenizer("bert"), "fox")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with its tokenizer."""
    return small_checkpoints.save("bert", "ForMaskedLM", tmp_path_factory.mktemp("checkpoint"))


class TestCommand:
    def test_writes_a_page(self, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        target = tmp_path / "page.html"
        command = [
            "explore",
            str(folder),
            "A [MASK] fox.",
            "-o",
            str(target),
            "--gradients",
            "--layers",
            "0",
            "--top",
            "2",
        ]
        assert main(command) == 0
        assert capsys.readouterr().out.startswith(f"{target}: 0.")
        data = data_of(target.read_text(encoding="utf-8"))
        assert data["model"]["class"] == "BertForMaskedLM"
        assert (data["layers"], len(data["predictions"]), len(data["attributions"])) == ([0], 1, 1)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["./no/such/model", "fox"], "no/such/model"),
            (["FOLDER", "fox", "--layers", "one"], "--layers takes numbers with commas between them, not 'one'."),
            (["FOLDER", "fox", "-o", "no/folder/page.html"], "there is no folder no/folder."),
            (["FOLDER", "fox " * 80], "but the model has positions for 64"),
        ],
    )
    def test_mistakes(self, arguments: list[str], words: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["explore", *(str(folder) if each == "FOLDER" else each for each in arguments)]) == 1
        error = capsys.readouterr().err
        assert error.startswith("minibert: ")
        assert words in error
        assert "Traceback" not in error
