"""token-classification: tokens, groups, long texts, words, and the older options."""

import itertools
from typing import Any

import numpy as np
import pytest

import minibert as mb
from tests.pipelines.small_pipelines import finish, logits_of, make, softmax
from tests.small_checkpoints import FAMILIES, LONG, SENTENCES, model, tokenizer


class TestTokenClassification:
    TAGS = ("O", "B-PER", "I-PER")

    def pipe(self, family: str = "bert", **options: Any) -> Any:
        made = model(family, "ForTokenClassification", dtype="float64", id2label=dict(enumerate(self.TAGS)))
        return mb.pipeline("ner", made, tokenizer=tokenizer(family), **options)

    @pytest.mark.parametrize("family", FAMILIES)
    def test_every_token(self, family: str) -> None:
        pipe = self.pipe(family, ignore_labels=[])
        entries = pipe(SENTENCES[1])
        probs = softmax(logits_of(pipe, SENTENCES[1]).logits[0])[1:-1]
        assert [entry["index"] for entry in entries] == list(range(1, len(probs) + 1))
        assert [entry["entity"] for entry in entries] == [self.TAGS[i] for i in probs.argmax(axis=1)]
        np.testing.assert_allclose([entry["score"] for entry in entries], probs.max(axis=1), rtol=1e-9)
        kept = [entry for entry in entries if entry["entity"] != "O"]
        assert self.pipe(family)(SENTENCES[1]) == kept

    @pytest.mark.parametrize("family", FAMILIES)
    def test_unknown_words_are_shown_as_they_stand(self, family: str) -> None:
        text = "A ☃☃ a"
        entries = self.pipe(family, ignore_labels=[])(text)
        unknown = [entry for entry in entries if "☃" in text[entry["start"] : entry["end"]]]
        if family != "roberta":  # which knows every byte
            assert [entry["word"] for entry in unknown] == [text[e["start"] : e["end"]] for e in unknown] == ["☃☃"]
        words = self.pipe(family, ignore_labels=[], aggregation_strategy="first")("☃ ☃")
        assert "[UNK]" not in "".join(entry["word"] for entry in words)

    @pytest.mark.parametrize("strategy", ["simple", "first", "average", "max"])
    def test_groups_cover_the_text(self, strategy: str) -> None:
        entries = self.pipe(ignore_labels=[], aggregation_strategy=strategy)(SENTENCES[3])
        assert entries[0]["start"] == 0
        assert entries[-1]["end"] == len(SENTENCES[3])
        for one, other in itertools.pairwise(entries):
            assert one["end"] <= other["start"]
        if strategy != "simple":  # no word is cut in two
            for entry in entries:
                start, end = entry["start"], entry["end"]
                assert not (SENTENCES[3][start - 1 : start + 1].isalpha() and start)
                assert not SENTENCES[3][end - 1 : end + 1].isalpha() or end == len(SENTENCES[3])

    @pytest.mark.parametrize("family", ["roberta", "rembert"])
    def test_words_end_at_blanks_where_the_vocabulary_marks_none_else(self, family: str) -> None:
        text = "My name is O'Neill, Wolfgang's brother"
        pipe = self.pipe(family, ignore_labels=[], aggregation_strategy="first")
        pieces = self.pipe(family, ignore_labels=[])(text)
        starts = {token["index"]: token["start"] for token in pieces}
        firsts = [index for index, start in starts.items() if start == 0 or " " in text[start - 1 : start + 1]]
        (row,) = pipe.prepare(text, pipe.settings)
        scores = np.eye(3)[np.arange(len(row)) % 3]
        found = finish(pipe, text, [row], [scores])
        labels = [self.TAGS[index % 3] for index in firsts]
        groups = [tag for i, tag in enumerate(labels) if i == 0 or tag == "B-PER" or tag[-3:] != labels[i - 1][-3:]]
        assert [entry["entity_group"] for entry in found] == [tag.split("-")[-1] for tag in groups]

    def test_long_texts_by_stride(self) -> None:
        pipe = self.pipe(aggregation_strategy="simple", ignore_labels=[])
        with pytest.warns(UserWarning, match="was cut at 60 tokens .*: give stride= and an aggregation_strategy"):
            cut = pipe(LONG)
        whole = pipe(LONG, stride=8)
        assert cut[-1]["end"] < len(LONG)
        assert whole[-1]["end"] == len(LONG)
        for entry in whole:
            assert entry["start"] < entry["end"]

    def test_words(self) -> None:
        pipe = self.pipe(ignore_labels=[])
        words = SENTENCES[0].split()
        (entries,) = pipe(words, is_split_into_words=True)
        for entry in entries:
            assert entry["word"].removeprefix("##") == SENTENCES[0].lower()[entry["start"] : entry["end"]]
        alike = [{**entry, "score": pytest.approx(entry["score"], rel=1e-6)} for entry in entries]
        # a batch of another size: BLAS may sum in another order
        assert [alike, alike] == pipe([words, words], is_split_into_words=True)

    def test_mistakes(self) -> None:
        pipe = self.pipe()
        for options, message in (
            ({"aggregation_strategy": "best"}, "aggregation_strategy is 'best': choose one of none, simple, first, av"),
            ({"stride": 3}, "stride is given, but the parts of a long text are only joined with an aggregation_st"),
            ({"stride": 58, "aggregation_strategy": "simple"}, "stride is 58, but a part has room for 58 tokens"),
            ({"is_split_into_words": True}, "with is_split_into_words=True a text is a list of words"),
        ):  # fmt: skip
            with pytest.raises(mb.InputError, match=message):
                pipe("a b", **options)
        with pytest.raises(mb.InputError, match="there is no text: at least one belongs in the list"):
            pipe([])
        unlimited = tokenizer("bert").from_pretrained(tokenizer("bert").name_or_path)
        free = mb.pipeline("ner", pipe.model, tokenizer=unlimited)
        with pytest.raises(
            mb.InputError, match="positions for 64: give stride=, to read it in parts, or truncation=True"
        ):
            free(LONG)
        assert free(LONG, truncation=True) is not None
        assert free(LONG, stride=4, aggregation_strategy="max") is not None


@pytest.mark.parametrize(
    ("older", "strategy"),
    [
        ({"grouped_entities": True}, "simple"),
        ({"grouped_entities": True, "ignore_subwords": False}, "simple"),
        ({"grouped_entities": True, "ignore_subwords": True}, "first"),
        ({"grouped_entities": False, "ignore_subwords": True}, "none"),
    ],
)
def test_grouped_entities(older: dict[str, bool], strategy: str) -> None:
    pipe = make("token-classification")
    expected = pipe(list(SENTENCES), aggregation_strategy=strategy, ignore_labels=[])
    assert pipe(list(SENTENCES), **older, ignore_labels=[]) == expected
    assert pipe(SENTENCES[0], **older, aggregation_strategy="max") == pipe(SENTENCES[0], aggregation_strategy="max")
