"""Every task against the model it runs: what its scores are, the forms of its answers, its mistakes."""

import itertools
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.pipelines.rows import Job, Row
from tests.pipelines.test_pipeline import make
from tests.small_checkpoints import FAMILIES, LONG, SENTENCES, model, tokenizer


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def finish(pipe: Any, item: Any, rows: list[Row], outputs: list[Any]) -> Any:
    """The answer to an input for whose rows the model said this."""
    for row, output in zip(rows, outputs, strict=True):
        row.output = output
    return pipe.finish(Job(item, pipe.settings, rows))


def logits_of(pipe: Any, *texts: Any, **options: Any) -> np.ndarray:
    return pipe.model(**pipe.tokenizer(*texts, return_tensors="np"), **options)


class TestFillMask:
    @pytest.mark.parametrize("family", FAMILIES)
    def test_scores_are_the_softmax_at_the_masks(self, family: str) -> None:
        pipe = make("fill-mask", family)
        mask = pipe.tokenizer.mask_token
        text = f"My {mask} is Wolfgang and {mask} live"
        ids = np.array(pipe.tokenizer(text)["input_ids"])
        probs = softmax(logits_of(pipe, text).logits[0][ids == pipe.tokenizer.mask_token_id])
        first, second = pipe(text, top_k=4)
        for entries, row in ((first, probs[0]), (second, probs[1])):
            assert [entry["token"] for entry in entries] == np.argsort(-row)[:4].tolist()
            np.testing.assert_allclose([entry["score"] for entry in entries], np.sort(row)[::-1][:4], rtol=1e-9)
        assert mask in first[0]["sequence"]  # the other one stays
        padded = pipe(f"{mask} {pipe.tokenizer.pad_token} {mask}")
        assert pipe.tokenizer.pad_token not in padded[0][0]["sequence"]

    def test_one_mask_fills_the_text(self) -> None:
        answers = make("fill-mask")("The quick brown [MASK] jumps.", targets=["the", "a"])
        assert {entry["token_str"] for entry in answers} == {"the", "a"}
        assert make("fill-mask")("The quick brown [MASK] jumps.", targets=["a", "the", "a"]) == answers
        assert answers[0]["sequence"] == f"the quick brown {answers[0]['token_str']} jumps."

    def test_targets_that_are_several_pieces(self) -> None:
        pipe = make("fill-mask")
        message = (
            r"the target 'unknowable' is \d pieces \(un, .*\); a mask stands for one token, so 'un' is used for it"
        )
        with pytest.warns(UserWarning, match=message):
            answers = pipe("A [MASK].", targets=["unknowable", "the"])
        assert len(answers) == 2
        with (
            pytest.warns(UserWarning, match="the target '' gives no token"),
            pytest.raises(mb.InputError, match="targets is ''"),
        ):
            pipe("A [MASK].", targets="")
        with pytest.raises(mb.InputError, match="a target is a int: a text"):
            pipe("A [MASK].", targets=[3])

    def test_mistakes(self) -> None:
        pipe = make("fill-mask")
        with pytest.raises(
            mb.InputError, match=r"the text has no mask: write \[MASK\] where a word shall be filled in \('No.'\)"
        ):
            pipe("No.")
        with pytest.raises(mb.InputError, match="the input is a int: a text"):
            pipe(3)
        with pytest.raises(mb.InputError, match="top_k is 0: an integer of 1 or more"):
            pipe("A [MASK].", top_k=0)
        bare = mb.BertTokenizer.from_pretrained(tokenizer("bert").name_or_path, mask_token=None)
        if bare.mask_token_id is None:
            with pytest.raises(mb.InputError, match="has no mask token"):
                mb.pipeline("fill-mask", model("bert", "ForMaskedLM"), tokenizer=bare)

    def test_ids_that_only_the_model_has(self) -> None:
        pipe = make("fill-mask")
        entries = pipe("A [MASK].", top_k=10_000)
        assert len(entries) == pipe.model.config.vocab_size
        assert sum(entry["token_str"] == "" for entry in entries) >= 3

    def test_the_vocabulary_is_scored_at_the_masks_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pipe = make("fill-mask")
        head, shapes = pipe.model.lm_head_module, []
        forward = head.forward
        monkeypatch.setattr(head, "forward", lambda x, *rest: shapes.append(x.shape) or forward(x, *rest))
        pipe(["A [MASK] and [MASK].", "The quick brown [MASK] jumps over the lazy dog."])
        assert shapes == [(1, 3, 24)]


class TestTextClassification:
    @pytest.mark.parametrize("family", FAMILIES)
    def test_scores(self, family: str) -> None:
        pipe = make("text-classification", family)
        logits = logits_of(pipe, SENTENCES[0]).logits[0]
        probs = softmax(logits)
        best = {"label": f"LABEL_{probs.argmax()}", "score": pytest.approx(probs.max())}
        assert pipe(SENTENCES[0]) == [best]
        assert pipe([SENTENCES[0]]) == [best]
        assert pipe(SENTENCES[0], top_k=1) == [best]
        assert [entry["score"] for entry in pipe(SENTENCES[0], top_k=None)] == pytest.approx(
            sorted(probs, reverse=True)
        )
        raw = pipe(SENTENCES[0], top_k=None, function_to_apply="none")
        assert [entry["score"] for entry in raw] == pytest.approx(sorted(logits, reverse=True))
        each = pipe(SENTENCES[0], top_k=None, function_to_apply="sigmoid")
        assert [entry["score"] for entry in each] == pytest.approx(sorted(1 / (1 + np.exp(-logits)), reverse=True))

    @pytest.mark.parametrize(("labels", "kind"), [(1, None), (3, "multi_label_classification")])
    def test_labels_by_themselves_have_a_sigmoid(self, labels: int, kind: str | None) -> None:
        made = model("bert", "ForSequenceClassification", dtype="float64", num_labels=labels, problem_type=kind)
        pipe = mb.pipeline("text-classification", made, tokenizer=tokenizer("bert"))
        each = 1 / (1 + np.exp(-logits_of(pipe, "a b").logits[0]))
        assert [entry["score"] for entry in pipe("a b", top_k=None)] == pytest.approx(sorted(each, reverse=True))

    def test_pairs(self) -> None:
        pipe = make("text-classification")
        probs = softmax(logits_of(pipe, "a b", "c").logits[0])
        answer = pipe({"text": "a b", "text_pair": "c"})
        assert answer["score"] == pytest.approx(probs.max())
        assert pipe([{"text": "a b", "text_pair": "c"}, "x"])[0] == pytest.approx(answer)
        with pytest.raises(mb.InputError, match=r"a pair is \{'text': ..., 'text_pair': ...\}, not one with the keys"):
            pipe({"text": "a", "pair": "b"})
        with pytest.raises(mb.InputError, match="input 0: the input is a list of 2: a pair of texts is given as"):
            pipe([["a", "b"], ["c", "d"]])
        with pytest.raises(mb.InputError, match="function_to_apply is 'tanh': choose one of sigmoid, softmax, none"):
            pipe("a", function_to_apply="tanh")

    def test_regression_has_no_function(self) -> None:
        made = model("bert", "ForSequenceClassification", num_labels=1, problem_type="regression")
        pipe = mb.pipeline("text-classification", made, tokenizer=tokenizer("bert"))
        assert pipe("a b")[0]["score"] == pytest.approx(float(logits_of(pipe, "a b").logits[0, 0]))


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


class TestFeatureExtraction:
    @pytest.mark.parametrize("family", FAMILIES)
    def test_hidden_states_and_poolings(self, family: str) -> None:
        pipe = make("feature-extraction", family)
        output = logits_of(pipe, SENTENCES[0])
        hidden = output.last_hidden_state
        np.testing.assert_allclose(pipe(SENTENCES[0]), hidden, rtol=1e-9)
        for pooling, vector in (
            ("mean", hidden[0].mean(axis=0)),
            ("cls", hidden[0, 0]),
            ("pooler", output.pooler_output[0]),
        ):
            got = pipe([SENTENCES[0], "x"], pooling=pooling, return_tensors=True)
            np.testing.assert_allclose(got[0], vector / np.linalg.norm(vector), rtol=1e-8)
            np.testing.assert_allclose(pipe(SENTENCES[0], pooling=pooling, normalize=False), vector, rtol=1e-8)

    def test_as_embed_does(self) -> None:
        from minibert.pipelines.embeddings import embed

        pipe = make("feature-extraction", pooling="mean", truncation=True)
        texts = [*SENTENCES, LONG]
        np.testing.assert_allclose(pipe(texts, max_length=64), embed(pipe.model, pipe.tokenizer, texts), rtol=1e-8)

    def test_inside_a_task_model(self) -> None:
        made = model("bert", "ForMaskedLM")
        pipe = mb.pipeline("feature-extraction", made, tokenizer=tokenizer("bert"))
        states = logits_of(pipe, "a b", output_hidden_states=True).hidden_states[-1]
        np.testing.assert_allclose(pipe("a b"), states, rtol=1e-5)

    def test_mistakes(self) -> None:
        pipe = make("feature-extraction")
        with pytest.raises(mb.InputError, match="pooling is 'max': choose one of mean, cls, pooler"):
            pipe("a", pooling="max")
        with pytest.raises(mb.InputError, match="truncation is given twice: as an option and in tokenize_kwargs"):
            pipe("a", truncation=True, tokenize_kwargs={"truncation": True})
        assert np.shape(pipe("a b c", tokenize_kwargs={"add_special_tokens": False})) == (1, 3, 24)


def test_next_sentence_prediction() -> None:
    pipe = make("next-sentence-prediction")
    probs = softmax(logits_of(pipe, "a b", "c").logits[0])
    both = pipe(("a b", "c"), top_k=None)
    assert {entry["label"]: entry["score"] for entry in both} == pytest.approx(
        {"IsNext": probs[0], "NotNext": probs[1]}
    )
    assert pipe({"text": "a b", "text_pair": "c"}) == both[0]
    with pytest.raises(mb.InputError, match=r"there is one text only: give \{'text': 'first', 'text_pair': 'second'}"):
        pipe("a b")


@pytest.mark.parametrize("family", FAMILIES)
def test_multiple_choice(family: str) -> None:
    pipe = make("multiple-choice", family)
    choices = ["a b c d e", "b", "a longer choice than the others"]
    encoded = pipe.tokenizer(["The prompt."] * 3, choices, padding=True, return_tensors="np")
    probs = softmax(pipe.model(**{name: array[None] for name, array in encoded.items()}).logits[0])
    got = pipe({"prompt": "The prompt.", "choices": choices}, batch_size=2)
    assert [entry["index"] for entry in got] == np.argsort(-probs).tolist()
    assert [entry["score"] for entry in got] == pytest.approx(sorted(probs, reverse=True))
    assert [choices[entry["index"]] for entry in got] == [entry["choice"] for entry in got]
    (best,) = pipe({"prompt": "The prompt.", "choices": choices}, top_k=1)
    assert best["index"] == got[0]["index"]
    with pytest.raises(mb.InputError, match="choices must be a list of two texts or more"):
        pipe({"prompt": "x", "choices": ["a"]})
    with pytest.raises(mb.InputError, match=r"the input is a dict with the keys \['prompt'\]"):
        pipe({"prompt": "x"})


@pytest.mark.parametrize("family", ["bert", "rembert"])
def test_generated_text_is_cleaned_up(family: str) -> None:
    """As in transformers, whatever the tokenizer does elsewhere."""
    pipe = make("text-generation", family)
    ids = pipe.tokenizer("the fox , it", add_special_tokens=False)["input_ids"]

    def around(texts: np.ndarray, scores: np.ndarray) -> np.ndarray:
        return np.tile(np.arange(scores.shape[1]) == ids[texts.shape[1] % len(ids)], (len(texts), 1)) * 9.0

    made = pipe("a", max_new_tokens=2 * len(ids), return_full_text=False, logits_processor=[around])
    assert ", " in made[0]["generated_text"]
    assert " ," not in made[0]["generated_text"]


@pytest.mark.parametrize("family", FAMILIES)
def test_text_generation(family: str) -> None:
    pipe = make("text-generation", family)
    prompts = ["The quick", "My name is"]
    alone = [pipe(prompt, max_new_tokens=6) for prompt in prompts]
    assert pipe(prompts, max_new_tokens=6) == alone  # padded on the left, which changes nothing
    assert alone[0][0]["generated_text"].startswith("The quick")
    new = pipe(prompts[0], max_new_tokens=6, return_full_text=False)[0]["generated_text"]
    assert alone[0][0]["generated_text"] == "The quick" + new
    several = pipe(prompts, max_new_tokens=3, do_sample=True, num_return_sequences=3, seed=1)
    assert [len(entries) for entries in several] == [3, 3]
    length = len(pipe.tokenizer(prompts[0])["input_ids"])
    shown: list[str] = []
    streamer = mb.TextStreamer(pipe.tokenizer, write=shown.append)
    stopped = pipe(
        prompts[0], streamer=streamer, pad_token_id=1, stopping_criteria=[lambda ids, _: ids.shape[1] > length]
    )
    assert "".join(shown).startswith(pipe.tokenizer.decode(pipe.tokenizer(prompts[0])["input_ids"]))
    assert stopped == pipe(prompts[0], max_length=length + 1)
    chosen = make("text-generation", family, max_new_tokens=6, num_beams=2)
    assert chosen(prompts[0], num_beams=1) == alone[0]
    assert chosen(prompts[0]) == pipe(prompts[0], max_new_tokens=6, num_beams=2)
    with pytest.raises(mb.InputError, match="num_beams is 0: an integer of 1 or more"):
        pipe(prompts[0], num_beams=0)
    with pytest.raises(mb.InputError, match="text-generation takes no 'output_scores': its options are truncation"):
        pipe(prompts[0], output_scores=True)
    with pytest.raises(mb.InputError, match="the prompt has no token"):
        pipe("", add_special_tokens=False)
