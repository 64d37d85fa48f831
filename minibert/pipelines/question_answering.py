"""question-answering: the part of a text that answers a question."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minibert.checks import check_count, check_text
from minibert.errors import InputError
from minibert.pipelines.answers import best_spans, merge_answers, span_characters
from minibert.pipelines.base import Pipeline, Settings
from minibert.pipelines.rows import Batch, Job, Row
from minibert.pipelines.scores import host_logits


@dataclass(frozen=True)
class QuestionAnsweringSettings(Settings):
    """The options of question-answering.

    Args:
        top_k: how many answers at most.
        doc_stride: by how many tokens the parts of a long context overlap; by default 128, or less if the parts
            are small.
        max_seq_len: tokens of a part with its question; by default 384, or what the model takes if that is less.
        max_question_len: accepted and not used, as in transformers: a question is never cut.
        max_answer_len: tokens of an answer at most.
        handle_impossible_answer: whether "there is no answer" (the empty one) may be given.
        align_to_words: answers begin and end with whole words.
        padding: accepted and not used: rows are padded as they go together.
    """

    top_k: int | None = None
    doc_stride: int | None = None
    max_seq_len: int | None = None
    max_question_len: int | None = None
    max_answer_len: int | None = None
    handle_impossible_answer: bool | None = None
    align_to_words: bool | None = None
    padding: Any = None

    def __post_init__(self) -> None:
        for name in ("top_k", "max_seq_len", "max_answer_len"):
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name))
        if self.doc_stride is not None:
            check_count("doc_stride", self.doc_stride, 0)


class QuestionAnsweringPipeline(Pipeline):
    """The answer to a question in a context.

    Called with question= and context= (texts, or lists of them), with a dict of both, or a list of dicts. Gives
    {"score", "start", "end", "answer"}, a list of them where top_k asks for several; start and end count characters
    of the context. With handle_impossible_answer the empty answer means that there is none.
    """

    task = "question-answering"
    output_names = ("start_logits", "end_logits")
    settings_class = QuestionAnsweringSettings

    def read_options(self, settings: Any, options: dict[str, Any]) -> Any:
        """Also `topk`, the older name of top_k."""
        if "topk" in options:
            older = options["topk"]
            options = {"top_k": older, **{name: value for name, value in options.items() if name != "topk"}}
        return super().read_options(settings, options)

    def __call__(self, *args: Any, question: Any = None, context: Any = None, **options: Any) -> Any:
        inputs = self._read_inputs(args, question, context)
        if isinstance(inputs, list) and len(inputs) == 1:
            inputs = inputs[0]
        return super().__call__(inputs, **options)

    def _read_inputs(self, args: tuple[Any, ...], question: Any, context: Any) -> Any:
        if len(args) == 2 and all(isinstance(arg, str) for arg in args):
            return [{"question": args[0], "context": args[1]}]
        if args:
            if question is not None or context is not None:
                raise InputError("question-answering takes question= and context=, or a dict of both, not both ways.")
            inputs = args[0] if len(args) == 1 else list(args)
            return inputs if isinstance(inputs, list | Iterator) else [inputs]
        if question is None or context is None:
            raise InputError("question-answering needs both question= and context=.")
        questions = question if isinstance(question, list) else [question]
        contexts = context if isinstance(context, list) else [context] * len(questions)
        if len(questions) != len(contexts):
            raise InputError(f"there are {len(questions)} questions, but {len(contexts)} contexts.")
        return [{"question": one, "context": other} for one, other in zip(questions, contexts, strict=True)]

    def prepare(self, item: Any, settings: QuestionAnsweringSettings) -> list[Row]:
        question, context = _read_example(item)
        length = settings.max_seq_len or min(self.cut_length, 384)
        if length > self.longest:
            raise InputError(f"max_seq_len is {length}, but the model has positions for {self.longest}.")
        stride = self._stride(question, length, settings)
        encoded = self.tokenizer(
            question, context, truncation="only_second", max_length=length, stride=stride, padding_side="right",
            return_overflowing_tokens=True, return_token_type_ids=True, verbose=False,
        )  # fmt: skip
        rows = []
        for encoding in encoded.encodings:
            inputs = {"input_ids": encoding.ids, "token_type_ids": encoding.type_ids}
            rows.append(self.row(inputs, encoding, "ask a shorter question"))
        return rows

    def _stride(self, question: str, length: int, settings: QuestionAnsweringSettings) -> int:
        """By how much parts overlap: less than the room that the question leaves."""
        asked = len(self.tokenizer(question, add_special_tokens=False, verbose=False)["input_ids"])
        room = length - asked - self.tokenizer.num_special_tokens_to_add(pair=True)
        if room < 1:
            raise InputError(
                f"the question has {asked} tokens, which leaves no room for the context in parts of {length}: "
                f"ask a shorter one, or give max_seq_len= (at most {self.longest})."
            )
        if settings.doc_stride is None:
            return min(length // 2, 128, room - 1)
        if settings.doc_stride >= room:
            raise InputError(
                f"doc_stride is {settings.doc_stride}, but a part has room for {room} tokens of the context: give less."
            )
        return settings.doc_stride

    def forward(self, batch: Batch) -> Sequence[Any]:
        """The logits (T,) of start and end of every row."""
        output = self.model(**batch.arrays)
        starts, ends = host_logits(output.start_logits), host_logits(output.end_logits)
        return [(starts[i, : len(row)], ends[i, : len(row)]) for i, row in enumerate(batch.rows)]

    def finish(self, job: Job) -> Any:
        settings, context = job.settings, _read_example(job.item)[1]
        top_k, align = settings.top_k or 1, settings.align_to_words is not False
        # words may join several of the candidates, so that more of them are needed
        candidates = top_k * 2 + 10 if align else top_k
        found: list[tuple[float, int, int]] = []
        no_answer = 1_000_000.0
        for row in job.rows:
            start, end = row.output
            spans, empty = best_spans(start, end, self._allowed(row), candidates, settings.max_answer_len or 15)
            no_answer = min(no_answer, empty)
            found += [(score, *span_characters(row.details, first, last, align)) for first, last, score in spans]
        answers = merge_answers(found, context)
        if settings.handle_impossible_answer:
            answers.append({"score": no_answer, "start": 0, "end": 0, "answer": ""})
        answers = sorted(answers, key=lambda answer: answer["score"], reverse=True)[:top_k]
        return answers[0] if len(answers) == 1 else answers

    def _allowed(self, row: Row) -> np.ndarray:
        """Where an answer may stand (T,): in the context, and at the first token, which means "none"."""
        allowed = np.array([sequence == 1 for sequence in row.details.sequence_ids])
        if self.tokenizer.cls_token_id is not None:
            allowed |= np.array(row.inputs["input_ids"]) == self.tokenizer.cls_token_id
        return allowed


def _read_example(item: Any) -> tuple[str, str]:
    """{"question", "context"} -> both. Raises InputError if one is missing or empty."""
    if not isinstance(item, dict):
        raise InputError(
            f"the input is a {type(item).__name__}: {{'question': ..., 'context': ...}} belongs there, "
            "or question= and context=."
        )
    for name in ("question", "context"):
        if not check_text(item.get(name), f"the {name}").strip():
            raise InputError(f"the {name} is empty.")
    return item["question"], item["context"]
