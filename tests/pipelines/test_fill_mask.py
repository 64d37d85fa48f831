"""fill-mask: scores, targets, several masks, and mistakes."""

import numpy as np
import pytest

import minibert as mb
from tests.pipelines.small_pipelines import logits_of, make, softmax
from tests.small_checkpoints import FAMILIES, model, tokenizer


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
