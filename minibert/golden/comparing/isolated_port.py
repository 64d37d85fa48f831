"""Every step of a port on its own: each is fed golden inputs, so one mistake gives one red line.

A port is given as a mapping from point names to functions:

    def scores(golden):
        query, key = golden.near("query"), golden.near("key")
        return my_scores(query, key, golden["bert.extended_attention_mask"], heads=golden.config["num_attention_heads"])

    mb.golden.check("pack.safetensors", {"bert.encoder.layer.*.attention.self.scores": scores}, mode="isolated")

A name may have `*` for any text. The function gets a `GoldenInputs` and returns the array that its step computes.
Whatever has no function is not compared.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from minibert.errors import MinibertError
from minibert.golden.comparing.golden_inputs import GoldenInputs
from minibert.golden.comparing.judge import Judge
from minibert.golden.comparing.report import Report
from minibert.golden.comparing.results import FAILED, TensorResult
from minibert.golden.comparing.selection import Selection
from minibert.golden.errors import GoldenError
from minibert.golden.packs.foreign_arrays import as_numbers
from minibert.golden.packs.named_array import VALUE
from minibert.golden.packs.pack import Entry, Pack


def check_port_isolated(pack: Pack, port: Any, judge: Judge, selection: Selection) -> Report:
    """Judge every step of a port, each fed with golden inputs.

    Raises:
        GoldenError: it is no mapping of functions, or a function is for no point of the pack.
    """
    if not isinstance(port, Mapping) or not port or not all(map(callable, port.values())):
        raise GoldenError('mode "isolated" takes a model, or a dict from point names to functions of golden inputs.')
    before = {name: place for place, name in enumerate(pack.entries)}
    rows, used = [], set()
    for entry in selection.entries:
        key = _function_for(entry, port)
        if key is not None:
            used.add(key)
            rows.append(_judge_step(pack, entry, port[key], judge, before))
    unused = [key for key in port if key not in used]
    if unused and selection.everything:
        raise GoldenError(f"{unused[0]!r} is no point of {pack.path.name}: minibert golden show lists them.")
    return Report(pack.path.name, "the port", "isolated", judge.multiple, rows)


def _function_for(entry: Entry, port: Mapping[str, Any]) -> str | None:
    names = (entry.name, *entry.aliases)
    exact = next((name for name in names if name in port), None)
    if exact is not None or entry.kind != VALUE:  # globs are for values: "*.probs" means no gradient
        return exact
    return next((key for key in port if "*" in key and any(fnmatchcase(name, key) for name in names)), None)


def _judge_step(pack: Pack, entry: Entry, function: Any, judge: Judge, before: dict[str, int]) -> TensorResult:
    try:
        array = as_numbers(entry.name, function(GoldenInputs(pack, entry, before)))
    except MinibertError as reason:
        detail = str(reason)
    except Exception as reason:  # whatever a port may raise is a verdict on its step
        detail = f"the port's function raised {type(reason).__name__}: {reason}"
    else:
        return judge.judge(entry, array)
    return TensorResult.of(entry, FAILED, detail)
