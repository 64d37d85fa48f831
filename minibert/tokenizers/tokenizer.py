"""`PreTrainedTokenizer`: what the three families share. A tokenizer has its stages, and everything else beside them.

    stages/   what is done to a text; `bert.py`, `roberta.py` and `rembert.py` say which stages
    fast/     the same, remembered
    calls/    arguments, truncation, padding, tensors
    files/    vocab.txt, merges.txt, tokenizer.json, sentencepiece.model, folders

Names, arguments and their meaning are those of transformers.
"""

import inspect
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from minibert.errors import InputError, InputWarning, MinibertError, OptionWarning, TokenizerError
from minibert.files.saving import saving
from minibert.messages import quoted
from minibert.tokenizers.calls import from_ids
from minibert.tokenizers.calls.batch_encoding import BatchEncoding
from minibert.tokenizers.calls.calling import OFFSET_UNITS, Call
from minibert.tokenizers.calls.from_ids import as_list
from minibert.tokenizers.calls.options import UNSET_LENGTH, CallOptions, quick_options, resolve_options
from minibert.tokenizers.calls.padding import PadValues, check_side
from minibert.tokenizers.calls.rows import RowBuilder
from minibert.tokenizers.calls.texts import read_texts
from minibert.tokenizers.explain import Explanation, explain
from minibert.tokenizers.fast.collector import collector_paused
from minibert.tokenizers.fast.road import Road
from minibert.tokenizers.files import folder as folders
from minibert.tokenizers.files.tokenizer_json import read_tokenizer_json
from minibert.tokenizers.files.tokenizer_json_writer import write_tokenizer_json
from minibert.tokenizers.stages.added_tokens import AddedToken, AddedVocabulary
from minibert.tokenizers.stages.aligned_text import AlignedText
from minibert.tokenizers.stages.decoding import clean_up_tokenization
from minibert.tokenizers.stages.pipeline import Stages, text_words
from minibert.tokenizers.stages.special_tokens import ROLES, SpecialTokens
from minibert.tokenizers.stages.stage import Token
from minibert.tokenizers.stages.template import Encoding, Template
from minibert.tokenizers.stages.vocabulary import Vocabulary

T = TypeVar("T", bound="PreTrainedTokenizer")
PROFILES = ("transformers", "original")


def _role_token(role: str) -> property:
    def read(self: "PreTrainedTokenizer") -> str | None:
        return self.special.token(role)

    def write(self: "PreTrainedTokenizer", value: Any) -> None:
        self.special.set_role(role, value)

    return property(read, write, doc=f"The {role.removesuffix('_token')} token, or None.")


def _role_id(role: str) -> property:
    def read(self: "PreTrainedTokenizer") -> int | None:
        return self.special.id(role)

    return property(read, doc=f"The id of the {role.removesuffix('_token')} token, or None.")


class StageOption:
    """An option that stages are made with, as an attribute of its tokenizer: to set it makes the stages anew."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = f"_{name}"

    def __get__(self, tokenizer: Any, owner: type | None = None) -> Any:
        return self if tokenizer is None else getattr(tokenizer, self.name)

    def __set__(self, tokenizer: Any, value: Any) -> None:
        setattr(tokenizer, self.name, value)
        if hasattr(tokenizer, "stages"):
            tokenizer.use_stages(tokenizer.make_stages(tokenizer.stages.model, tokenizer.profile == "original"))


class PreTrainedTokenizer:
    """A tokenizer with stages, a vocabulary and special tokens; made by a family's class.

    Args:
        profile: whose rules, "transformers" or "original", see `profiles.py`.
        model_max_length: of the model's texts, in tokens.
        padding_side, truncation_side: "right" or "left".
        clean_up_tokenization_spaces: what `decode` does if it is not told.
        split_special_tokens: special tokens in a text are ordinary text.
        extra_special_tokens: special tokens without a role; `additional_special_tokens` is their old name.
        added_tokens_decoder: id -> added token.

    Raises:
        TokenizerError: an option has no such value.
    """

    family = ""
    class_in_config = ""  # the class that transformers shall load the files with
    vocab_files_names: ClassVar[dict[str, str]] = {}
    model_input_names: ClassVar[list[str]] = ["input_ids", "token_type_ids", "attention_mask"]
    pad_token_type_id = 0
    _file_template: Template | None = None  # a template read from a tokenizer.json
    _family_template: tuple[Any, Template] | None = None  # the family's, and the tokens it was made for
    _warned_of_length = False

    def __init__(
        self,
        stages: Stages,
        roles: Mapping[str, Any],
        *,
        tokens: dict[int, str] | None = None,
        profile: str = "transformers",
        model_max_length: float | None = None,
        padding_side: str = "right",
        truncation_side: str = "right",
        clean_up_tokenization_spaces: bool = False,
        split_special_tokens: bool = False,
        extra_special_tokens: Any = (),
        additional_special_tokens: Any = (),
        added_tokens_decoder: Mapping[int, Any] | None = None,
        name_or_path: str = "",
    ) -> None:
        if profile not in PROFILES:
            raise TokenizerError(f"profile must be one of {list(PROFILES)}, not {quoted(profile)}.")
        self.profile = profile
        self.stages = stages
        self.vocabulary = Vocabulary(stages.model.vocab, tokens, stages.normalizer.surface, type(self).__name__)
        self.special = SpecialTokens(self.vocabulary)
        self.road = Road(stages, self.vocabulary.added)
        self.model_max_length = UNSET_LENGTH if model_max_length is None else int(model_max_length)
        self.padding_side = check_side(padding_side, "padding_side")
        self.truncation_side = check_side(truncation_side, "truncation_side")
        self.clean_up_tokenization_spaces = clean_up_tokenization_spaces
        self.split_special_tokens = split_special_tokens
        self.name_or_path = name_or_path
        self.vocabulary.add_with_ids(added_tokens_decoder or {})
        for role, token in roles.items():
            self.special.set_role(role, token)
        self.special.extra = [*extra_special_tokens, *additional_special_tokens]

    def use_stages(self, stages: Stages) -> None:
        """Go on with other stages over the same vocabulary; what was remembered of the old ones is forgotten."""
        self.stages = stages
        self.vocabulary.added.look_for(stages.normalizer.surface)
        self.road = Road(stages, self.vocabulary.added)

    # ------------------------------------------------------------ text to ids

    def __call__(
        self,
        text: Any = None,
        text_pair: Any = None,
        text_target: Any = None,
        text_pair_target: Any = None,
        add_special_tokens: bool = True,
        padding: Any = False,
        truncation: Any = None,
        max_length: int | None = None,
        stride: int = 0,
        is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: str | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        verbose: bool = True,
        truncation_side: str | None = None,
        split_special_tokens: bool | None = None,
        offsets_unit: str = "codepoint",
    ) -> BatchEncoding:
        """Texts to everything a model takes.

        Args:
            text, text_pair: a str, a list of str, or with `is_split_into_words` a list (of lists) of words.
            text_target, text_pair_target: encoded likewise; the ids become `labels`.
            add_special_tokens: put the family's special tokens around the texts.
            padding: True or "longest", "max_length", False.
            truncation: True or "longest_first", "only_first", "only_second", False.
            max_length: in tokens, special ones included; None means the model's.
            return_overflowing_tokens: what is cut off comes as further rows, and `overflow_to_sample_mapping` tells
                whose they are.
            stride: how many tokens these rows have in common with the row before.
            pad_to_multiple_of: round the padded length up to a multiple of so many tokens.
            padding_side, truncation_side, split_special_tokens: by default the tokenizer's own.
            return_tensors: None for lists, "np" or "cp" for int64 arrays (B, T).
            return_token_type_ids, return_attention_mask: by default what the family's models take.
            return_special_tokens_mask, return_offsets_mapping, return_length: further columns.
            offsets_unit: what offsets count, "codepoint", "utf-8" (bytes) or "utf-16" (code units).

        Returns:
            A `BatchEncoding`: {name: list of one text, list of lists of several, or array}.

        Raises:
            InputError: an argument does not fit (a ValueError too).

        Example:
            >>> import minibert as mb
            >>> tokenizer = mb.AutoTokenizer.from_pretrained("tiny-bert")
            >>> batch = tokenizer(["a dog", "a dog ran home"], padding=True, return_tensors="np")
            >>> batch["attention_mask"]
            array([[1, 1, 1, 1, 0, 0],
                   [1, 1, 1, 1, 1, 1]])
            >>> tokenizer("is it a dog?", "yes")["token_type_ids"]
            [0, 0, 0, 0, 0, 0, 0, 1, 1]
        """
        options = quick_options(
            padding=padding, truncation=truncation, max_length=max_length, stride=stride,
            pad_to_multiple_of=pad_to_multiple_of, padding_side=padding_side or self.padding_side,
            truncation_side=truncation_side or self.truncation_side, model_max_length=self.model_max_length,
            add_special_tokens=add_special_tokens,
        )  # fmt: skip
        if offsets_unit not in OFFSET_UNITS:
            raise InputError(f"offsets_unit must be one of {list(OFFSET_UNITS)}, not {offsets_unit!r}.")
        if text is None and text_target is None:
            raise InputError("You need to specify either `text` or `text_target`.")
        names = self._names(return_token_type_ids, return_attention_mask)
        if return_special_tokens_mask:
            names.append("special_tokens_mask")
        if return_offsets_mapping:
            names.append("offset_mapping")
        if return_length:
            names.append("length")
        if return_overflowing_tokens:
            names.append("overflow_to_sample_mapping")
        builder = self._row_builder(options, return_overflowing_tokens)
        if options.stride:
            builder.check_stride(self.template().count(False))
        split_special = self.split_special_tokens if split_special_tokens is None else split_special_tokens
        warns = verbose and options.max_length is None and not self._warned_of_length
        warn = self._warn_of_length if warns else None
        call = Call(self.road, self.vocabulary, builder, tuple(names), split_special, offsets_unit, warn)
        if text_target is None:
            return self._run(call, text, text_pair, is_split_into_words, return_tensors)
        target = self._run(call, text_target, text_pair_target, is_split_into_words, return_tensors)
        if text is None:
            return target
        result = self._run(call, text, text_pair, is_split_into_words, return_tensors)
        result["labels"] = target["input_ids"]
        return result

    def _run(self, call: Call, text: Any, pair: Any, split: bool, tensors: str | None) -> BatchEncoding:
        texts, batched = read_texts(text, pair, split)
        with collector_paused:
            return call.run(texts, batched, tensors)

    def _names(self, type_ids: bool | None, attention: bool | None) -> list[str]:
        """What a call returns, in the order of transformers' results."""
        names = ["input_ids"]
        if type_ids or (type_ids is None and "token_type_ids" in self.model_input_names):
            names.append("token_type_ids")
        if attention or (attention is None and "attention_mask" in self.model_input_names):
            names.append("attention_mask")
        return names

    def _row_builder(self, options: CallOptions, overflow: bool) -> RowBuilder:
        template = self.template() if options.add_special_tokens else self.stages.post_processor.bare
        return RowBuilder(template, options, self._pad_values, overflow, self.profile == "original")

    def _pad_values(self) -> PadValues:
        if self.pad_token_id is None:
            raise InputError(
                "Asking to pad but the tokenizer does not have a padding token. Please select a token to use as "
                "`pad_token` (tokenizer.pad_token = tokenizer.eos_token, for example) or add a new one via "
                "tokenizer.add_special_tokens({'pad_token': '[PAD]'})."
            )
        return PadValues(self.pad_token_id, self.pad_token_type_id)

    def _warn_of_length(self, size: int) -> None:
        """Once for each tokenizer: this is longer than the model can take."""
        if size > self.model_max_length:
            self._warned_of_length = True
            warnings.warn(
                "Token indices sequence length is longer than the specified maximum sequence length for this model "
                f"({size} > {self.model_max_length}). Running this sequence through the model will result in "
                "indexing errors.",
                InputWarning,
                stacklevel=5,
            )

    def tokenize(
        self, text: str, pair: str | None = None, add_special_tokens: bool = False, **options: Any
    ) -> list[str]:
        """The tokens of a text (and of its pair after it) as strings, without truncation.

        >>> import minibert as mb
        >>> tokenizer = mb.AutoTokenizer.from_pretrained("tiny-bert")
        >>> tokenizer.tokenize("An unbelievable dog!")
        ['an', 'un', '##be', '##l', '##ie', '##v', '##able', 'dog', '!']
        """
        ids = self(text, pair, add_special_tokens=add_special_tokens, verbose=False, **options)["input_ids"]
        return self.convert_ids_to_tokens(ids)

    def encode(self, text: Any, text_pair: Any = None, add_special_tokens: bool = True, **options: Any) -> Any:
        """The ids alone; arguments are those of the call. A list of str is taken as tokens already cut.

        >>> import minibert as mb
        >>> tokenizer = mb.AutoTokenizer.from_pretrained("tiny-bert")
        >>> tokenizer.encode("a dog") == tokenizer("a dog")["input_ids"]
        True
        """
        cut = isinstance(text, list) and text and all(isinstance(token, str) for token in text)
        if cut and not options.get("is_split_into_words", False):
            ids = [self.convert_tokens_to_ids(part) for part in (text, text_pair)]
            return self.prepare_for_model(ids[0], ids[1], add_special_tokens, **options)["input_ids"]
        return self(text, text_pair, add_special_tokens=add_special_tokens, **options)["input_ids"]

    def encode_plus(self, text: Any, text_pair: Any = None, **options: Any) -> BatchEncoding:
        """The call for one text or pair."""
        return self(text, text_pair, **options)

    def batch_encode_plus(self, batch_text_or_text_pairs: Any, **options: Any) -> BatchEncoding:
        """The call for a batch of texts or pairs."""
        return self(list(batch_text_or_text_pairs), **options)

    # ------------------------------------------------------------ the stages, one by one

    def normalize(self, text: AlignedText) -> AlignedText:
        """Stage 1 of a text without added tokens, with the alignment to the original."""
        return self.stages.normalizer.normalize(text)

    def words(self, text: str) -> list[list[Token]]:
        """Stages 1 to 3 by the plain road: the words of a text, each as its tokens; an added token is a word."""
        return text_words(text, self.stages, self.added, self.split_special_tokens)

    def template(self) -> Template:
        """Stage 4: where special tokens go, as the file says that the tokenizer came from, else as the family does."""
        if self._file_template is not None:
            return self._file_template
        special = self.special
        tokens = special.roles["cls_token"], special.roles["sep_token"]
        if self._family_template is None or self._family_template[0] != tokens:
            ids = special.required_id("cls_token"), special.required_id("sep_token")
            self._family_template = tokens, self.stages.post_processor.template(*ids)
        return self._family_template[1]

    def explain(self, text: str) -> Explanation:
        """The steps from a text to its ids as an `Explanation`: data, and with `str()` text to read.

        >>> import minibert as mb
        >>> tokenizer = mb.AutoTokenizer.from_pretrained("tiny-bert")
        >>> print(tokenizer.explain("Sues"))
        WordPiece of 'Sues'
        <BLANKLINE>
        [0:4] text
          lower-case: 'sues'
          words: 'sues'
          'sues' [0:4]
            sues no
            sue no
            su found
            ##es found
            = su (296) ##es (103)
        <BLANKLINE>
        with special tokens:
          [CLS] 2  (added around the text)
          su    296
          ##es  103
          [SEP] 3  (added around the text)
        """
        return explain(text, self.stages, self.vocabulary, self.template(), self.split_special_tokens)

    # ------------------------------------------------------------ special tokens around ids

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """How many special tokens a single text, or a pair, gets."""
        return self.template().count(pair)

    def _laid_out(self, first: Any, second: Any) -> Encoding:
        return self.template().build(from_ids.sequences_of(first, second))

    def build_inputs_with_special_tokens(self, token_ids_0: Any, token_ids_1: Any = None) -> list[int]:
        """Ids with the special tokens of a single text or of a pair around them."""
        return self._laid_out(token_ids_0, token_ids_1).ids

    def create_token_type_ids_from_sequences(self, token_ids_0: Any, token_ids_1: Any = None) -> list[int]:
        """The token types of `build_inputs_with_special_tokens`' result."""
        return self._laid_out(token_ids_0, token_ids_1).type_ids

    def get_special_tokens_mask(
        self, token_ids_0: Any, token_ids_1: Any = None, already_has_special_tokens: bool = False
    ) -> list[int]:
        """1 for special tokens, 0 for others.

        With `already_has_special_tokens` every id of a special token counts, wherever it comes from;
        without, the mask is that of `build_inputs_with_special_tokens`' result.
        """
        if not already_has_special_tokens:
            return self._laid_out(token_ids_0, token_ids_1).special_tokens_mask
        if token_ids_1 is not None:
            raise InputError(
                "With already_has_special_tokens=True all ids belong in token_ids_0; token_ids_1 must be None."
            )
        special = set(self.all_special_ids)
        return [int(id_ in special) for id_ in as_list(token_ids_0)]

    def prepare_for_model(
        self, ids: Any, pair_ids: Any = None, add_special_tokens: bool = True, padding: Any = False,
        truncation: Any = None, max_length: int | None = None, stride: int = 0,
        pad_to_multiple_of: int | None = None, padding_side: str | None = None, return_tensors: str | None = None,
        return_token_type_ids: bool | None = None, return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False, return_special_tokens_mask: bool = False,
        return_length: bool = False, verbose: bool = True, prepend_batch_axis: bool = False,
        truncation_side: str | None = None,
    ) -> BatchEncoding:  # fmt: skip
        """Ids of one text or pair, without special tokens, to everything a model takes. Arguments: `__call__`."""
        options = resolve_options(
            padding=padding, truncation=truncation, max_length=max_length, stride=stride,
            pad_to_multiple_of=pad_to_multiple_of, padding_side=padding_side or self.padding_side,
            truncation_side=truncation_side or self.truncation_side, model_max_length=self.model_max_length,
            add_special_tokens=add_special_tokens,
        )  # fmt: skip
        names = self._names(return_token_type_ids, return_attention_mask)
        names += ["special_tokens_mask"] * return_special_tokens_mask + ["length"] * return_length
        builder = self._row_builder(options, return_overflowing_tokens)
        result = from_ids.row_from_ids(from_ids.sequences_of(ids, pair_ids), builder, names)
        return result.convert_to_tensors(return_tensors, prepend_batch_axis=prepend_batch_axis)

    def truncate_sequences(
        self, ids: list[int], pair_ids: list[int] | None = None, num_tokens_to_remove: int = 0,
        truncation_strategy: Any = "longest_first", stride: int = 0,
    ) -> tuple[list[int], list[int] | None, list[int]]:  # fmt: skip
        """Take `num_tokens_to_remove` ids away; returns both sequences and what was cut off, with `stride` more."""
        strategy = getattr(truncation_strategy, "value", truncation_strategy)
        if num_tokens_to_remove <= 0 or strategy == "do_not_truncate":
            return ids, pair_ids, []
        google = self.profile == "original"
        return from_ids.truncate_ids(
            ids, pair_ids, num_tokens_to_remove, strategy, stride, self.truncation_side, google
        )

    def pad(
        self, encoded_inputs: Any, padding: Any = True, max_length: int | None = None,
        pad_to_multiple_of: int | None = None, padding_side: str | None = None,
        return_attention_mask: bool | None = None, return_tensors: str | None = None, verbose: bool = True,
    ) -> BatchEncoding:  # fmt: skip
        """Pad what calls returned: a dict of lists, or a list of dicts (as a data loader collects them).

        >>> import minibert as mb
        >>> tokenizer = mb.AutoTokenizer.from_pretrained("tiny-bert")
        >>> tokenizer.pad([{"input_ids": [2, 9, 3]}, {"input_ids": [2, 9, 8, 3]}])["attention_mask"]
        [[1, 1, 1, 0], [1, 1, 1, 1]]
        """
        data = from_ids.collected(encoded_inputs)
        single = not data["input_ids"] or not isinstance(data["input_ids"][0], list)
        if single:
            data = {name: [values] for name, values in data.items()}
        options = resolve_options(
            padding=padding, truncation=False, max_length=max_length, stride=0, pad_to_multiple_of=pad_to_multiple_of,
            padding_side=padding_side or self.padding_side, truncation_side=self.truncation_side,
            model_max_length=self.model_max_length,
        )  # fmt: skip
        wanted = "attention_mask" in self.model_input_names if return_attention_mask is None else return_attention_mask
        if wanted and "attention_mask" not in data:
            data["attention_mask"] = [[1] * len(row) for row in data["input_ids"]]
        if options.pads:
            from_ids.pad_rows(data, options, self._pad_values())
        if single:
            data = {name: values[0] for name, values in data.items()}
        return BatchEncoding(data, None, return_tensors, batched=True)

    # ------------------------------------------------------------ special tokens

    bos_token, bos_token_id = _role_token("bos_token"), _role_id("bos_token")
    eos_token, eos_token_id = _role_token("eos_token"), _role_id("eos_token")
    unk_token, unk_token_id = _role_token("unk_token"), _role_id("unk_token")
    sep_token, sep_token_id = _role_token("sep_token"), _role_id("sep_token")
    pad_token, pad_token_id = _role_token("pad_token"), _role_id("pad_token")
    cls_token, cls_token_id = _role_token("cls_token"), _role_id("cls_token")
    mask_token, mask_token_id = _role_token("mask_token"), _role_id("mask_token")

    @property
    def extra_special_tokens(self) -> list[str]:
        """Special tokens without a role, in the order they were added."""
        return self.special.extra

    @extra_special_tokens.setter
    def extra_special_tokens(self, values: Any) -> None:
        self.special.extra = values

    # transformers 4's name of the same
    additional_special_tokens = extra_special_tokens

    @property
    def additional_special_tokens_ids(self) -> list[int]:
        """The ids of the special tokens without a role."""
        return [self.added.ids[token] for token in self.extra_special_tokens]

    @property
    def special_tokens_map(self) -> dict[str, Any]:
        """role -> token, only the roles that are filled."""
        filled: dict[str, Any] = {role: token.content for role, token in self.special.filled().items()}
        extra = self.extra_special_tokens
        return {**filled, "additional_special_tokens": extra} if extra else filled

    @property
    def all_special_tokens(self) -> list[str]:
        """Every special token once: those with a role first."""
        return self.special.all()

    @property
    def all_special_ids(self) -> list[int]:
        """The ids of all special tokens."""
        return [self.added.ids[token] for token in self.all_special_tokens]

    def required_id(self, role: str) -> int:
        """A role's id, or a TokenizerError that says that the role is empty."""
        return self.special.required_id(role)

    def add_special_tokens(
        self, special_tokens_dict: Mapping[str, Any], replace_additional_special_tokens: bool = True
    ) -> int:
        """Fill roles, {"cls_token": "[CLS]", "extra_special_tokens": [...]}; returns how many tokens were new."""
        before = len(self.added.tokens)
        for role, value in special_tokens_dict.items():
            if role in folders.EXTRA:
                self.special.add_extra(value, replace_additional_special_tokens)
            elif role in ROLES:
                self.special.set_role(role, value)
            else:
                raise InputError(
                    f"{role!r} is no role of a special token; the roles are {[*ROLES, 'extra_special_tokens']}."
                )
        return len(self.added.tokens) - before

    # ------------------------------------------------------------ vocabulary

    @property
    def vocab(self) -> dict[str, int]:
        """token -> id of the model, without tokens added to it."""
        return self.vocabulary.ids

    @property
    def added(self) -> AddedVocabulary:
        """The added tokens, special ones among them."""
        return self.vocabulary.added

    @property
    def vocab_size(self) -> int:
        """The size of the model's vocabulary, without tokens added to it."""
        return len(self.vocab)

    def __len__(self) -> int:
        """The number of different tokens, added ones included."""
        return len(self.vocabulary)

    def get_vocab(self) -> dict[str, int]:
        """token -> id, added tokens included."""
        return {**self.vocab, **self.added.ids}

    def get_added_vocab(self) -> dict[str, int]:
        """token -> id of the added (and special) tokens."""
        return dict(sorted(self.added.ids.items(), key=lambda item: item[1]))

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """id -> added token, in the order of ids."""
        return dict(sorted(self.added.by_id.items()))

    def saved_tokens(self) -> dict[int, AddedToken]:
        """id -> added token, as the files that are saved say it."""
        return self.added_tokens_decoder

    @property
    def added_tokens_encoder(self) -> dict[str, int]:
        """token -> id of the added tokens."""
        return self.get_added_vocab()

    def add_tokens(self, new_tokens: Any, special_tokens: bool = False) -> int:
        """Add a token or a list of them (str or AddedToken); returns how many were new.

        A token that the vocabulary already has keeps its id, and from now on is found in text whole.
        """
        return self.vocabulary.add(new_tokens, special_tokens)

    def convert_tokens_to_ids(self, tokens: Any) -> Any:
        """A token's id, or the ids of a list of tokens; an unknown token gives the unknown token's id."""
        if tokens is None:
            return None
        if isinstance(tokens, str):
            id_ = self.vocabulary.id_of(tokens)
            return self.unk_token_id if id_ is None else id_
        return [self.convert_tokens_to_ids(token) for token in tokens]

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """An id's token, or the tokens of a list of ids. Raises InputError for an id outside the vocabulary."""
        ids = ids.__index__() if hasattr(ids, "__index__") and not hasattr(ids, "__len__") else as_list(ids)
        if isinstance(ids, int):
            return self.vocabulary.token_of(ids)
        skipped = set(self.all_special_ids) if skip_special_tokens else ()
        return [self.vocabulary.token_of(id_) for id_ in ids if id_ not in skipped]

    # ------------------------------------------------------------ back to text

    def decode(
        self, token_ids: Any, skip_special_tokens: bool = False, clean_up_tokenization_spaces: bool | None = None
    ) -> Any:
        """Ids back to text; a list of lists gives a list of texts.

        Args:
            token_ids: a list, a NumPy or CuPy array or a tensor.
            skip_special_tokens: leave out [CLS] and its like.
            clean_up_tokenization_spaces: close the blanks before punctuation and English contractions; by default as
                the tokenizer is set.

        Raises:
            InputError: an id is outside the vocabulary.

        >>> import minibert as mb
        >>> tokenizer = mb.AutoTokenizer.from_pretrained("tiny-bert")
        >>> ids = tokenizer.encode("A dog, unbelievable!")
        >>> tokenizer.decode(ids)
        '[CLS] a dog, unbelievable! [SEP]'
        >>> tokenizer.decode(ids, skip_special_tokens=True)
        'a dog, unbelievable!'
        """
        ids = as_list(token_ids)
        if isinstance(ids, int):
            ids = [ids]
        if ids and isinstance(ids[0], list):
            return [self.decode(row, skip_special_tokens, clean_up_tokenization_spaces) for row in ids]
        skipped = self.added.special_ids if skip_special_tokens else ()
        text = self.convert_tokens_to_string([self.vocabulary.token_of(id_) for id_ in ids if id_ not in skipped])
        clean_up = clean_up_tokenization_spaces
        clean_up = self.clean_up_tokenization_spaces if clean_up is None else clean_up
        if clean_up and not self.stages.decoder.cleans_up:
            warnings.warn(
                "clean_up_tokenization_spaces is ignored for byte-level BPE: it would corrupt text that had these "
                "blanks. Ask a tokenizer with profile='original' if you need it.",
                OptionWarning,
                stacklevel=2,
            )
            clean_up = False
        return clean_up_tokenization(text) if clean_up else text

    def batch_decode(
        self, sequences: Any, skip_special_tokens: bool = False, clean_up_tokenization_spaces: bool | None = None
    ) -> list[str]:
        """Each row of ids back to text."""
        return [self.decode(row, skip_special_tokens, clean_up_tokenization_spaces) for row in as_list(sequences)]

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """Tokens, as `tokenize` gives them, back to text."""
        return self.stages.decoder.join(tokens)

    clean_up_tokenization = staticmethod(clean_up_tokenization)

    # ------------------------------------------------------------ files

    @classmethod
    def from_pretrained(cls: type[T], pretrained_model_name_or_path: str | Path, **options: Any) -> T:
        """The tokenizer whose files stand in a folder, ship with minibert, or lie on the Hugging Face Hub.

        Keywords override what the files say. Of a name on the Hub: revision, cache_dir, local_files_only, token,
        force_download, see `minibert.weights.find_checkpoint`. `use_fast` is passed over: there is one tokenizer.
        Raises TokenizerError when a file is missing, damaged, or asks for something unsupported.

        >>> import minibert as mb
        >>> mb.BertTokenizer.from_pretrained("tiny-bert", do_lower_case=False).tokenize("A dog")
        ['[UNK]', 'dog']
        """
        folder = folders.find_folder(pretrained_model_name_or_path, **folders.hub_options(options))
        settings, template = folders.read_folder(folder, cls, cls.__name__)
        settings["name_or_path"] = str(pretrained_model_name_or_path)
        try:
            tokenizer = cls(**{**settings, **options})
        except (TypeError, ValueError, AttributeError, LookupError, ArithmeticError) as error:
            if options or isinstance(error, MinibertError):
                raise
            why = f"{type(error).__name__}: {quoted(str(error))}"
            raise TokenizerError(f"{folder}: a setting in the files is not of its kind ({why}).") from error
        keeps_template = tokenizer.profile == "transformers" and not set(options) & set(ROLES)
        if template is not None and template.pair and keeps_template:
            tokenizer._file_template = template
        return tokenizer

    @classmethod
    def _read_file(cls, tokenizer_file: str | Path, options: dict[str, Any]) -> dict[str, Any]:
        """The vocabulary in a tokenizer.json as arguments of the class; its added tokens go to the options.

        What else the file says gives way to the class's own arguments, as in transformers.
        """
        found = read_tokenizer_json(Path(tokenizer_file))
        folders.check_family(found.family, cls.family, cls.__name__, Path(tokenizer_file))
        options.setdefault("added_tokens_decoder", {id_: token for token, id_ in found.added})
        return found.options

    @classmethod
    def needed_files(cls) -> list[str]:
        """The vocabulary files of the family, tokenizer.json aside."""
        return [name for key, name in cls.vocab_files_names.items() if key != "tokenizer_file"]

    @classmethod
    def find_vocabulary(cls, folder: Path) -> dict[str, Path]:
        """The family's vocabulary files in a folder as arguments of the class; empty unless all are there."""
        files = {key: folder / name for key, name in cls.vocab_files_names.items() if key != "tokenizer_file"}
        return files if all(path.exists() for path in files.values()) else {}

    @classmethod
    def own_options(cls) -> list[str]:
        """The names of the class's own arguments that tokenizer_config.json keeps."""
        files = {"vocab_file", "merges_file", "tokenizer_file"}
        left_out = {"self", "vocab", "merges", "model", "options", *files, *ROLES}
        return [name for name in inspect.signature(cls.__init__).parameters if name not in left_out]

    def save_pretrained(self, save_directory: str | Path, filename_prefix: str | None = None) -> tuple[str, ...]:
        """Write all files that transformers 4 and 5 read into a folder (made if missing); returns their paths.

        All of them are replaced together or not at all, even if the process is killed.

        >>> import tempfile
        >>> import minibert as mb
        >>> tokenizer = mb.AutoTokenizer.from_pretrained("tiny-bert")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     paths = tokenizer.save_pretrained(folder)
        ...     print(sorted(Path(path).name for path in paths))
        ['special_tokens_map.json', 'tokenizer.json', 'tokenizer_config.json', 'vocab.txt']
        """
        folders.check_folder(save_directory)
        with saving(save_directory, TokenizerError) as save:
            written = self._write_into(save.staged, filename_prefix)
            for name in folders.OPTIONAL_FILES:
                save.remove(folders.prefixed(save.folder, filename_prefix, name).name)
        return tuple(str(save.folder / path.name) for path in written)

    def _write_into(self, folder: Path, filename_prefix: str | None) -> list[Path]:
        written = [Path(path) for path in self.save_vocabulary(folder, filename_prefix)]
        contents = {
            "tokenizer_config.json": self._config(),
            "special_tokens_map.json": folders.special_tokens_map(self.special),
        }
        beyond = {token: id_ for token, id_ in self.added.ids.items() if token not in self.vocab}
        if beyond:
            contents["added_tokens.json"] = beyond
        written += folders.write_json_files(contents, folder, filename_prefix)
        if self.profile == "transformers":  # the compiled tokenizers know no other
            path = folders.prefixed(folder, filename_prefix, "tokenizer.json")
            write_tokenizer_json(path, self.stages, self.special, self.template(), self.saved_tokens())
            written.append(path)
        return written

    def save_vocabulary(self, save_directory: str | Path, filename_prefix: str | None = None) -> tuple[str, ...]:
        """Write the vocabulary files alone into a folder; returns their paths."""
        raise NotImplementedError

    def _config(self) -> dict[str, Any]:
        """tokenizer_config.json: the arguments, and every added token by id."""
        config: dict[str, Any] = {name: getattr(self, name) for name in self.own_options() if hasattr(self, name)}
        given = inspect.signature(type(self).__init__).parameters
        config |= {role: None for role in ROLES if given[role].default is not None}  # an empty one is not the default
        config |= {role: token.content for role, token in self.special.filled().items()}
        config |= {
            "added_tokens_decoder": {str(id_): token.to_dict() for id_, token in self.saved_tokens().items()},
            "clean_up_tokenization_spaces": self.clean_up_tokenization_spaces,
            "model_max_length": self.model_max_length,
            "tokenizer_class": self.class_in_config,
        }
        if self.class_in_config != type(self).__name__:
            config["model_input_names"] = self.model_input_names
        if self.extra_special_tokens:
            config["additional_special_tokens"] = self.extra_special_tokens
        defaults = {
            "padding_side": "right", "truncation_side": "right", "profile": "transformers",
            "split_special_tokens": False,
        }  # fmt: skip
        for name, default in defaults.items():
            if getattr(self, name) != default:
                config[name] = getattr(self, name)
        return config
