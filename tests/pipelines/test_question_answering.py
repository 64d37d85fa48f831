"""question-answering: spans by trying all, long contexts, no answer, and mistakes."""

import numpy as np
import pytest

import minibert as mb
from tests.pipelines.small_pipelines import finish, logits_of, make, softmax
from tests.small_checkpoints import FAMILIES, LONG, SENTENCES, model, tokenizer


class TestQuestionAnswering:
    @pytest.mark.parametrize("family", FAMILIES)
    def test_the_best_span_by_trying_all(self, family: str) -> None:
        pipe = make("question-answering", family)
        context = SENTENCES[1]
        encoded = pipe.tokenizer("Where?", context, return_tensors="np", return_offsets_mapping=True)
        offsets = encoded.pop("offset_mapping")[0]
        inside = [i for i, owner in enumerate(encoded.sequence_ids(0)) if owner == 1]
        output = pipe.model(**encoded)
        cls = encoded["input_ids"][0] == pipe.tokenizer.cls_token_id
        allowed = [i for i in range(len(offsets)) if i in inside or cls[i]]
        start, end = softmax(output.start_logits[0, allowed]), softmax(output.end_logits[0, allowed])
        spans = [
            (start[a] * end[b], allowed[a], allowed[b])
            for a in range(len(allowed)) for b in range(a, len(allowed))
            if allowed[a] in inside and allowed[b] - allowed[a] < 4
        ]  # fmt: skip
        score, first, last = max(spans)
        got = pipe(question="Where?", context=context, max_answer_len=4, align_to_words=False)
        assert (got["start"], got["end"]) == (offsets[first][0], offsets[last][1])
        assert got["answer"] == context[got["start"] : got["end"]]
        assert got["score"] >= score - 1e-9  # what reads the same adds up
        words = pipe(question="Where?", context=context)["answer"]
        assert words in context

    def test_long_contexts(self) -> None:
        pipe = make("question-answering")
        found = pipe(question="Who?", context=LONG, max_seq_len=30, doc_stride=5, top_k=5)
        assert len(found) == 5
        assert [entry["score"] for entry in found] == sorted((entry["score"] for entry in found), reverse=True)
        for entry in found:
            assert LONG[entry["start"] : entry["end"]] == entry["answer"]

    def test_no_answer(self) -> None:
        pipe = make("question-answering")
        entries = pipe(question="Who?", context="I live.", top_k=50, handle_impossible_answer=True)
        none = next(entry for entry in entries if entry["answer"] == "")
        output = logits_of(pipe, "Who?", "I live.")
        owners = pipe.tokenizer("Who?", "I live.").sequence_ids()
        allowed = [i for i, owner in enumerate(owners) if owner == 1 or i == 0]
        start, end = softmax(output.start_logits[0, allowed]), softmax(output.end_logits[0, allowed])
        assert none == {"score": pytest.approx(start[0] * end[0]), "start": 0, "end": 0, "answer": ""}
        assert "" not in [entry["answer"] for entry in pipe(question="Who?", context="I live.", top_k=3)]

    def test_pieces_of_one_word_are_one_answer(self) -> None:
        """So that more spans are looked at than answers are asked for."""
        pipe = make("question-answering", top_k=2)
        item = {"question": "Who?", "context": "unaffable books"}
        (row,) = pipe.prepare(item, pipe.settings)
        first, second, *_, last = [i for i, owner in enumerate(row.details.sequence_ids) if owner == 1]
        logits = np.full(len(row), -5.0)
        logits[[first, second, last]] = 9.0, 8.0, 5.0
        answers = finish(pipe, item, [row], [(logits, logits)])
        assert len(answers) == 2
        assert answers[0]["answer"] == "unaffable"

    def test_no_answer_is_as_likely_as_in_the_part_that_doubts_it_most(self) -> None:
        pipe = make("question-answering", max_seq_len=30, handle_impossible_answer=True, top_k=10_000)
        item = {"question": "Who?", "context": LONG}
        rows = pipe.prepare(item, pipe.settings)
        doubts = [3.0, -2.0, *[1.0] * (len(rows) - 2)]
        logits = [np.concatenate([[doubt], np.zeros(len(row) - 1)]) for doubt, row in zip(doubts, rows, strict=True)]
        answers = finish(pipe, item, rows, [(each, each) for each in logits])
        inside = sum(owner == 1 for owner in rows[1].details.sequence_ids)
        none = next(answer["score"] for answer in answers if answer["answer"] == "")
        assert none == pytest.approx((np.exp(-2.0) / (np.exp(-2.0) + inside)) ** 2)

    def test_parts_overlap_by_half_and_answers_have_15_tokens_at_most(self) -> None:
        pipe = make("question-answering", max_seq_len=40)
        item = {"question": "Who?", "context": LONG}
        first, second, *_ = rows = pipe.prepare(item, pipe.settings)
        text = [[i for i, owner in enumerate(row.details.sequence_ids) if owner == 1] for row in rows[:2]]
        assert [first.inputs["input_ids"][i] for i in text[0][-20:]] == [
            second.inputs["input_ids"][i] for i in text[1][:20]
        ]
        assert first.details.offsets[text[0][-20]] == second.details.offsets[text[1][0]]
        for last, found in ((text[0][14], True), (text[0][15], False)):
            start, end = np.zeros(len(first)), np.zeros(len(first))
            start[text[0][0]] = end[last] = 20.0
            answer = finish(pipe, item, [first], [(start, end)])
            assert (answer["score"] > 0.9) == found

    def test_parts_have_384_tokens_at_most(self) -> None:
        made = model("bert", "ForQuestionAnswering", max_position_embeddings=450)
        unlimited = tokenizer("bert").from_pretrained(tokenizer("bert").name_or_path)
        pipe = mb.pipeline("question-answering", made, tokenizer=unlimited)
        rows = pipe.prepare({"question": "Who?", "context": LONG}, pipe.settings)
        assert max(map(len, rows)) == 384

    def test_forms_of_inputs(self) -> None:
        pipe = make("question-answering")
        one = {"question": "Who?", "context": SENTENCES[1]}
        answer = pipe(one)
        for same in (pipe([one]), pipe(**one), pipe("Who?", SENTENCES[1])):
            assert same == pytest.approx(answer)
        many = pipe(question=["Who?", "Where?"], context=SENTENCES[1])
        assert [len(entry) for entry in many] == [4, 4]
        assert many[0]["score"] == pytest.approx(answer["score"])

    def test_mistakes(self) -> None:
        pipe = make("question-answering")
        for options, message in (
            ({"question": "Who?"}, "needs both question= and context="),
            ({"question": "Who?", "context": " "}, "the context is empty"),
            ({"question": "", "context": "x"}, "the question is empty"),
            ({"question": ["a"], "context": ["b", "c"]}, "there are 1 questions, but 2 contexts"),
            ({"question": "a", "context": "b", "max_seq_len": 99}, "max_seq_len is 99, but the model has positions"),
            ({"question": "a", "context": "b", "max_seq_len": 20, "doc_stride": 16}, "doc_stride is 16, but a part"),
            ({"question": LONG, "context": "b"}, "tokens, which leaves no room for the context in parts of 60: ask a"),
            ({"question": "a", "context": "b", "top_k": 0}, "top_k is 0"),
        ):  # fmt: skip
            with pytest.raises(mb.InputError, match=message):
                pipe(**options)
        with pytest.raises(mb.InputError, match=r"the input is a str: \{'question'"):
            pipe("Who?")


def test_topk() -> None:
    pipe = make("question-answering")
    asked = {"question": "Where?", "context": SENTENCES[1]}
    assert pipe(**asked, topk=3) == pipe(**asked, top_k=3)
    with pytest.raises(mb.InputError, match=r"^top_k is 0: an integer of 1 or more"):
        pipe(**asked, topk=0)
