"""What every tokenizer shares: a vocabulary, added tokens, and the way from a text to its tokens.

A family (BERT, RoBERTa, RemBERT) fills in the four stages; the order in which they act is here:

    text -> added tokens found -> normalised -> added tokens found again -> words -> pieces
         -> truncated -> special tokens around it -> padded            (`calling.py`)

Two roads lead through the stages and must agree: `_ids` gives ids alone, as fast as it can; `_sequence`
with `details` also keeps, for each token, its span in the text and its word.
"""

from collections.abc import Iterable, Mapping
from itertools import chain, count, repeat
from typing import Any, ClassVar, NamedTuple

from minibert.errors import InputError, TokenizerError
from minibert.tokenizers.calls.options import UNSET_LENGTH
from minibert.tokenizers.calls.padding import check_side
from minibert.tokenizers.fast.chunks import LocatedText
from minibert.tokenizers.stages.added_tokens import AddedToken, AddedVocabulary
from minibert.tokenizers.stages.aligned_text import AlignedText, Span
from minibert.tokenizers.stages.special_tokens import ROLES, SpecialTokens
from minibert.tokenizers.stages.template import BARE, Sequence, Template

PROFILES = ("transformers", "original")


class Token(NamedTuple):
    """A piece found in the text: its id and where it stands in the original."""

    id: int
    span: Span


class TokenizerBase(SpecialTokens):
    """Vocabulary, added tokens, encoding of one text, decoding. See the module's description."""

    model_input_names: ClassVar[list[str]] = ["input_ids", "token_type_ids", "attention_mask"]
    _template_of: tuple[Any, Template] | None = None  # the family's, for the roles it was made for
    _own_template: Template | None = None  # a template read from a tokenizer.json
    bare_template = BARE  # where sequences go when no special tokens are added
    _finishes_early = True  # whether `_located` can do what `_finish_offsets` does

    def __init__(
        self,
        vocab: Mapping[str, int],
        *,
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
            raise TokenizerError(f"profile must be one of {list(PROFILES)}, not {profile!r}.")
        self.profile = profile
        self.vocab = dict(vocab)
        self.tokens_by_id = dict(zip(self.vocab.values(), self.vocab, strict=True))
        self.added = AddedVocabulary(self._surface_for_search)
        self._roles: dict[str, AddedToken | None] = dict.fromkeys(ROLES)
        self._extra: list[AddedToken] = []
        self.model_max_length = UNSET_LENGTH if model_max_length is None else int(model_max_length)
        self.padding_side = check_side(padding_side, "padding_side")
        self.truncation_side = check_side(truncation_side, "truncation_side")
        self.clean_up_tokenization_spaces = clean_up_tokenization_spaces
        self.split_special_tokens = split_special_tokens
        self.name_or_path = name_or_path
        # added by `_set_roles`, when the family's model is ready; first those that come with an id
        self._waiting_added = dict(added_tokens_decoder or {})
        self._waiting_extra = [*extra_special_tokens, *additional_special_tokens]

    # ------------------------------------------------------------ what a family fills in

    def normalize(self, text: AlignedText) -> AlignedText:
        """Stage 1, with the alignment to the original."""
        raise NotImplementedError

    def _normalized(self, text: str) -> str:
        """Stage 1 without the alignment."""
        return self.normalize(AlignedText.from_text(text)).text

    def _surface_for_search(self, content: str) -> str | None:
        """What a token with normalized=True looks like in normalised text; None: search it in raw text."""
        return self._normalized(content)

    def _words(self, text: AlignedText) -> list[list[Token]]:
        """Stages 2 and 3 of normalised text: its words, each as the pieces that the model cuts it into."""
        raise NotImplementedError

    def _cut(self, text: AlignedText, spans: list[Span]) -> list[list[Token]]:
        """Stage 3: each word, a span of normalised text, as the pieces that the model cuts it into."""
        raise NotImplementedError

    def _piece_ids(self, text: str) -> list[int]:
        """Stages 1 to 3 of text without added tokens: ids alone, fast."""
        raise NotImplementedError

    def _normalized_ids(self, text: str) -> list[int]:
        """Stages 2 and 3 of normalised text: ids alone."""
        return [token.id for word in self._words(AlignedText.from_text(text)) for token in word]

    def _finish_offsets(self, sequence: Sequence, source: str | list[str]) -> None:
        """A last word on the offsets, after truncation (RoBERTa trims blanks here); `source` is the text."""

    def _join(self, tokens: list[str]) -> str:
        """Tokens back to text: the family's decoder."""
        raise NotImplementedError

    def _family_template(self) -> Template:
        """Stage 4: where the family puts special tokens."""
        raise NotImplementedError

    def _template(self) -> Template:
        """Where special tokens go: as the file says that the tokenizer came from, else as the family does."""
        if self._own_template is not None:
            return self._own_template
        roles = (self.cls_token_id, self.sep_token_id)
        if self._template_of is None or self._template_of[0] != roles:
            self._template_of = (roles, self._family_template())
        return self._template_of[1]

    # ------------------------------------------------------------ one text

    def _ids(self, text: str, split_special: bool = False) -> list[int]:
        """The ids of a text, no special tokens around it."""
        raw, late = self.added.raw, self.added.normalized
        if raw.absent(text) and not late.tokens:
            return self._piece_ids(text)
        ids: list[int] = []
        for match in raw.split(text, split_special):
            if match.id is not None:
                ids.append(match.id)
                continue
            part = text[match.start : match.end]
            if not late.tokens:
                ids += self._piece_ids(part)
                continue
            normalized = self._normalized(part)
            if late.absent(normalized):
                ids += self._piece_ids(part)
                continue
            for found in late.split(normalized, split_special):
                if found.id is not None:
                    ids.append(found.id)
                else:
                    ids += self._normalized_ids(normalized[found.start : found.end])
        return ids

    def _sequence(self, text: str, details: bool, split_special: bool = False, only_spans: bool = False) -> Sequence:
        """A text's tokens; with `details` also their spans and words, the words not if `only_spans`."""
        if not details:
            return Sequence(self._ids(text, split_special))
        quick = self._quick_sequence(text, split_special, only_spans)
        if quick is not None:
            return quick
        words = self._text_words(text, split_special)
        return Sequence(
            [token.id for word in words for token in word],
            [token.span for word in words for token in word],
            [i for i, word in enumerate(words) for _ in word],
        )

    def _quick_sequence(self, text: str, split_special: bool, only_spans: bool = False) -> Sequence | None:
        """Tokens with spans by the fast road, or None if this text must take the plain one."""
        if self.added.normalized.tokens and not self.added.normalized.absent(self._normalized(text)):
            return None
        if self.added.raw.absent(text):
            finish = only_spans and self._finishes_early
            found = self._located(text, 0, finish, not only_spans)
            return None if found is None else Sequence(found[0], found[1], _owners(found[2]), finish)
        ids: list[int] = []
        offsets: list[Span] = []
        sizes: list[int] = []  # how many tokens each word has
        for match in self.added.raw.split(text, split_special):
            if match.id is not None:
                found = [match.id], [(match.start, match.end)], [1]
            else:
                found = self._located(text[match.start : match.end], match.start, False, not only_spans)
            if found is None:
                return None
            ids += found[0]
            offsets += found[1]
            sizes += found[2] or ()
        return Sequence(ids, offsets, None if only_spans else _owners(sizes))

    def _located(self, text: str, start: int, finish: bool, with_sizes: bool) -> LocatedText | None:
        """Ids, spans and sizes of words, of text between two added tokens; None: there is no fast road.

        `finish`: do what `_finish_offsets` would do.
        """
        return None

    def _split_sequence(self, text: Iterable[str], details: bool, split_special: bool = False) -> Sequence:
        """The same for a text that comes as words; spans count from the start of each word."""
        if not details:
            return Sequence([id_ for word in text for id_ in self._ids(word, split_special)])
        sequence = Sequence([], [], [])
        for i, word in enumerate(text):
            part = self._sequence(word, True, split_special)
            sequence.ids += part.ids
            sequence.offsets += part.offsets  # type: ignore[operator]
            sequence.words += [i] * len(part.ids)  # type: ignore[operator]
        return sequence

    def _text_words(self, text: str, split_special: bool = False) -> list[list[Token]]:
        """All words of a text, an added token being a word of its own."""
        words: list[list[Token]] = []
        for match in self.added.raw.split(text, split_special):
            if match.id is not None:
                words.append([Token(match.id, (match.start, match.end))])
                continue
            words += self._part_words(AlignedText.from_text(text[match.start : match.end], match.start), split_special)
        return words

    def _part_words(self, text: AlignedText, split_special: bool) -> list[list[Token]]:
        """The words of text between two added tokens: normalised, searched again, cut."""
        words: list[list[Token]] = []
        normalized = self.normalize(text)
        for found in self.added.normalized.split(normalized.text, split_special):
            if found.id is not None:
                words.append([Token(found.id, normalized.span(found.start, found.end))])
            else:
                words += self._words(normalized.part(found.start, found.end))
        return words

    def explain(self, text: str) -> Any:
        """The steps from a text to its ids as an `Explanation`: data, and with `str()` text to read."""
        from minibert.tokenizers.explain import explain

        return explain(self, text)

    # ------------------------------------------------------------ vocabulary

    @property
    def vocab_size(self) -> int:
        """The size of the model's vocabulary, without tokens added to it."""
        return len(self.vocab)

    def __len__(self) -> int:
        """The number of different tokens, added ones included."""
        return len(self.vocab) + sum(token not in self.vocab for token in self.added.tokens)

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
        if isinstance(new_tokens, str | AddedToken) or not isinstance(new_tokens, Iterable):
            new_tokens = [new_tokens]
        fresh: dict[str, tuple[AddedToken, int]] = {}
        next_id = max(len(self.vocab), max(self.added.by_id, default=-1) + 1)
        for value in new_tokens:
            token = AddedToken.from_value(value, special=special_tokens)
            content = token.content
            if not content or content in self.added.tokens or content in fresh:
                continue
            if content in self.vocab:
                fresh[content] = (token, self.vocab[content])
            else:
                fresh[content] = (token, next_id)
                next_id += 1
        self.added.add_all(fresh.values())
        return len(fresh)

    def _add_with_ids(self, tokens: Mapping[int, Any]) -> None:
        """Add tokens under the ids that a file gives them."""
        pairs = [(AddedToken.from_value(value), id_) for id_, value in sorted(tokens.items())]
        for token, id_ in pairs:
            known = self.added.ids.get(token.content, self.vocab.get(token.content))
            if known is not None and known != id_:
                raise TokenizerError(
                    f"The added token {token.content!r} has the id {id_}, but in the vocabulary it has {known}."
                )
            taken = self.tokens_by_id.get(id_)
            if taken is not None and taken != token.content:
                raise TokenizerError(f"The added token {token.content!r} has the id {id_}, which belongs to {taken!r}.")
        self.added.add_all(pairs)

    def _set_roles(self, **roles: Any) -> None:
        """Add the tokens that come with ids, fill the roles, then add the special tokens without one."""
        self._add_with_ids(self._waiting_added)
        for role, token in roles.items():
            self._set_role(role, token)
        self.extra_special_tokens = self._waiting_extra

    def _add_special(self, token: AddedToken) -> None:
        if self.added.tokens.get(token.content) == token:
            return
        if token.content in self.added.tokens:
            self.added.add(token, self.added.ids[token.content])
        else:
            self.add_tokens(token, special_tokens=True)

    def add_special_tokens(
        self, special_tokens_dict: Mapping[str, Any], replace_additional_special_tokens: bool = True
    ) -> int:
        """Fill roles, {"cls_token": "[CLS]", "extra_special_tokens": [...]}; returns how many tokens were new."""
        before = len(self.added.tokens)
        for role, value in special_tokens_dict.items():
            if role in ("additional_special_tokens", "extra_special_tokens"):
                kept = [] if replace_additional_special_tokens else list(self._extra)
                self.extra_special_tokens = kept + [token for token in value if str(token) not in map(str, kept)]
            elif role in ROLES:
                self._set_role(role, value)
            else:
                raise InputError(
                    f"{role!r} is no role of a special token; the roles are {[*ROLES, 'extra_special_tokens']}."
                )
        return len(self.added.tokens) - before

    def convert_tokens_to_ids(self, tokens: Any) -> Any:
        """A token's id, or the ids of a list of tokens; an unknown token gives the unknown token's id."""
        if tokens is None:
            return None
        if isinstance(tokens, str):
            return self._token_id(tokens)
        return [self._token_id(token) for token in tokens]

    def _token_id(self, token: str) -> int | None:
        id_ = self.added.ids.get(token)
        if id_ is None:
            id_ = self.vocab.get(token)
        return self.unk_token_id if id_ is None else id_

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """An id's token, or the tokens of a list of ids. Raises InputError for an id outside the vocabulary."""
        if hasattr(ids, "__index__") and not hasattr(ids, "__len__"):
            return self._id_token(ids.__index__())
        ids = as_list(ids)
        if isinstance(ids, int):
            return self._id_token(ids)
        skipped = set(self.all_special_ids) if skip_special_tokens else ()
        return [self._id_token(id_) for id_ in ids if id_ not in skipped]

    def _id_token(self, id_: int) -> str:
        token = self.added.by_id.get(id_)
        if token is not None:
            return token.content
        found = self.tokens_by_id.get(id_)
        if found is None:
            raise InputError(
                f"The id {id_!r} is outside the vocabulary of this {type(self).__name__}, "
                f"whose {len(self)} tokens have the ids 0 to {len(self) - 1}."
            )
        return found

    # ------------------------------------------------------------ back to text

    def decode(
        self, token_ids: Any, skip_special_tokens: bool = False, clean_up_tokenization_spaces: bool | None = None
    ) -> Any:
        """Ids back to text; a list of lists gives a list of texts.

        Takes a list, a NumPy or CuPy array or a tensor. `clean_up_tokenization_spaces` (None: as the
        tokenizer is set) closes the blanks before punctuation and English contractions.
        Raises InputError for an id outside the vocabulary.
        """
        ids = as_list(token_ids)
        if isinstance(ids, int):
            ids = [ids]
        if ids and isinstance(ids[0], list):
            return [self.decode(row, skip_special_tokens, clean_up_tokenization_spaces) for row in ids]
        return self._decode_ids(ids, skip_special_tokens, clean_up_tokenization_spaces)

    def _decode_ids(self, ids: list[int], skip_special: bool, clean_up: bool | None) -> str:
        skipped = self.added.special_ids if skip_special else ()
        text = self._join([self._id_token(id_) for id_ in ids if id_ not in skipped])
        clean_up = self.clean_up_tokenization_spaces if clean_up is None else clean_up
        return self.clean_up_tokenization(text) if clean_up else text

    def batch_decode(
        self, sequences: Any, skip_special_tokens: bool = False, clean_up_tokenization_spaces: bool | None = None
    ) -> list[str]:
        """Each row of ids back to text."""
        return [self.decode(row, skip_special_tokens, clean_up_tokenization_spaces) for row in as_list(sequences)]

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """Tokens, as `tokenize` gives them, back to text."""
        return self._join(tokens)

    @staticmethod
    def clean_up_tokenization(text: str) -> str:
        """Close the blanks that English writes nowhere: before . ? ! , and inside contractions.

        >>> TokenizerBase.clean_up_tokenization("do n't stop , it 's rock ' n ' roll !")
        "don't stop, it's rock'n'roll!"
        """
        for spaced, closed in CLEAN_UP:
            text = text.replace(spaced, closed)
        return text


CLEAN_UP = (
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"),
    (" n't", "n't"), (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
)  # fmt: skip


def _owners(sizes: list[int] | None) -> list[int | None] | None:
    """For each token the index of its word, from how many tokens each word has.

    >>> _owners([1, 2])
    [0, 1, 1]
    """
    return None if sizes is None else list(chain.from_iterable(map(repeat, count(), sizes)))


def as_list(values: Any) -> Any:
    """Arrays and tensors as plain (lists of) ints; lists stay, tuples become lists.

    >>> import numpy
    >>> as_list(numpy.array([[1, 2]])), as_list((3,)), as_list([numpy.int64(4)])
    ([[1, 2]], [3], [4])
    """
    if hasattr(values, "tolist"):
        return values.tolist()
    if isinstance(values, str | bytes | Mapping):
        raise InputError(f"Ids must be ints, a list or an array of ints, not {type(values).__name__}.")
    if isinstance(values, Iterable):
        return [value if type(value) is int else as_list(value) for value in values]
    if hasattr(values, "__index__"):
        return values.__index__()
    raise InputError(f"Ids must be ints, a list or an array of ints, not {type(values).__name__}.")
