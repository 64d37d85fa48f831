"""text-generation: texts continued by a decoder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from minibert.checks import check_text
from minibert.errors import InputError
from minibert.generation import Options, generate
from minibert.pipelines.base import Pipeline, Settings
from minibert.pipelines.rows import Batch, Job, Row, pad


@dataclass(frozen=True)
class TextGenerationSettings(Settings):
    """The options of text-generation; besides these every option of `generate`, see `minibert.generation.Options`.

    Args:
        return_full_text: whether the prompt stands before what was generated.
        add_special_tokens: whether the tokenizer puts its special tokens around the prompt, an end among them.
        generate_options: the options of `generate` that were given, by name.
    """

    return_full_text: bool = True
    add_special_tokens: bool = True
    generate_options: Mapping[str, Any] = field(default_factory=dict)


_RESULTS = ("return_dict_in_generate", "output_scores")  # the pipeline gives texts only


class TextGenerationPipeline(Pipeline):
    """Prompts and what a decoder makes of them: a list of {"generated_text"} for each prompt.

    max_length counts the prompt's tokens too, as in `generate`; long prompts are cut with truncation=True.
    """

    task = "text-generation"
    settings_class = TextGenerationSettings

    def read_options(self, settings: Any, options: dict[str, Any]) -> Any:
        """Settings with these options changed. Raises InputError for a name that the task has not."""
        own = [field.name for field in fields(settings) if field.name != "generate_options"]
        further = [name for name in Options.names() if name not in (*own, *_RESULTS)]
        for name in options:
            if name not in own and name not in further:
                raise InputError(f"{self.task} takes no {name!r}: its options are {', '.join([*own, *further])}.")
        given = {name: value for name, value in options.items() if name in further}
        changed = {name: value for name, value in options.items() if name in own}
        return replace(settings, generate_options={**settings.generate_options, **given}, **changed)

    def encode(self, text: Any, pair: Any, settings: Any, **options: Any) -> Any:
        """The prompt; max_length is of the whole text here, so that it does not cut."""
        options = {**(settings.tokenizer_kwargs or {}), "add_special_tokens": settings.add_special_tokens, **options}
        if settings.truncation:
            options |= {"truncation": settings.truncation, "max_length": self.cut_length}
        return self.tokenizer(text, pair, verbose=False, **options)

    def prepare(self, item: Any, settings: TextGenerationSettings) -> list[Row]:
        encoded = self.encode(check_text(item), None, settings)
        if not encoded["input_ids"]:
            raise InputError("the prompt has no token.")
        return [self.row(encoded, settings)]

    def pad(self, rows: list[Row]) -> dict[str, np.ndarray]:
        """Rows -> arrays (B, L) padded on the left, so that what is new stands next to the prompt."""
        return pad(rows, self.fillers, left=True)

    def forward(self, batch: Batch) -> Sequence[Any]:
        """The texts (num_return_sequences, L) of every row."""
        settings = batch.rows[0].details
        texts = generate(self.model, batch.arrays, max_length=settings.max_length, **settings.generate_options)
        return list(texts.reshape(len(batch.rows), -1, texts.shape[1]))

    def finish(self, job: Job) -> Any:
        (row,) = job.rows
        prompt = len(self._decode(row.inputs["input_ids"]))
        texts = [self._decode(ids.tolist())[prompt:] for ids in row.output]
        before = job.item if job.settings.return_full_text else ""
        return [{"generated_text": before + text} for text in texts]

    def _decode(self, ids: list[int]) -> str:
        # byte-level BPE decodes to the very text, in which there is nothing to clean up
        clean_up = None if self.tokenizer.family == "roberta" else True
        return self.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=clean_up)
