"""The case ladder, and the commands."""

import json
from pathlib import Path

import numpy as np
import pytest

import minibert as mb
from minibert.cli import main
from minibert.golden import GoldenError, cases, check, diff, open_pack, record_ladder
from tests.golden.models import batch, bert
from tests.golden.port import Port
from tests.golden.test_record import VOCAB, tokenizer
from tests.small_models import small_model

PASSES = ["one_token", "two_tokens", "sentence", "pair", "padded_batch", "masked_row", "maximal_length"]


@pytest.mark.parametrize("class_name", ["BertForMaskedLM", "RobertaModel", "RemBertForMultipleChoice"])
def test_ladder_of_every_family(tmp_path: Path, class_name: str) -> None:
    model = small_model(class_name, dtype="float32")
    rungs = cases(model)
    names = [case.name for case in rungs]
    assert names[:7] == PASSES
    assert names[-2:] == ["training_step_1", "training_step_10"]
    family = model.config_class.__name__.removesuffix("Config")
    heads = [name for name in names if name.startswith("head_")]
    every = [name for name in mb.__all__ if name.startswith(f"{family}For") or name == f"{family}LMHeadModel"]
    assert sorted(heads) == sorted(f"head_{name}" for name in every)
    assert len({case.detects for case in rungs}) == len(rungs)
    assert all(case.detects and case.misses for case in rungs)
    paths = record_ladder(model, tmp_path / "ladder")
    for case, path in zip(rungs, paths, strict=True):
        report = check(path, case.model)
        assert report.ok, str(report)
        assert open_pack(path).manifest["case"]["name"] == case.name
    index = json.loads((tmp_path / "ladder" / "ladder.json").read_text())
    assert [row["file"] for row in index] == [path.name for path in paths]


def test_cases_detect_what_they_say(tmp_path: Path) -> None:
    """Faults of the port, against the first rungs: what a rung is said to miss passes, what it detects fails."""
    model = bert()
    rungs = {case.name: case for case in cases(model)}
    for fault, passes, fails in (
        ("scale missing", "one_token", "two_tokens"),
        ("query and key exchanged", "one_token", "two_tokens"),
        ("positions off by RoBERTa's offset", None, "one_token"),
        ("token types swapped", None, "pair"),
        ("token types ignored", "sentence", "pair"),
        ("mask ignored", "pair", "padded_batch"),
        ("texts exchanged", None, "padded_batch"),
        ("tanh GELU", None, "one_token"),
    ):
        for name, expected in ((passes, True), (fails, False)):
            if name is None:
                continue
            case = rungs[name]
            path = case.record(tmp_path / name)
            inputs = {key: case.inputs[key] for key in ("input_ids", "attention_mask")}
            inputs["token_type_ids"] = case.inputs.get("token_type_ids", np.zeros_like(inputs["input_ids"]))
            values = Port(model.state_dict(), model.config, fault).run(**inputs)
            visible = {key: values[key] for key in ("bert.encoder.layer.1.output", "cls.predictions")}
            assert diff(path, visible).ok is expected, (fault, name)


def test_minus_infinity_fails_at_the_masked_row(tmp_path: Path) -> None:
    model = bert()
    case = next(case for case in cases(model) if case.name == "masked_row")
    path = case.record(tmp_path / "p")
    values = dict(open_pack(path))
    name = "bert.encoder.layer.0.attention.self.probs"
    values[name] = np.where(np.arange(2)[:, None, None, None] == 1, np.nan, values[name])
    row = diff(path, values).first
    assert row is not None
    assert row.name == name
    assert "minus infinity as the mask value gives NaN" in row.diagnosis


def test_ladder_with_a_tokenizer() -> None:
    words = ["dog", "that", "cat", "chased", "home", "and", "slept", "a"]
    model = bert(vocab_size=len(VOCAB) + len(words), max_position_embeddings=40)
    made = mb.BertTokenizer(vocab={token: i for i, token in enumerate([*VOCAB, *words][: model.config.vocab_size])})
    rungs = {case.name: case for case in cases(model, made)}
    assert rungs["sentence"].text.startswith("The dog")
    assert rungs["pair"].text_pair is not None
    assert rungs["pair"].inputs["token_type_ids"].any()
    assert (rungs["padded_batch"].inputs["attention_mask"] == 0).any()


def test_ladder_is_for_models(tmp_path: Path) -> None:
    with pytest.raises(GoldenError, match=r"the ladder is for a model of minibert, not for a dict\."):
        cases({})  # type: ignore[arg-type]
    (tmp_path / "file").write_text("")
    with pytest.raises(GoldenError, match=r"file cannot be made: "):
        record_ladder(bert(), tmp_path / "file")


# the commands


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    bert().save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def test_record_check_diff_show(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = str(tmp_path / "pack.safetensors")
    command = ["golden", "record", str(checkpoint), "The dog ran.", "Dogs.", "--backward", "-o", pack]
    assert main(command) == 0
    assert "tensors of BertForMaskedLM" in capsys.readouterr().out
    first = Path(pack).read_bytes()
    assert main(command) == 0
    assert Path(pack).read_bytes() == first
    assert str(checkpoint.parent) not in open_pack(pack).manifest["command"]
    capsys.readouterr()
    for options in ([], ["--isolated"], ["--dtype", "float64"], ["--only", "*.probs"]):
        assert main(["golden", "check", pack, str(checkpoint), *options]) == 0
        assert capsys.readouterr().out.startswith("OK: ")
    assert main(["golden", "diff", pack, pack, "--weights", str(checkpoint), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True
    assert main(["golden", "show", pack]) == 0
    shown = capsys.readouterr().out
    assert "command: minibert golden record tiny 'The dog ran.' 'Dogs.' --backward" in shown
    assert "text: The dog ran." in shown
    assert "bert.embeddings.sum  float32 [2, 6, 24]  noise floor" in shown
    assert main(["golden", "show", pack, "bert.*.probs"]) == 0
    assert capsys.readouterr().out.count("noise floor") == 2
    assert main(["golden", "show", pack, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["format"] == 1


def test_differences_have_their_own_exit_code(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = bert()
    pack = tmp_path / "pack.safetensors"
    mb.golden.record(model, batch(), pack)
    np.savez(tmp_path / "port.npz", **Port(model.state_dict(), model.config, "relu").run(**batch()))
    report = tmp_path / "report.xml"
    arguments = ["golden", "diff", str(pack), str(tmp_path / "port.npz"), "--format", "junit", "-o", str(report)]
    assert main(arguments) == 3
    assert "another activation: relu for gelu" in report.read_text()
    names = tmp_path / "names.json"
    names.write_text('{"bert.embeddings": "bert.embeddings"}')
    assert main([*arguments[:4], "--names", str(names), "--only", "bert.embeddings"]) == 0
    other = tmp_path / "other"
    bert(seed=1).save_pretrained(other)
    assert main(["golden", "check", str(pack), str(other)]) == 3
    capsys.readouterr()


def test_ladder_command(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "ladder")
    assert main(["golden", "ladder", str(checkpoint), folder]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    text = captured.out
    assert main(["golden", "check", folder, str(checkpoint), "--format", "json"]) == 0
    assert "drawn anew" in capsys.readouterr().err
    assert "ladder.json, which says what each can detect" in text
    assert main(["golden", "record", str(checkpoint), "x", "--ladder", folder]) == 1
    assert main(["golden", "check", folder, str(checkpoint), "--format", "junit"]) == 1


BAD = [
    (["record", "MODEL", "The dog"], "there is nowhere to write: give -o PACK.safetensors, or --ladder DIR."),
    (["record", "MODEL", "-o", "TMP/p"], "give either texts or --inputs NPZ."),
    (["record", "MODEL", "The dog", "--pair", "a", "--pair", "b", "-o", "TMP/p"], "there are 1 texts and 2 of --pair"),
    (["record", "MODEL", "The dog", "--class", "Nothing", "-o", "TMP/p"], "Nothing is not a model class of minibert"),
    (["record", "MODEL", "The dog", "--ladder", "TMP/l"], "--ladder has inputs of its own"),
    (["check", "TMP", "MODEL"], "holds no golden pack."),
    (["check", "TMP/none.safetensors", "MODEL"], "there is no such file"),
    (["show", "MODEL/model.safetensors"], "is a safetensors file but no golden pack"),
    (["diff", "TMP/none", "TMP/none"], "there is no such file"),
]


@pytest.mark.parametrize(("arguments", "text"), BAD, ids=[text[:30] for _, text in BAD])
def test_bad_commands_are_one_sentence(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], text: str
) -> None:
    filled = [each.replace("MODEL", str(checkpoint)).replace("TMP", str(tmp_path)) for each in arguments]
    assert main(["golden", *filled]) == 1
    error = capsys.readouterr().err
    assert error.startswith("minibert: ")
    assert text in error
    assert error.count("\n") == 1


def test_bad_names_file(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = tmp_path / "pack.safetensors"
    mb.golden.record(bert(), batch(), pack)
    names = tmp_path / "names.json"
    for content, text in (("{", "cannot be read as a JSON file of names"), ("[1]", "is no map of names")):
        names.write_text(content)
        assert main(["golden", "diff", str(pack), str(pack), "--names", str(names)]) == 1
        assert text in capsys.readouterr().err
    assert main(["golden", "diff", str(pack), str(pack), "-o", str(tmp_path / "no" / "r")]) == 1
    assert "cannot be written" in capsys.readouterr().err
