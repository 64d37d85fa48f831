"""Golden packs: record every value of a run, check a model against them, compare two, show what is in one.

Exit codes: 0 all within tolerance, 3 something differs, 1 a file or an argument does not fit, 2 the command was wrong.
"""

import argparse
import json
import sys
import warnings
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

_EXAMPLES = """output:
  Text; with --json one object: record {"pack", "tensors", "model"}, ladder
  {"folder", "packs"}, show the pack's manifest, check and diff the report (a
  list of them where a folder of packs is checked).

examples:
  minibert golden record tiny-bert "The capital of France is [MASK]." --backward -o capital.safetensors
  minibert golden check capital.safetensors tiny-bert
  minibert golden diff capital.safetensors my_port.npz --names names.json --weights tiny-bert
  minibert golden show capital.safetensors "*probs"
"""

DIFFERS = 3
FORMATS = ("text", "json", "markdown", "junit")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `minibert golden` and its five commands."""
    parser.epilog = _EXAMPLES
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _record_arguments(actions.add_parser("record", help="write every value of a run to a pack"))
    _ladder_arguments(actions.add_parser("ladder", help="write the case ladder, from one token to ten training steps"))
    _check_arguments(actions.add_parser("check", help="run a model and compare it with a pack, or a folder of them"))
    _diff_arguments(actions.add_parser("diff", help="compare arrays of a file with a pack"))
    _show_arguments(actions.add_parser("show", help="print what is in a pack"))


def _record_arguments(parser: argparse.ArgumentParser) -> None:
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


def _ladder_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a checkpoint: a folder, or a name in the local cache")
    parser.add_argument("folder", metavar="DIR", help="where the packs go")
    parser.add_argument("--class", dest="class_name", metavar="CLASS", help="default: what the checkpoint is of")
    parser.add_argument("--dtype", choices=("float32", "float64"), help="default: float32")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pack", metavar="PACK", help="a golden pack, or a folder of them")
    parser.add_argument("model", metavar="MODEL", help="a checkpoint; its class is the pack's")
    parser.add_argument("--isolated", action="store_true", help="feed every step golden inputs: one mistake, one line")
    parser.add_argument("--dtype", choices=("float32", "float64"), help="of the model; default: float32")
    _report_arguments(parser)


def _diff_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("golden", metavar="PACK", help="the golden pack")
    parser.add_argument("other", metavar="FILE", help="a pack, a .safetensors or an .npz file")
    parser.add_argument("--names", metavar="JSON", help="a file with {golden name: other name}; both may have *")
    parser.add_argument("--weights", metavar="MODEL", help="the checkpoint: with it more mistakes can be named")
    parser.add_argument("--partial", action=argparse.BooleanOptionalAction, help="whether names may be missing")
    _report_arguments(parser)


def _report_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", action="append", metavar="GLOB", help="compare just these tensors; may be repeated")
    parser.add_argument("--multiple", type=float, default=16.0, help="the tolerance, in noise floors (default: 16)")
    parser.add_argument(
        "--precision", choices=("float64", "float32", "tf32", "float16", "bfloat16"), help="what the other computes in"
    )
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument("--json", dest="format", action="store_const", const="json", help="the same as --format json")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the report there as well")


def _show_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pack", metavar="PACK", help="a golden pack")
    parser.add_argument("only", nargs="*", metavar="GLOB", help="list just these tensors, with their first numbers")
    parser.add_argument("--json", action="store_true", help="print the manifest as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Do what the action says; gives the exit code."""
    actions = {"record": _record, "ladder": _ladder, "check": _check, "diff": _diff, "show": _show}
    return actions[arguments.action](arguments)


# record


def _record(arguments: argparse.Namespace) -> int:
    from minibert import golden
    from minibert.errors import InputError

    if arguments.ladder is not None:
        if arguments.texts or arguments.inputs or arguments.output:
            raise InputError("--ladder has inputs of its own: give neither texts, --inputs nor --output.")
        arguments.folder = arguments.ladder
        return _ladder(arguments)
    if arguments.output is None:
        raise InputError("there is nowhere to write: give -o PACK.safetensors, or --ladder DIR.")
    model = _load(arguments.model, arguments.class_name, arguments.dtype, arguments.seed)
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


def _load(name: str, class_name: str | None, dtype: str | None, seed: int = 0) -> Any:
    """The checkpoint as a model of this class, or of the class that it says it is of."""
    import minibert
    from minibert.errors import InputError
    from minibert.golden.recording.family import overrides_for
    from minibert.models.files import PreTrainedModel

    if class_name is None:
        class_name = (getattr(minibert.AutoConfig.from_pretrained(name), "architectures", None) or [None])[0]
    made: Any = getattr(minibert, class_name or "AutoModel", None)
    if class_name is not None and not (isinstance(made, type) and issubclass(made, PreTrainedModel)):
        raise InputError(f"{class_name} is not a model class of minibert: give one with --class.")
    overrides = {} if class_name is None else overrides_for(made)
    return made.from_pretrained(name, dtype=dtype, seed=seed, **overrides)


def _ladder(arguments: argparse.Namespace) -> int:
    from minibert import AutoTokenizer, golden
    from minibert.errors import MinibertError

    model = _load(arguments.model, arguments.class_name, arguments.dtype)
    try:
        tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    except MinibertError:  # a checkpoint without a vocabulary still has a ladder
        tokenizer = None
    name = Path(arguments.model).name
    warnings.filterwarnings("ignore", message=".*drawn anew from seed")  # every class has its step, trained or not
    paths = golden.record_ladder(
        model,
        arguments.folder,
        tokenizer,
        load=lambda made: _load(arguments.model, made.__name__, arguments.dtype),
        command=f"minibert golden ladder {name}" + (f" --dtype {arguments.dtype}" if arguments.dtype else ""),
    )
    if arguments.json:
        made = {"folder": str(arguments.folder), "packs": [Path(path).name for path in paths]}
        print(json.dumps(made, ensure_ascii=False))
    else:
        print(f"{arguments.folder}: {len(paths)} packs, and ladder.json, which says what each can detect")
    return 0


# compare


def _check(arguments: argparse.Namespace) -> int:
    from minibert import golden
    from minibert.errors import InputError

    path = Path(arguments.pack)
    packs = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
    if not packs:
        raise InputError(f"{path} holds no golden pack.")
    if len(packs) > 1 and arguments.format == "junit":
        raise InputError("JUnit XML is for one pack at a time: check them one by one.")
    reports = []
    for each in packs:
        pack = golden.open_pack(each)
        model = _load(arguments.model, pack.manifest["model"]["class"], arguments.dtype)
        mode = "isolated" if arguments.isolated and pack.manifest.get("training") is None else "propagated"
        reports.append(
            golden.check(
                pack, model, mode=mode, only=arguments.only, multiple=arguments.multiple, precision=arguments.precision
            )
        )
    return _print_reports(reports, arguments)


def _diff(arguments: argparse.Namespace) -> int:
    from minibert import golden

    pack = golden.open_pack(arguments.golden)
    weights = None
    if arguments.weights is not None:
        weights = _load(arguments.weights, pack.manifest["model"]["class"], None)
    report = golden.diff(
        pack,
        arguments.other,
        names=None if arguments.names is None else _read_names(arguments.names),
        partial=arguments.partial,
        only=arguments.only,
        multiple=arguments.multiple,
        precision=arguments.precision,
        weights=weights,
    )
    return _print_reports([report], arguments)


def _read_names(path: str) -> dict[str, str]:
    from minibert.golden.errors import GoldenError

    try:
        names = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as reason:
        raise GoldenError(f"{path} cannot be read as a JSON file of names: {reason}.") from None
    if not isinstance(names, dict) or not all(isinstance(each, str) for each in names.values()):
        raise GoldenError(f"{path} is no map of names: an object of golden name to other name belongs there.")
    return names


def _print_reports(reports: list[Any], arguments: argparse.Namespace) -> int:
    from minibert.golden.errors import GoldenError

    if arguments.format == "json" and len(reports) > 1:
        text = "[" + ",\n".join(report.format("json") for report in reports) + "]"
    else:
        text = "\n\n".join(report.format(arguments.format) for report in reports)
    print(text)
    if arguments.output is not None:
        try:
            Path(arguments.output).write_text(text + "\n", encoding="utf-8")
        except OSError as reason:
            raise GoldenError(f"{arguments.output} cannot be written: {reason.strerror}.") from None
    return 0 if all(report.ok for report in reports) else DIFFERS


# show


def _show(arguments: argparse.Namespace) -> int:
    from minibert import golden

    pack = golden.open_pack(arguments.pack)
    if arguments.json:
        json.dump(pack.manifest, sys.stdout, ensure_ascii=False, indent=1)
        print()
    elif arguments.only:
        for entry in pack.entries.values():
            if any(fnmatchcase(entry.name, glob) for glob in arguments.only):
                print(_entry_line(entry))
                print(f"    {pack[entry.name].reshape(-1)[:6].tolist()}")
    else:
        print("\n".join(_summary(pack)))
    return 0


def _entry_line(entry: Any) -> str:
    noise = "exact" if entry.floor is None else f"noise floor {entry.floor['max_abs']:.2g}"
    formula = f"  = {entry.formula}" if entry.formula else ""
    return f"{entry.name}  {entry.dtype} {list(entry.shape)}  {noise}{formula}"


def _summary(pack: Any) -> list[str]:
    manifest = pack.manifest
    lines = [f"{pack.path.name}: {manifest['model']['class']}, made by {manifest.get('made_by', '?')}"]
    lines += [f"command: {manifest['command']}"]
    case = manifest.get("case")
    if case:
        lines += [f"case {case.get('name')}", f"  detects: {case.get('detects')}", f"  misses: {case.get('misses')}"]
    for text in (manifest.get("text") or {}).get("texts", []):
        lines.append(f"text: {text}")
    lines.append("semantics:")
    lines += [f"  {rule}: {words}" for rule, words in manifest["semantics"].items()]
    lines.append(f"weights: sha256 {manifest['weights']['sha256']}")
    lines.append("versions: " + ", ".join(f"{name} {number}" for name, number in manifest["versions"].items()))
    lines.append(f"{len(pack)} tensors in execution order:")
    return lines + [f"  {_entry_line(entry)}" for entry in pack.entries.values()]
