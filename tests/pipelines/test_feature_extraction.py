"""feature-extraction: hidden states, poolings, and what it needs of a model."""

from pathlib import Path

import numpy as np
import pytest

import minibert as mb
from tests.pipelines.small_pipelines import logits_of, make
from tests.small_checkpoints import FAMILIES, LONG, SENTENCES, model, save, tokenizer


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


def test_features_need_no_head_and_no_pooler(tmp_path: Path) -> None:
    folder = save("bert", "ForMaskedLM", tmp_path)
    assert np.shape(mb.pipeline("feature-extraction", folder)("a")) == (1, 3, 24)
    with pytest.raises(mb.InputError, match=r"has no trained head for feature-extraction: pooler\.dense\.weight"):
        mb.pipeline("feature-extraction", folder, pooling="pooler")
    made = model("bert", "ForMaskedLM")
    pipe = mb.pipeline("feature-extraction", made, tokenizer=tokenizer("bert"))
    with pytest.raises(mb.InputError, match="pooling is 'pooler', but the model was loaded without a pooler"):
        pipe("a", pooling="pooler")
