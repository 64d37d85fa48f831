"""text-generation: the texts that `generate` gives."""

import numpy as np
import pytest

import minibert as mb
from tests.pipelines.small_pipelines import make
from tests.small_checkpoints import FAMILIES


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
