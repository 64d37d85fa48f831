"""Write every value of a run to a pack."""

import argparse
import json
from pathlib import Path
from typing import Any

from minibert.commands.golden_actions import ladder
from minibert.commands.golden_actions.model import load_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `minibert golden record`."""
    parser.add_argument("model", metavar="MODEL", help="a checkpoint: a folder, or a name in the local cache")
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="the texts; several make a padded batch")
    parser.add_argument("--pair", action="append", metavar="TEXT", help="the second text of each text, once a text")
    parser.add_argument("--inputs", metavar="NPZ", help="arrays to call the model with, instead of texts")
    parser.add_argument("--class", dest="class_name", metavar="CLASS", help="default: what the checkpoint is of")
    parser.add_argument(
        "--backward", action="store_true", help="all gradients too; labels that are not in NPZ are made by rule"
    )
    parser.add_argument("--dtype", choices=("float32", "float64"), help="default: float32")
    parser.add_argument("--seed", type=int, default=0, help="of the weights of a head that the checkpoint lacks")
    parser.add_argument("-o", "--output", metavar="PACK", help="the file to write, .safetensors")
    parser.add_argument("--ladder", metavar="DIR", help="write the case ladder to this folder instead")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Record one pack, or with --ladder all of them."""
    from minibert import golden
    from minibert.errors import InputError

    if arguments.ladder is not None:
        if arguments.texts or arguments.inputs or arguments.output:
            raise InputError("--ladder has inputs of its own: give neither texts, --inputs nor --output.")
        arguments.folder = arguments.ladder
        return ladder.run(arguments)
    if arguments.output is None:
        raise InputError("there is nowhere to write: give -o PACK.safetensors, or --ladder DIR.")
    model = load_model(arguments.model, arguments.class_name, arguments.dtype, arguments.seed)
    inputs, text = _inputs(arguments, model)
    golden.record(model, inputs, arguments.output, arguments.backward, **text, command=_command(arguments))
    entries = golden.open_pack(arguments.output).entries
    if arguments.json:
        made = {"pack": arguments.output, "tensors": len(entries), "model": type(model).__name__}
        print(json.dumps(made, ensure_ascii=False))
    else:
        print(f"{arguments.output}: {len(entries)} tensors of {type(model).__name__}")
    return 0


def _inputs(arguments: argparse.Namespace, model: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the model is called with, and what is said of the text."""
    import numpy as np

    from minibert import AutoTokenizer
    from minibert.errors import InputError
    from minibert.golden.packs.foreign_arrays import open_values
    from minibert.golden.recording.text import encode

    text: dict[str, Any] = {}
    if (arguments.inputs is None) == (not arguments.texts):
        raise InputError("give either texts or --inputs NPZ.")
    if arguments.inputs is not None:
        values, _ = open_values(arguments.inputs)
        inputs = {name: values[name] for name in values}
    else:
        pairs = arguments.pair
        if pairs is not None and len(pairs) != len(arguments.texts):
            raise InputError(f"there are {len(arguments.texts)} texts and {len(pairs)} of --pair: one for each.")
        tokenizer = AutoTokenizer.from_pretrained(arguments.model)
        inputs = dict(encode(tokenizer, arguments.texts, pairs))
        text = {"text": arguments.texts, "text_pair": pairs, "tokenizer": tokenizer}
    if arguments.backward and "labels" not in inputs and "start_positions" not in inputs and "input_ids" in inputs:
        inputs.update(model.example_labels(model.config, np.asarray(inputs["input_ids"])))
    return inputs, text


def _command(arguments: argparse.Namespace) -> str:
    """The command without the machine's folders, so that it is the same everywhere."""
    words = ["minibert", "golden", "record", Path(arguments.model).name, *map(repr, arguments.texts)]
    for pair in arguments.pair or []:
        words += ["--pair", repr(pair)]
    for name in ("inputs", "class_name", "dtype"):
        value = getattr(arguments, name)
        if value is not None:
            words += [f"--{name.removesuffix('_name')}", Path(value).name]
    words += ["--backward"] if arguments.backward else []
    words += ["--seed", str(arguments.seed)] if arguments.seed else []
    return " ".join(words)
