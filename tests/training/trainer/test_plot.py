"""The loss curve: what is drawn, and every mistake's sentence."""

import builtins

import pytest

import minibert as mb
from tests.training.trainer.runs import trainer_of


def test_the_loss_curve(tmp_path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install -e '.[plot]'")
    trainer = trainer_of(
        tmp_path,
        eval_strategy="steps",
        eval_steps=3,
        save_strategy="no",
        compute_metrics=lambda prediction: {"accuracy": 0.5},
    )
    trainer.train()
    picture = trainer.plot_loss(title="loss", metric="eval_accuracy", baselines={"chance": 0.3})
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture == tmp_path / "loss.png"
    assert b"<svg" in mb.plot_loss(tmp_path, tmp_path / "loss.svg").read_bytes()


def test_the_loss_curve_needs_matplotlib_and_a_log(tmp_path, monkeypatch) -> None:
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(
        mb.MinibertError, match=r"matplotlib, which is not installed here: pip install 'minibert-numpy\[plot\]'"
    ):
        mb.plot_loss([{"step": 1, "loss": 1.0}], tmp_path / "loss.png")
    monkeypatch.undo()
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install -e '.[plot]'")
    with pytest.raises(mb.InputError, match=r"should end in \.png, \.svg or \.pdf"):
        mb.plot_loss([{"step": 1, "loss": 1.0}], tmp_path / "loss.jpg")
    with pytest.raises(mb.InputError, match="has no losses yet"):
        mb.plot_loss([{"step": 1}], tmp_path / "loss.png")
    with pytest.raises(mb.InputError, match=r"log.jsonl is not there"):
        mb.plot_loss(tmp_path, tmp_path / "loss.png")
    (tmp_path / "log.jsonl").write_text('{"step": 1}\nnothing\n')
    with pytest.raises(mb.InputError, match="line 2 is no JSON object: 'nothing'"):
        mb.plot_loss(tmp_path, tmp_path / "loss.png")
