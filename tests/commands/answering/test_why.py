"""`minibert run --why` and `--page`: each reason against the model asked directly, and the page that goes with it."""

import json
import sys
import webbrowser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.cli import main
from minibert.commands.answering.why import explain, lines
from tests.small_checkpoints import save

TEXT = "My [MASK] is a name, a [MASK]."


@pytest.fixture(scope="module", params=["bert", "roberta", "rembert"])
def answerer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = save(request.param, "ForMaskedLM", tmp_path_factory.mktemp(request.param))
    return mb.pipeline("fill-mask", model=str(folder))


def text_for(answerer: Any) -> str:
    return TEXT.replace("[MASK]", answerer.tokenizer.mask_token)


def test_reasons_are_what_the_model_gives(answerer: Any) -> None:
    text = text_for(answerer)
    model, tokenizer = answerer.model, answerer.tokenizer
    filled = answerer(text, top_k=1)
    reasons = explain(answerer, text)
    assert len(reasons) == 2
    batch = tokenizer(text, return_tensors="np")
    ids = batch["input_ids"][0]
    output = model(**batch, output_attentions=True)
    places = np.flatnonzero(ids == tokenizer.mask_token_id)
    for place, reason, (best,) in zip(places, reasons, filled, strict=True):
        assert reason["answer"] == best["token_str"]
        assert reason["score"] == pytest.approx(best["score"], rel=1e-5)
        assert [row["layer"] for row in reason["layers"]] == list(range(-1, model.config.num_hidden_layers))
        assert reason["layers"][-1]["answer"] == reason["answer"]
        assert reason["layers"][-1]["of_final"] == pytest.approx(reason["score"])
        for look in reason["looks"]:
            probs = output.attentions[look["layer"]][0, look["head"], place]
            assert look["share"] == pytest.approx(probs.max())
            assert look["token"] == tokenizer.decode([int(ids[probs.argmax()])])
        # hiding a token, done by hand: the text with that token's id replaced everywhere
        shown = [id_ for id_ in dict.fromkeys(ids.tolist()) if id_ not in tokenizer.all_special_ids]
        assert len(shown) == len(reason["without"])
        for id_, row in zip(shown, reason["without"], strict=True):
            hidden = {**batch, "input_ids": np.where(batch["input_ids"] == id_, tokenizer.mask_token_id, ids)}
            logits = model(**hidden).logits[0, place].astype(np.float64)
            weights = np.exp(logits - logits.max())
            assert row["score"] == pytest.approx(weights[best["token"]] / weights.sum(), rel=1e-4)
            assert row["token"] == tokenizer.decode([id_])


def test_text_of_the_reasons(answerer: Any) -> None:
    reasons = explain(answerer, text_for(answerer))
    printed = lines(reasons)
    assert printed[1] == f"mask 1: why {reasons[0]['answer']!r}"
    for reason in reasons:
        for row in reason["without"]:
            found = [line for line in printed if line.startswith(f"    {row['token']} ")]
            assert any(f"  {row['score']:.4f}  " in line for line in found)
        for row in reason["layers"]:
            assert any(f"{row['answer']!r} {row['score']:.4f}  ({row['of_final']:.4f})" in line for line in printed)
        for row in reason["looks"]:
            assert any(f"layer {row['layer']}, " in line and f"{row['token']!r} {row['share']:.2f}" in line
                       for line in printed)  # fmt: skip
    assert not any(line.startswith("mask") for line in lines(reasons[:1]))


def test_command_adds_reasons_and_writes_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, page = str(save("bert", "ForMaskedLM", tmp_path / "model")), tmp_path / "page.html"
    shown: list[str] = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", lambda address: bool(shown.append(address)) or True)
    assert main(["run", "--model", folder, "--why", "--page", str(page), "--open", TEXT]) == 0
    printed = capsys.readouterr().out
    assert "hiding a token changes its probability" in printed
    assert f"{page}: {page.stat().st_size / 1e6:.2f} MB, shown in the browser." in printed
    assert shown == [page.as_uri()]
    assert main(["run", "--model", folder, "--why", "--json", "--page", str(page), TEXT]) == 0
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)["why"]) == 2
    assert "open it in a browser" in captured.err
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert main(["run", "--model", folder, "--page", str(page), "--open", TEXT]) == 0  # no screen
    assert "MB, open it in a browser." in capsys.readouterr().out
    assert len(shown) == 1
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    assert main(["run", "--model", folder, "--page", str(page), "--open", TEXT]) == 0
    assert "MB, open it in a browser." in capsys.readouterr().out


def test_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    masked, embedder = str(save("bert", "ForMaskedLM", tmp_path / "a")), str(save("bert", "Model", tmp_path / "b"))
    assert main(["run", "--model", embedder, "--why", "A text."]) == 1
    assert "--why is an option of fill-mask, not of feature-extraction." in capsys.readouterr().err
    assert main(["run", "--model", embedder, "--page", str(tmp_path / "p.html"), "A text."]) == 1
    assert "--page is for fill-mask, text-classification, token-classification, not for" in capsys.readouterr().err
    assert main(["run", "--model", masked, "--page", str(tmp_path / "p.html"), TEXT, TEXT]) == 1
    assert "--page shows one text, and 2 were given." in capsys.readouterr().err
    with pytest.raises(mb.InputError, match=r"--why explains masks, and the text has no \[MASK\]: 'None here.'"):
        explain(mb.pipeline("fill-mask", model=masked), "None here.")
