"""token-classification (ner): a class for every token, alone or grouped to entities."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from minibert.checks import check_choice, check_count, check_text
from minibert.errors import InputError, InputWarning
from minibert.functional.softmax import softmax
from minibert.pipelines.base import Pipeline, Settings
from minibert.pipelines.entities import STRATEGIES, Token, group, label_tokens, merge_overlapping, merge_words
from minibert.pipelines.rows import Batch, Job, Row
from minibert.pipelines.scores import host_logits


@dataclass(frozen=True)
class TokenClassificationSettings(Settings):
    """The options of token-classification.

    Args:
        aggregation_strategy: "none" for every token by itself; "simple" joins neighbours of one class; "first",
            "average" and "max" also let a word have one class only: its first token's, that of the mean of its
            tokens' scores, or that of its surest token.
        ignore_labels: classes that are left out, by default "O".
        stride: read texts of any length in parts that overlap by so many tokens.
        is_split_into_words: a text is a list of words; offsets count in the words joined by `delimiter`.
    """

    aggregation_strategy: Any = "none"
    ignore_labels: Any = ("O",)
    stride: int | None = None
    is_split_into_words: bool = False
    delimiter: str | None = None

    def __post_init__(self) -> None:
        strategy = self.aggregation_strategy
        strategy = "none" if strategy is None else getattr(strategy, "value", strategy)
        strategy = strategy.lower() if isinstance(strategy, str) else strategy
        object.__setattr__(self, "aggregation_strategy", check_choice("aggregation_strategy", strategy, STRATEGIES))
        if self.ignore_labels is None:
            object.__setattr__(self, "ignore_labels", ("O",))
        if self.stride is not None:
            check_count("stride", self.stride, 0)
            if self.aggregation_strategy == "none":
                raise InputError(
                    "stride is given, but the parts of a long text are only joined with an aggregation_strategy: "
                    f"choose one of {', '.join(STRATEGIES[1:])}."
                )


@dataclass
class _Part:
    """What is remembered of a part of a text."""

    sentence: str
    offsets: list[tuple[int, int]]
    special: list[int]


class TokenClassificationPipeline(Pipeline):
    """The class of every token, or the entities of a text.

    Gives a list of {"entity", "score", "index", "word", "start", "end"}, with an aggregation strategy of
    {"entity_group", "score", "word", "start", "end"}; start and end count characters of the text.
    """

    task = "token-classification"
    settings_class = TokenClassificationSettings
    _warned_of_cut = False

    def read_options(self, settings: Any, options: dict[str, Any]) -> Any:
        """Also the older form: grouped_entities=True is "simple", with ignore_subwords=True "first"."""
        if "grouped_entities" in options or "ignore_subwords" in options:
            options = dict(options)
            grouped, by_first = options.pop("grouped_entities", None), options.pop("ignore_subwords", None)
            older = "none" if not grouped else "first" if by_first else "simple"
            options.setdefault("aggregation_strategy", older)
        return super().read_options(settings, options)

    def __call__(self, inputs: Any, **options: Any) -> Any:
        split = options.get("is_split_into_words", self.settings.is_split_into_words)
        if isinstance(inputs, tuple):
            inputs = list(inputs)
        if isinstance(inputs, list) and not inputs:
            raise InputError("there is no text: at least one belongs in the list.")
        if split and isinstance(inputs, list) and not all(isinstance(item, list) for item in inputs):
            inputs = [inputs]
        return super().__call__(inputs, **options)

    def prepare(self, item: Any, settings: TokenClassificationSettings) -> list[Row]:
        sentence, starts = self._sentence(item, settings)
        options: dict[str, Any] = {"return_special_tokens_mask": True, "return_offsets_mapping": True}
        if settings.is_split_into_words:
            options["is_split_into_words"] = True
        if settings.stride is not None:
            self._check_stride(settings.stride)
            options |= {"return_overflowing_tokens": True, "stride": settings.stride}
        if settings.stride is not None or self.tokenizer.model_max_length <= self.longest:
            options |= {"truncation": True, "max_length": self.cut_length}
        encoded = self.encode(item, None, settings, **options)
        rows = []
        for encoding in encoded.encodings if settings.stride is not None else encoded.encodings[:1]:
            inputs = {"input_ids": encoding.ids, "token_type_ids": encoding.type_ids}
            row = self.row(inputs, None, "give stride=, to read it in parts, or truncation=True, to cut it")
            offsets = encoding.offsets
            if starts is not None:
                offsets = [
                    span if word is None else (span[0] + starts[word], span[1] + starts[word])
                    for span, word in zip(offsets, encoding.word_ids, strict=True)
                ]
            row.details = _Part(sentence, offsets, encoding.special_tokens_mask)
            rows.append(row)
        if settings.stride is None and settings.truncation is None:
            self._warn_if_cut(rows[0])
        return rows

    def _sentence(self, item: Any, settings: TokenClassificationSettings) -> tuple[str, list[int] | None]:
        """The text, and with words where each of them starts in it."""
        if not settings.is_split_into_words:
            return check_text(item), None
        if not isinstance(item, list) or not all(isinstance(word, str) for word in item):
            raise InputError("with is_split_into_words=True a text is a list of words.")
        delimiter = " " if settings.delimiter is None else settings.delimiter
        starts, place = [], 0
        for word in item:
            starts.append(place)
            place += len(word) + len(delimiter)
        return delimiter.join(item), starts

    def _check_stride(self, stride: int) -> None:
        room = self.cut_length - self.tokenizer.num_special_tokens_to_add()
        if stride >= room:
            raise InputError(
                f"stride is {stride}, but a part has room for {room} tokens of the text: give less, so that each "
                "part brings something new."
            )

    def _warn_if_cut(self, row: Row) -> None:
        """Once for each pipeline, as transformers cuts silently: what stands at the end of a long text is not seen."""
        if len(row) < self.tokenizer.model_max_length or self._warned_of_cut:
            return
        end = max((end for _, end in row.details.offsets), default=0)
        if row.details.sentence[end:].strip():
            self._warned_of_cut = True
            warnings.warn(
                f"a text of {len(row.details.sentence)} characters was cut at {len(row)} tokens (character {end}): "
                "give stride= and an aggregation_strategy to read all of it.",
                InputWarning,
                stacklevel=6,
            )

    def forward(self, batch: Batch) -> Sequence[Any]:
        """The probabilities (T, C) of every row's tokens."""
        logits = host_logits(self.model(**batch.arrays).logits)
        return [softmax(logits[i, : len(row)]) for i, row in enumerate(batch.rows)]

    def finish(self, job: Job) -> Any:
        found: list[dict[str, Any]] = []
        settings = job.settings
        for row in job.rows:
            entities = self._entities(self._tokens(row), settings.aggregation_strategy)
            found += [
                entity
                for entity in entities
                if entity.get("entity") not in settings.ignore_labels
                and entity.get("entity_group") not in settings.ignore_labels
            ]
        return merge_overlapping(found) if len(job.rows) > 1 else found

    def _entities(self, tokens: list[Token], strategy: str) -> list[dict[str, Any]]:
        labels, join = self.model.config.id2label, self.tokenizer.convert_tokens_to_string
        if strategy in ("none", "simple"):
            labelled = label_tokens(tokens, labels)
        else:
            labelled = merge_words(tokens, strategy, labels, join)
        return labelled if strategy == "none" else group(labelled, join)

    def _tokens(self, row: Row) -> list[Token]:
        """The row's tokens that are not special."""
        part: _Part = row.details
        tokens = []
        for index, id_ in enumerate(row.inputs["input_ids"]):
            if part.special[index]:
                continue
            start, end = part.offsets[index]
            word = self.tokenizer.convert_ids_to_tokens(id_)
            continues = self._continues_word(word, part.sentence, start, end)
            if id_ == self.tokenizer.unk_token_id:
                word, continues = part.sentence[start:end], False
            tokens.append(Token(word, row.output[index], start, end, index, continues))
        return tokens

    def _continues_word(self, token: str, sentence: str, start: int, end: int) -> bool:
        """Whether a token is not the first of its word.

        WordPiece marks it by "##", so that the token is longer than its text; the others know words by blanks only.
        """
        if getattr(self.tokenizer, "wordpieces_prefix", ""):
            return len(token) != end - start
        return start > 0 and " " not in sentence[start - 1 : start + 1]
