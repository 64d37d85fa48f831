"""Measures, tolerances, names, foreign files, isolated steps, and how reports are written."""

import json
import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import minibert as mb
from minibert.backend import move, to_numpy
from minibert.golden import GoldenError, GoldenInputs, check, diff, open_pack, record
from minibert.golden.metrics import difference
from minibert.weights.save import save_safetensors
from tests.golden.models import batch, bert
from tests.golden.port import Port

SELF = "bert.encoder.layer.*.attention.self"


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(bert(), batch(labels=True), tmp_path_factory.mktemp("golden") / "bert.safetensors", backward=True)


def ported(fault: str = "") -> dict[str, np.ndarray]:
    model = bert()
    return Port(model.state_dict(), model.config, fault).run(**batch())


# measures


def test_measures_by_hand() -> None:
    golden = np.array([[1.0, -2.0], [4.0, 0.0]], np.float32)
    other = np.array([[1.0, -2.5], [4.0, 0.25]], np.float32)
    found = difference(golden, other)
    assert found.max_abs == 0.5
    assert found.worst == (0, 1)
    assert (found.golden, found.other) == (-2.0, -2.5)
    assert found.rms == pytest.approx(math.sqrt((0.25 + 0.0625) / 4))
    assert found.nmse == pytest.approx(0.3125 / 21)
    assert found.cosine == pytest.approx((1 + 5 + 16) / math.sqrt(21 * (1 + 6.25 + 16 + 0.0625)))
    floor = math.sqrt(21 / 4)
    assert found.max_rel == pytest.approx(max(0.5 / max(2.0, floor), 0.25 / floor))
    assert found.ulp == 0.5 / 2.0**-22  # float32 numbers from 2 to 4 stand 2**-22 apart


def test_measures_are_the_same_in_blocks_and_for_any_layout() -> None:
    rng = np.random.default_rng(0)
    golden = rng.normal(size=(300, 401))
    other = golden + rng.normal(size=golden.shape) * 1e-3
    found, turned = difference(golden, other), difference(golden.T, other.T)
    assert found.max_abs == np.abs(golden - other).max() == turned.max_abs
    assert found.worst == turned.worst[::-1]
    assert found.nmse == pytest.approx(((golden - other) ** 2).sum() / (golden**2).sum())
    assert found.cosine == pytest.approx((golden * other).sum() / math.sqrt((golden**2).sum() * (other**2).sum()))


def test_hidden_and_undefined_numbers() -> None:
    least = np.finfo(np.float32).min
    golden = np.array([1.0, least, np.nan, np.inf], np.float32)
    assert difference(golden, golden).hidden == 0
    assert difference(golden, golden.astype(np.float64)).max_abs == 0.0
    wide = np.array([1.0, np.finfo(np.float64).min, np.nan, np.inf])
    assert difference(golden, wide).hidden == 0  # each dtype's own least number
    for place, value in ((1, -10000.0), (1, -np.inf), (2, 0.0), (3, -np.inf), (0, np.nan)):
        other = golden.copy()
        other[place] = value
        found = difference(golden, other)
        assert found.hidden == 1
        assert found.worst == (place,)


def test_tolerance_is_the_stated_multiple_of_the_floor(pack: Path) -> None:
    report = diff(pack, ported(), multiple=7)
    entries = open_pack(pack).entries
    rows = [row for row in report if row.difference is not None and row.floor]
    assert len(rows) > 30
    for row in rows:
        assert row.floor == entries[row.name].floor["max_abs"]  # type: ignore[index]
        assert row.tolerance == 7 * row.floor
    assert not diff(pack, ported(), multiple=0.01).ok


def test_precision_widens_the_tolerance(pack: Path) -> None:
    rough = {
        name: (array.astype(np.float32).view(np.uint32) & 0xFFFF0000).view(np.float32)
        if array.dtype == np.float32
        else array
        for name, array in ported().items()
    }
    report = diff(pack, rough)
    assert not report.ok
    assert "bfloat16" in report.first.diagnosis  # type: ignore[union-attr]
    rough = {name: array for name, array in rough.items() if not name.endswith("scores")}  # cut hidden ones grow
    assert diff(pack, rough, precision="bfloat16").ok


# names and files


def test_maps_of_names(pack: Path, tmp_path: Path) -> None:
    ours = ported()
    theirs = {
        name.replace("bert.encoder.layer.", "blocks.").replace("attention.self.", "attn."): array
        for name, array in ours.items()
    }
    pairs = [(f"{SELF}.*", "blocks.*.attn.*"), ("bert.encoder.layer.*", "blocks.*")]
    for names in (pairs, dict(pairs), lambda name: dict(zip(ours, theirs, strict=True)).get(name)):
        report = diff(pack, theirs, names=names)
        assert report.ok
        assert report.compared == len(ours)
    np.savez(tmp_path / "theirs.npz", **theirs)
    assert diff(pack, tmp_path / "theirs.npz", names=pairs).compared == len(ours)
    save_safetensors(tmp_path / "theirs.safetensors", theirs)
    assert diff(pack, str(tmp_path / "theirs.safetensors"), names=pairs).compared == len(ours)


def test_aliases_find_their_value(pack: Path) -> None:
    report = diff(pack, {"bert.encoder.layer.0": ported()["bert.encoder.layer.0.output"]})
    assert report.compared == 1
    assert report["bert.encoder.layer.0.output"].ok


def test_a_trace_is_a_mapping_too(pack: Path) -> None:
    trace = mb.Trace()
    bert()(**batch(labels=True), trace=trace)
    assert diff(pack, trace).ok


def test_only_some(pack: Path) -> None:
    report = diff(pack, ported("tanh GELU"), only="bert.*.probs")
    assert [row.name for row in report] == [f"bert.encoder.layer.{i}.attention.self.probs" for i in range(2)]
    assert check(pack, bert(), only=["bert.embeddings", "loss"]).compared == 2


def test_missing_and_extra_in_a_foreign_file(pack: Path) -> None:
    values = {"bert.embeddings": ported()["bert.embeddings"], "mystery": np.zeros(3)}
    report = diff(pack, values)
    assert report.ok
    assert report["mystery"].verdict == "extra"
    assert report["cls.predictions"].verdict == "missing"
    assert report["cls.predictions"].ok
    strict = diff(pack, values, partial=False)
    assert not strict.ok
    assert strict.first.verdict == "missing"  # type: ignore[union-attr]


def test_shapes_and_kinds(pack: Path) -> None:
    right = ported()["bert.embeddings"]
    query = "bert.encoder.layer.0.attention.self.query"
    heads = ported()[query].reshape(2, 7, 3, 8).transpose(0, 2, 1, 3)
    for array, words in (
        (right.transpose(1, 0, 2), "transposed: it is the golden tensor with its axes in the order (1, 0, 2)"),
        (right.reshape(14, 24), "the same numbers in the same order, as (14, 24) for (2, 7, 24): reshape it"),
        (right[:, :5], "axis 1 has 5 entries for 7"),
        (np.zeros((24, 14)), "as many numbers, but (24, 14) for (2, 7, 24), and not in the same order"),
    ):
        row = diff(pack, {"bert.embeddings": array})["bert.embeddings"]
        assert row.verdict == "shape"
        assert row.diagnosis == words
    row = diff(pack, {query: heads})[query]
    assert row.diagnosis.startswith("the heads are not merged yet")
    name = "bert.extended_attention_mask"
    mask = open_pack(pack)[name]
    row = diff(pack, {name: np.repeat(mask, 7, axis=2)})[name]
    assert row.diagnosis == "the same mask, repeated for every query"
    row = diff(pack, {"bert.embeddings": right > 0})["bert.embeddings"]
    assert (row.verdict, row.detail) == ("dtype", "golden float32, other bool")


def test_general_patterns(pack: Path) -> None:
    key = "bert.encoder.layer.0.attention.self.key"
    right = ported()[key]
    swapped = right.reshape(2, 7, 3, 8)[:, :, [2, 0, 1]].reshape(right.shape)
    fortran = right.reshape(-1, order="F").reshape(right.shape)
    nan = right.copy()
    nan[0, 0, 0] = np.nan
    for array, words in (
        (swapped, "heads permuted: the golden heads in the order [2, 0, 1]"),
        (fortran, "row-major and column-major are confused"),
        (right[:, ::-1], "tokens permuted: the golden tokens in the order [6, 5, 4, 3, 2, 1, 0]"),
        (nan, "1 of 336 numbers are NaN"),
        (right + 1, "the same number, 1, is added everywhere"),
        (right * np.float32(math.sqrt(8)), "√K, K the width of a head"),
        (right / np.float32(math.sqrt(24)), "1 / √D, D the hidden width"),
    ):
        assert words in diff(pack, {key: array})[key].diagnosis
    gradient = "parameter_grad/bert.pooler.dense.weight"
    weight = "parameter_grad/bert.encoder.layer.0.attention.self.value.weight"
    assert gradient not in open_pack(pack)
    turned = np.array(open_pack(pack)[weight]).T
    assert "transposed: axes 0 and 1" in diff(pack, {weight: turned})[weight].diagnosis
    loss = np.array(open_pack(pack)["loss"]) * 5
    assert diff(pack, {"loss": loss})["loss"].diagnosis == "the loss is the sum over 5 labels, not their mean"


def test_ids_come_first(pack: Path) -> None:
    values = ported()
    ids, types = batch()["input_ids"], batch()["token_type_ids"]
    positions = np.arange(7)[None]
    for name, array, words in (
        ("bert.embeddings.position_ids", positions + 2, "positions are off by 2 everywhere: they start at 0"),
        ("bert.embeddings.position_ids", positions[:, ::-1], "positions follow another rule"),
        ("bert.embeddings.token_type_ids", 1 - types, "token types are swapped"),
        ("bert.embeddings.token_type_ids", 0 * types, "token types are ignored: all are 0"),
        ("input_ids", ids + 1, "the token ids are others: compare the tokenizers first"),
    ):
        first = diff(pack, {**values, name: array}).first
        assert first is not None
        assert first.name == name
        assert words in first.diagnosis


BAD_SIDES: list[tuple[Any, dict[str, Any], str]] = [
    ({"x": np.zeros(1)}, {}, "no name of the given arrays ('x', ...) is in bert.safetensors ('attention_mask', ...)"),
    (3, {}, "a pack, a file or a dict of arrays belongs there, not a int."),
    ({"loss": "much"}, {}, "loss is a str of"),
    ({"loss": [[1], [1, 2]]}, {}, "loss is a list and cannot be read as an array"),
    ({"loss": 1.0}, {"only": "x*"}, "only has 'x*', which fits no tensor of bert.safetensors."),
    ({"loss": 1.0}, {"names": [("loss",)]}, "names has ('loss',): a pair of a golden name and the other name"),
    ({"loss": 1.0}, {"names": {"a.*": "b"}}, "names has 'a.*' for 'b': both need the same number of *."),
]


@pytest.mark.parametrize(("other", "options", "text"), BAD_SIDES, ids=[text[:30] for _, _, text in BAD_SIDES])
def test_bad_sides_are_one_sentence(pack: Path, other: Any, options: dict[str, Any], text: str) -> None:
    with pytest.raises(GoldenError) as caught:
        diff(pack, other, **options)
    assert text in str(caught.value)


def test_bad_files_are_one_sentence(pack: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.npz"
    bad.write_bytes(b"PK not really")
    with pytest.raises(GoldenError, match=r"bad\.npz cannot be read as an \.npz file"):
        diff(pack, bad)
    np.savez(bad, loss=np.array([object()]))
    with pytest.raises(GoldenError, match=r"bad\.npz: 'loss' cannot be read"):
        diff(pack, bad)
    save_safetensors(tmp_path / "x.safetensors", {"x": np.zeros(1)})
    with pytest.raises(GoldenError, match=r"no golden pack: it has no manifest"):
        diff(tmp_path / "x.safetensors", {})


# isolated steps


def steps() -> dict[str, Any]:
    """A port as isolated functions, with its own weights."""
    weights = bert().state_dict()

    def linear(golden: GoldenInputs) -> Any:
        source = {"query": None, "key": None, "value": None}
        last = golden.name.rsplit(".", 1)[-1]
        assert last in source
        before = "bert.embeddings" if golden.layer == 0 else f"bert.encoder.layer.{golden.layer - 1}.output"
        return golden[before] @ weights[f"{golden.name}.weight"].T + weights[f"{golden.name}.bias"]

    def scores(golden: GoldenInputs) -> Any:
        heads = golden.config["num_attention_heads"]
        query, key = (golden.near(part).reshape(2, 7, heads, -1).swapaxes(1, 2) for part in ("query", "key"))
        return query @ key.swapaxes(-1, -2) / np.float32(math.sqrt(8)) + golden["bert.extended_attention_mask"]

    def probs(golden: GoldenInputs) -> Any:
        e = np.exp(golden.near("scores") - golden.near("scores").max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    return {
        f"{SELF}.query": linear, f"{SELF}.key": linear, f"{SELF}.value": linear, f"{SELF}.scores": scores,
        f"{SELF}.probs": probs,
    }  # fmt: skip


def test_isolated_port_without_mistake(pack: Path) -> None:
    report = check(pack, steps(), mode="isolated")
    assert report.ok
    assert report.compared == 10
    probs = steps()[f"{SELF}.probs"]
    assert check(pack, {"*.probs": probs}, mode="isolated").compared == 2  # values, not gradients


def test_one_mistake_is_one_red_line(pack: Path) -> None:
    port = steps()
    right = port[f"{SELF}.scores"]
    only = "bert.encoder.layer.0.attention.self.scores"

    def unscaled(golden: GoldenInputs) -> Any:
        made = right(golden)
        return np.where(made < -1e30, made, np.maximum(made, -1e30) * np.float32(8**0.5))

    port = {only: unscaled, **port}
    report = check(pack, port, mode="isolated")
    assert [row.name for row in report.failures] == [only]
    assert "missing 1/√K" in report.failures[0].diagnosis
    assert "first step that differs" in str(report)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("bert.encoder.layer.0.attention.self.key", lambda weight: weight * 1.01),
        ("bert.encoder.layer.1.output.dense", lambda weight: weight * 0.99),
        ("cls.predictions.transform.dense", lambda weight: weight[::-1]),
        ("bert.encoder.layer.1.attention.output", lambda weight: weight * 1.001),
    ],
)
def test_one_changed_weight_of_a_model_is_one_red_line(pack: Path, name: str, change: Any) -> None:
    model = bert()
    weight = f"{name}.weight" if f"{name}.weight" in model.parameters else f"{name}.LayerNorm.weight"
    changed = np.ascontiguousarray(change(to_numpy(model.parameters[weight])))
    model.parameters[weight] = move(changed, model.parameters.xp, "float32")
    report = check(pack, model, mode="isolated")
    assert [row.name for row in report.failures] == [name]
    assert len(check(pack, model).failures) > 10  # while propagated everything after it differs


def test_wrong_positions_of_a_model_are_one_red_line(tmp_path: Path) -> None:
    model = mb.RobertaModel(
        mb.RobertaConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    )
    path = record(model, {"input_ids": [[5, 6, 7, 1]]}, tmp_path / "p")

    def from_zero(text: np.ndarray, past: int) -> np.ndarray:
        return np.arange(text.shape[1])

    model.default_positions = from_zero  # type: ignore[method-assign]
    report = check(path, model, mode="isolated")
    assert [row.name for row in report.failures] == ["embeddings.position_ids"]
    assert "RoBERTa's start at padding_idx + 1 = 2" in report.failures[0].diagnosis


def test_isolated_functions_that_fail_are_verdicts(pack: Path) -> None:
    def peeks(golden: GoldenInputs) -> Any:
        return golden["cls.predictions"]

    def asks(golden: GoldenInputs) -> Any:
        return golden["nothing.there"]

    def breaks(golden: GoldenInputs) -> Any:
        return 1 / 0

    def words(golden: GoldenInputs) -> Any:
        return "much"

    point = "bert.embeddings.sum"
    for function, text in (
        (peeks, f"the function for {point} asked for cls.predictions, which is not computed before it."),
        (asks, f"the pack holds no 'nothing.there', which the function for {point} asked for."),
        (breaks, "the port's function raised ZeroDivisionError: division by zero"),
        (words, f"{point} is a str of"),
    ):
        report = check(pack, {point: function}, mode="isolated")
        assert report.first is not None
        assert report.first.verdict == "failed"
        assert text in report.first.detail
        assert text in str(report)
    with pytest.raises(GoldenError, match=r"'no\.such\.point' is no point of bert\.safetensors"):
        check(pack, {"no.such.point": breaks}, mode="isolated")
    for port in ({}, {"loss": 1.0}, [breaks]):
        with pytest.raises(GoldenError, match=r"takes a model, or a dict from point names to functions"):
            check(pack, port, mode="isolated")


# reports


def test_text(pack: Path) -> None:
    good, bad = str(diff(pack, ported())), str(diff(pack, ported("tanh GELU")))
    assert good.startswith("OK: 37 of 37 tensors within 16 x their noise floor")
    assert bad.startswith("DIFFERS: ")
    for words in ("first divergence:", "bert.encoder.layer.0.intermediate\n", "= gelu(dense)", "noise floors",
                  "golden ", "ulp, cosine", "diagnosis: tanh-GELU for erf-GELU", "after it, "):  # fmt: skip
        assert words in bad


def test_json_markdown_and_junit(pack: Path) -> None:
    report = diff(pack, ported("tanh GELU"))
    data = json.loads(report.format("json"))
    assert data["ok"] is False
    assert data["first"] == "bert.encoder.layer.0.intermediate"
    row = next(each for each in data["tensors"] if each["name"] == data["first"])
    assert row["max_abs"] > row["tolerance"] == 16 * row["floor"]
    assert {"max_rel", "ulp", "cosine", "nmse", "worst_index", "golden", "other", "diagnosis"} <= set(row)
    markdown = report.format("markdown")
    assert markdown.startswith("**DIFFERS: ")
    assert "First divergence: `bert.encoder.layer.0.intermediate` = gelu(dense)" in markdown
    assert "| `bert.encoder.layer.0.intermediate` | differs | " in markdown
    assert "> tanh-GELU for erf-GELU" in markdown
    suite = ElementTree.fromstring(report.format("junit"))
    assert int(suite.get("failures", "0")) == len(report.failures) == len(suite.findall("testcase/failure"))
    assert int(suite.get("tests", "0")) == len(report.rows) == len(suite.findall("testcase"))
    assert int(suite.get("skipped", "0")) == len(suite.findall("testcase/skipped")) > 0
    with pytest.raises(GoldenError, match="format 'pdf' is not known: choose one of text, json, markdown, junit"):
        report.format("pdf")
    with pytest.raises(KeyError, match="the report has no tensor 'x'"):
        report["x"]
    assert repr(report).startswith("<Report differs: 37 compared, ")


def test_json_has_no_bare_infinity(pack: Path) -> None:
    values = ported()
    values["cls.predictions"] = np.full_like(values["cls.predictions"], np.inf)
    text = diff(pack, values).format("json")
    assert json.loads(text, parse_constant=lambda name: pytest.fail(name))["ok"] is False
