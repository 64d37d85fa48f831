"""The documentation's examples with transformers itself, on the same checkpoints: what they name agrees to 1e-5.

Both libraries run the very functions of tests/documentation/examples.py, through a door that has every model in
float64. New heads are drawn by minibert, and given to transformers' model.
"""

import warnings
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import minibert as mb
from tests.documentation import examples as x
from tests.documentation.hub import folder_of, hub
from tests.documentation.pages import EXAMPLES, Example

torch = pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[reference]'")
transformers = pytest.importorskip(
    "transformers", reason="transformers is not installed: pip install -e '.[reference]'"
)

pytestmark = [pytest.mark.reference, pytest.mark.filterwarnings("ignore:.*drawn anew from seed")]
transformers.logging.set_verbosity_error()
NOT_COMPARED = {"pipeline", "model", "tokenizer", "outputs", "given", "read"}  # objects, not what they say


@pytest.fixture(autouse=True)
def local_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(hub()))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


class Ours:
    """minibert, with every model in float64."""

    def __getattr__(self, name: str) -> Any:
        thing = getattr(mb, name)
        if name == "pipeline":
            return lambda **options: mb.pipeline(**{**options, "dtype": "float64"})
        if "Config" in name or "Tokenizer" in name:
            return thing
        return SimpleNamespace(
            from_pretrained=lambda checkpoint, **options: thing.from_pretrained(
                checkpoint, **{**options, "dtype": "float64"}
            )
        )


class Theirs:
    """transformers, that takes and gives NumPy arrays."""

    def __getattr__(self, name: str) -> Any:
        thing = getattr(transformers, name)
        if name == "pipeline":
            return lambda **options: thing(
                **{**options, "model": str(folder_of(options["model"])), "dtype": torch.float64}
            )
        if "Config" in name or "Tokenizer" in name:
            return SimpleNamespace(from_pretrained=lambda checkpoint: thing.from_pretrained(folder_of(checkpoint)))
        return SimpleNamespace(
            from_pretrained=lambda checkpoint, **options: TheirModel(
                *self._load(thing, name, checkpoint, {**options, "dtype": "float64"})
            )
        )

    def _load(self, thing: Any, name: str, checkpoint: str, options: dict[str, Any]) -> tuple[Any]:
        config = options.pop("config", None)
        ours_config = {} if config is None else {"is_decoder": config.is_decoder}
        ours = getattr(mb, name).from_pretrained(checkpoint, **options, **ours_config)
        options.pop("device_map", None)  # needs another package
        if config is not None:
            options["config"] = config
        theirs = thing.from_pretrained(folder_of(checkpoint), **{**options, "dtype": torch.float64})
        weights = {key: torch.tensor(array) for key, array in ours.state_dict().items()}
        missing, unexpected = theirs.load_state_dict(weights, strict=False)
        assert not unexpected
        assert all("decoder" in key or "pooler" in key for key in missing), missing
        theirs.tie_weights()
        return (theirs.eval(),)


class TheirModel:
    """A model of transformers that is called with arrays."""

    def __init__(self, model: Any) -> None:
        self.model, self.config, self.device = model, model.config, "cpu"

    def __call__(self, *args: Any, **inputs: Any) -> Any:
        if args:  # TensorFlow's form
            (inputs,) = args
        tensors = {name: torch.tensor(np.asarray(value)) for name, value in inputs.items()}
        with torch.no_grad():
            outputs = self.model(**tensors)
        given: dict[str, Any] = {"loss": None}
        given |= {name: value.numpy() for name, value in outputs.items() if isinstance(value, torch.Tensor)}
        return SimpleNamespace(**given)


def same(ours: Any, theirs: Any, where: str) -> None:
    """The same strings and integers, and reals to 1e-5."""
    if isinstance(theirs, Mapping):
        assert set(ours) == set(theirs), where
        for key in theirs:
            if key not in NOT_COMPARED:
                same(ours[key], theirs[key], f"{where}.{key}")
    elif isinstance(theirs, np.ndarray | np.floating) and np.asarray(theirs).dtype.kind == "f":
        assert np.shape(ours) == np.shape(theirs), where
        assert np.all(np.abs(ours - theirs) <= 1e-5 * np.maximum(1.0, np.abs(theirs))), where
    elif isinstance(theirs, np.ndarray):
        np.testing.assert_array_equal(ours, theirs, err_msg=where)
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), where
        for i, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            same(one, other, f"{where}[{i}]")
    elif isinstance(theirs, float):
        assert abs(ours - theirs) <= 1e-5 * max(1.0, abs(theirs)), (where, ours, theirs)
    else:
        assert ours == theirs, (where, ours, theirs)


@pytest.mark.parametrize("example", [one for one in EXAMPLES if one.function is not x.configuration], ids=str)
def test_example(example: Example) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = example.run(Theirs())
    same(example.run(Ours()), theirs, str(example))


def test_same_refuses_what_differs() -> None:
    """The comparison itself."""
    for ours, theirs in (
        ({"a": 1.0}, {"a": 1.00002}),
        ({"a": "x"}, {"a": "y"}),
        ({}, {"a": 1}),
        ([1], [1, 2]),
        (np.array([1.0]), np.array([1.1])),
        (np.array([1.0]), np.array([[1.0]])),
        (np.array([1.0]), np.array([np.nan])),
        (np.array([1]), np.array([2])),
    ):
        with pytest.raises(AssertionError):
            same(ours, theirs, "")


@pytest.mark.parametrize("family", ["Bert", "Roberta", "RemBert"])
def test_configuration_in_full_size(family: str) -> None:
    """Defaults, and the model that they make: the same parameters of the same shapes."""
    found = x.configuration(mb, family)
    configuration = getattr(transformers, f"{family}Config")()
    theirs = configuration.to_dict()
    for name, value in found["given"].to_dict().items():
        if name in theirs and name not in ("dtype", "torch_dtype"):
            assert theirs[name] == value, name
    with torch.device("meta"):
        model = getattr(transformers, f"{family}Model")(configuration)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    assert {name: array.shape for name, array in found["model"].state_dict().items()} == shapes
    assert found["model"].num_parameters() == sum(parameter.numel() for parameter in model.parameters())


TEXT = "Hello, my dog is cute <mask> [MASK] Jim Henson"
METHODS: dict[str, Callable[[Any], Any]] = {
    "call": lambda tok: dict(tok(TEXT, "Who was Jim?")),
    "build_inputs_with_special_tokens": lambda tok: tok.build_inputs_with_special_tokens([7, 8], [9]),
    "build_inputs_with_special_tokens, alone": lambda tok: tok.build_inputs_with_special_tokens([7, 8]),
    "get_special_tokens_mask": lambda tok: tok.get_special_tokens_mask(
        tok("Hello", "my dog")["input_ids"], already_has_special_tokens=True
    ),
    "create_token_type_ids_from_sequences": lambda tok: tok.create_token_type_ids_from_sequences([7, 8], [9]),
    "create_token_type_ids_from_sequences, alone": lambda tok: tok.create_token_type_ids_from_sequences([7, 8]),
    "decode": lambda tok: tok.decode(tok(TEXT)["input_ids"], skip_special_tokens=True),
    "convert_tokens_to_string": lambda tok: tok.convert_tokens_to_string(tok.tokenize("my dog is cute")),
    "tokens": lambda tok: [getattr(tok, f"{role}_token") for role in ("unk", "sep", "pad", "cls", "mask")],
    "length": len,
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("class_name", "name"),
    [
        ("BertTokenizer", x.BERT),
        ("BertTokenizerFast", x.BERT),
        ("RobertaTokenizer", x.ROBERTA),
        ("RobertaTokenizerFast", x.ROBERTA),
        ("RemBertTokenizer", x.REMBERT),
    ],
)
def test_documented_methods_of_tokenizers(class_name: str, name: str, method: str) -> None:
    ours = getattr(mb, class_name).from_pretrained(name)
    theirs = getattr(transformers, class_name).from_pretrained(folder_of(name))
    assert METHODS[method](ours) == METHODS[method](theirs)
