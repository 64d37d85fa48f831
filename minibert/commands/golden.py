"""Golden packs: record every value of a run, check a model against them, compare two, show what is in one.

Exit codes: 0 all within tolerance, 3 something differs, 1 a file or an argument does not fit, 2 the command was wrong.
"""

import argparse

from minibert.commands.golden_actions import check, diff, ladder, record, show

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

# name -> (its module, one line of help)
ACTIONS = {
    "record": (record, "write every value of a run to a pack"),
    "ladder": (ladder, "write the case ladder, from one token to ten training steps"),
    "check": (check, "run a model and compare it with a pack, or a folder of them"),
    "diff": (diff, "compare arrays of a file with a pack"),
    "show": (show, "print what is in a pack"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `minibert golden` and its five actions."""
    parser.epilog = _EXAMPLES
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, (module, text) in ACTIONS.items():
        module.add_arguments(actions.add_parser(name, help=text))


def run(arguments: argparse.Namespace) -> int:
    """Do what the action says; gives the exit code."""
    module, _ = ACTIONS[arguments.action]
    return module.run(arguments)
