"""Print a script that lets your shell complete minibert's commands, options, tasks, shipped models, and files.

Needs shtab: pip install 'minibert-numpy[completion]'."""

import argparse
from collections.abc import Callable
from typing import Any

SHELLS = ("bash", "zsh", "fish")
_EXAMPLES = """examples:
  minibert completion bash > ~/.local/share/bash-completion/completions/minibert
  minibert completion zsh > ~/.zfunc/_minibert      (with ~/.zfunc in $fpath, before compinit)
  minibert completion fish > ~/.config/fish/completions/minibert.fish
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `minibert completion`."""
    parser.epilog = _EXAMPLES
    parser.add_argument("shell", choices=SHELLS, help="the shell that the script is for")


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    print(script(arguments.shell, arguments.whole))
    return 0


def script(shell: str, whole_parser: Callable[[], argparse.ArgumentParser]) -> str:
    """The completion script of a shell, for what this parser takes.

    Raises:
        InputError: shtab is not installed, or too old.
    """
    from minibert.errors import InputError

    try:
        import shtab
    except ImportError:
        raise InputError(
            "completion needs shtab, which is not installed here: pip install 'minibert-numpy[completion]'."
        ) from None
    if shell not in shtab.SUPPORTED_SHELLS:
        raise InputError(f"shtab {shtab.__version__} knows no {shell}: pip install -U shtab.")
    whole = whole_parser()
    kinds = {"models": _models(), "file": shtab.FILE, "directory": shtab.DIRECTORY}
    for action in _actions(whole):
        kind = _kind(action)
        if kind is not None:
            action.complete = kinds[kind]
    return shtab.complete(whole, shell)


def _actions(parser: argparse.ArgumentParser) -> Any:
    """Every argument of a parser and of its commands; argparse has no public list of them."""
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for sub in dict.fromkeys(action.choices.values()):
                yield from _actions(sub)
        else:
            yield action


def _kind(action: Any) -> str | None:
    """What stands in an argument's place, by its name in the help."""
    names = {"MODEL": "models", "DIR_OR_NAME": "models", "DIR": "directory"}
    names |= dict.fromkeys(("FILE", "PACK", "NPZ", "JSON"), "file")
    return names.get(action.metavar) if isinstance(action.metavar, str) else None


def _models() -> dict[str, Any]:
    """The names of shipped models, and folders."""
    from minibert.weights import shipped_names

    names = " ".join(shipped_names())
    zsh_names = f"'models:shipped model:({names})' " if names else ""
    return {
        "bash": "_minibert_models",
        "zsh": "_minibert_models",
        "fish": "(_minibert_models)",
        "preamble": {
            "bash": f'_minibert_models() {{\n  compgen -W "{names}" -- "$1"\n  compgen -d -- "$1"\n}}',
            "zsh": f"_minibert_models() {{\n  _alternative {zsh_names}'folders:folder:_files -/'\n}}",
            "fish": f"function _minibert_models\n  string split ' ' '{names}'\n  __fish_complete_directories\nend",
        },
    }
