"""`AutoTokenizer`: which of the three tokenizers a folder holds."""

from pathlib import Path
from typing import Any

from minibert.errors import TokenizerError
from minibert.messages import quoted
from minibert.tokenizers.bert import BertTokenizer
from minibert.tokenizers.files.folder import find_folder
from minibert.tokenizers.files.tokenizer_json import read_tokenizer_json
from minibert.tokenizers.files.vocabulary_files import read_json
from minibert.tokenizers.rembert import RemBertTokenizer
from minibert.tokenizers.roberta import RobertaTokenizer
from minibert.tokenizers.tokenizer import PreTrainedTokenizer
from minibert.weights.find import HUB_OPTIONS

CLASSES: dict[str, type[PreTrainedTokenizer]] = {
    "bert": BertTokenizer, "roberta": RobertaTokenizer, "rembert": RemBertTokenizer,
}  # fmt: skip
GENERIC = ("PreTrainedTokenizer", "TokenizersBackend")  # classes that could be any family


class AutoTokenizer:
    """Chooses the class by what a folder's files say.

    Not made itself: `AutoTokenizer.from_pretrained(folder)` gives a `BertTokenizer`, a `RobertaTokenizer` or a
    `RemBertTokenizer`.

    Raises:
        TokenizerError: the files say nothing of a tokenizer, or name a class that minibert does not have.

    Example:
        >>> for name in ("tiny-bert", "tiny-roberta", "tiny-rembert"):
        ...     tokenizer = AutoTokenizer.from_pretrained(name)
        ...     print(type(tokenizer).__name__, tokenizer.tokenize("The dog"))
        BertTokenizer ['the', 'dog']
        RobertaTokenizer ['The', 'Ġdog']
        RemBertTokenizer ['▁The', '▁dog']
    """

    def __init__(self) -> None:
        raise TokenizerError("AutoTokenizer is not made itself: use AutoTokenizer.from_pretrained(folder).")

    @staticmethod
    def from_pretrained(pretrained_model_name_or_path: str | Path, **options: Any) -> PreTrainedTokenizer:
        """The tokenizer in a folder, whichever of the three it is.

        Looked at in this order: tokenizer_config.json's tokenizer_class, config.json's model_type,
        tokenizer.json's model, which vocabulary files there are. Raises TokenizerError when they say nothing,
        or name a class that minibert does not have.
        """
        hub = {name: options[name] for name in HUB_OPTIONS if name in options}
        folder = find_folder(pretrained_model_name_or_path, **hub)
        return CLASSES[family_of(folder)].from_pretrained(pretrained_model_name_or_path, **options)


def family_of(folder: Path) -> str:
    """ "bert", "roberta" or "rembert"."""
    for name, key in (("tokenizer_config.json", "tokenizer_class"), ("config.json", "model_type")):
        data = read_json(folder / name) if (folder / name).exists() else {}
        value = data.get(key) if isinstance(data, dict) else None
        if not isinstance(value, str) or value.removesuffix("Fast") in GENERIC:
            continue
        family = value.removesuffix("Fast").removesuffix("Tokenizer").lower()
        if family not in CLASSES:
            raise TokenizerError(
                f"{folder / name}: {key} is {quoted(value)}; minibert has tokenizers for {', '.join(CLASSES)} only."
            )
        return family
    if (folder / "tokenizer.json").exists():
        return read_tokenizer_json(folder / "tokenizer.json").family
    for family, cls in CLASSES.items():
        if cls.find_vocabulary(folder):
            return family
    raise TokenizerError(
        f"{folder}: nothing here says which tokenizer it is: no tokenizer_config.json with a tokenizer_class, no "
        "config.json with a model_type, no tokenizer.json and no vocabulary file."
    )
