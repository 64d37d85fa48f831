"""`minibert run`: every task, from arguments and from standard input, as a table and as JSON."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

import minibert as mb
from minibert.cli import main
from tests.small_checkpoints import save, tokenizer

HEADS = {
    "fill-mask": "ForMaskedLM",
    "text-classification": "ForSequenceClassification",
    "token-classification": "ForTokenClassification",
    "question-answering": "ForQuestionAnswering",
    "next-sentence-prediction": "ForNextSentencePrediction",
    "multiple-choice": "ForMultipleChoice",
    "text-generation": "LMHeadModel",
    "feature-extraction": "Model",
}
LINES = {
    "fill-mask": ["Plants create [MASK] by [MASK].", "A [MASK]."],
    "question-answering": ["Where?\tI live in Berlin.", "Who?\tMy name is Wolfgang."],
    "next-sentence-prediction": ["One text.\tAnother.", "A\tB"],
    "multiple-choice": ["A prompt.\tone\ttwo", "Another\ta\tb\tc"],
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("checkpoints")
    return {task: str(save("bert", head, root / task)) for task, head in HEADS.items()}


def lines_of(task: str) -> list[str]:
    return LINES.get(task, ["My name is Wolfgang.", "The river"])


@pytest.mark.parametrize("task", list(HEADS))
def test_arguments_and_standard_input_give_the_same(
    task: str, folders: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["run", "--task", task, "--model", folders[task]]
    assert main([*command, *lines_of(task)]) == 0
    table = capsys.readouterr()
    assert table.err == ""
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(["", *lines_of(task), ""])))
    assert main(["run", "--model", folders[task]]) == 0  # the task is what the model is for
    assert capsys.readouterr().out == table.out
    assert all(line.replace("\t", " | ") in table.out for line in lines_of(task))


@pytest.mark.parametrize("task", [task for task in HEADS if task != "feature-extraction"])
def test_json_is_what_the_pipeline_gives(
    task: str, folders: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--model", folders[task], "--json", *lines_of(task)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    pipe = mb.pipeline(task, folders[task])
    assert [row["output"] for row in rows] == pipe([row["input"] for row in rows])


def test_options_reach_the_task(folders: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    def run(task: str, *arguments: str) -> list[str]:
        assert main(["run", "--task", task, "--model", folders[HEADS_OF.get(task, task)], *arguments]) == 0
        return capsys.readouterr().out.splitlines()

    assert len(run("fill-mask", "A [MASK].", "--top-k", "2")) == 2
    assert {line.split()[1] for line in run("fill-mask", "A [MASK].", "--targets", "the,a")} == {"the", "a"}
    assert len(run("sentiment-analysis", "One.\tTwo.", "--top-k", "2")) == 2
    assert len(run("ner", "Sarah's", "--aggregation-strategy", "first")) <= len(run("ner", "Sarah's"))
    berlin = run("question-answering", "--question", "Where?", "I live\tin Berlin.", "--max-answer-len", "1")
    assert len(berlin) == 1
    assert run("text-generation", "The", "--max-new-tokens", "2", "--num-beams", "2")[0].startswith("The")
    draws = [run("text-generation", "The", "--do-sample", "--seed", seed, "--top-k", "0") for seed in "112"]
    assert draws[0] == draws[1] != draws[2]


HEADS_OF = {"ner": "token-classification", "sentiment-analysis": "text-classification"}


def test_mistakes_are_one_line_and_exit_with_1(folders: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (
        (["--model", folders["fill-mask"], "no mask"], "the text has no mask: write [MASK]"),
        (["--model", folders["fill-mask"], "--stride", "2", "x"], "--stride is an option of token-classification, not"),
        (["--model", folders["fill-mask"], "--task", "ner", "x"], "has no trained head for token-classification"),
        (["--model", folders["fill-mask"], "dog " * 600 + "[MASK]"], ": give --truncation to cut it at the end."),
        (["--model", folders["fill-mask"], "--task", "ner", "x"], "or give --allow-untrained to see random answers."),
        (["--task", "question-answering", "x"], "model is missing, and none is shipped for question-answering: give"),
        (["x"], "neither task nor model is given: name a task that has a shipped model, fill-mask (tiny-bert)"),
        (["--model", folders["question-answering"], "x"], "needs --question, or lines of the form question<TAB>"),
        (["--model", folders["multiple-choice"], "x"], "choices must be a list of two texts or more"),
        (["--model", folders["text-classification"], "word " * 99], "the model has positions for 64"),
        (["--model", folders["fill-mask"], "--device", "7", "x"], "device is 7"),
    ):  # fmt: skip
        assert main(["run", *arguments]) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("minibert: ")
        assert message in captured.err
        assert captured.err.count("\n") == 1
    assert main(["run", "--model", folders["fill-mask"], "--task", "ner", "--allow-untrained", "x"]) == 0


def test_warnings_are_one_line_on_standard_error(folders: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--model", folders["fill-mask"], "A [MASK].", "--targets", "unknowable"]) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith("minibert: the target 'unknowable' is")
    assert captured.err.count("\n") == 1
    assert len(captured.out.splitlines()) == 1


def test_quiet_when_piped(folders: dict[str, str], tmp_path: Path) -> None:
    """As the documentation's command line has it, in a process of its own; many lines, and no progress bar."""
    text = "Plants create [MASK] through a process known as photosynthesis.\n" * 70
    done = subprocess.run(
        [sys.executable, "-m", "minibert", "run", "--task=fill-mask", "--device=-1", "--model", folders["fill-mask"]],
        input=text, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.count(text.splitlines()[0]) == 70


def test_help_tells_the_forms_of_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["run", "--help"])
    assert stop.value.code == 0
    assert "question<TAB>context" in capsys.readouterr().out


def test_another_tokenizer(folders: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mb.BertForMaskedLM.from_pretrained(folders["fill-mask"]).save_pretrained(tmp_path)
    tokenizer("bert").save_pretrained(tmp_path / "tokens")
    assert main(["run", "--model", str(tmp_path), "--tokenizer", str(tmp_path / "tokens"), "A [MASK]."]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 5
