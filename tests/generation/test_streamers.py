"""The text streamer: whole words as they are complete, the rest at the end."""

from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.generation import generate
from tests.generation.small_decoders import IDS
from tests.small_checkpoints import SENTENCES, tokenizer


@pytest.mark.parametrize("family", ["bert", "roberta", "rembert"])
@pytest.mark.parametrize("skip_prompt", [False, True])
def test_pieces_make_the_text(family: str, skip_prompt: bool) -> None:
    tok = tokenizer(family)
    ids = tok(SENTENCES[1], add_special_tokens=False)["input_ids"]
    pieces: list[str] = []
    streamer = mb.TextStreamer(tok, skip_prompt=skip_prompt, write=pieces.append)
    streamer.put(np.array([ids[:3]]))
    for id_ in ids[3:]:
        streamer.put(np.array([id_]))
    assert all(piece.endswith(" ") for piece in pieces)  # no half words
    streamer.end()
    assert "".join(pieces) == tok.decode(ids[3:] if skip_prompt else ids) + "\n"
    assert len(pieces) > 5


def test_it_prints_and_can_be_used_again(capsys: pytest.CaptureFixture[str]) -> None:
    tok = tokenizer("bert")
    streamer = mb.TextStreamer(tok, skip_special_tokens=True)
    for _ in range(2):
        streamer.put(np.array([tok("plants create")["input_ids"]]))
        streamer.end()
    assert capsys.readouterr().out == "plants create\nplants create\n"


def test_several_texts_are_an_error() -> None:
    with pytest.raises(mb.InputError, match="a TextStreamer shows one text, but several are generated"):
        mb.TextStreamer(tokenizer("bert")).put(np.ones((2, 3), dtype=int))


@pytest.mark.parametrize("family", ["bert", "roberta", "rembert"])
def test_ids_that_only_the_model_has_give_no_text(family: str) -> None:
    """A model's vocabulary may be padded to a round size."""
    tok = tokenizer(family)
    pieces: list[str] = []
    streamer = mb.TextStreamer(tok, write=pieces.append)
    ids = tok("plants create", add_special_tokens=False)["input_ids"]
    streamer.put(np.array([ids]))
    streamer.put(np.array([len(tok) + 2]))
    streamer.end()
    assert "".join(pieces) == tok.decode(ids) + "\n"


def test_streaming_token_by_token(bert: Any) -> None:
    steps: list[np.ndarray] = []
    texts = generate(bert, IDS, max_new_tokens=5, streamer=steps.append)
    np.testing.assert_array_equal(np.stack(steps, axis=1), texts[:, 4:])
    steps.clear()
    ended = generate(bert, IDS, max_new_tokens=5, streamer=steps.append, eos_token_id=int(texts[0, 5]), pad_token_id=1)
    assert (ended[0, 6:] == 1).all()
    np.testing.assert_array_equal(np.stack(steps, axis=1), ended[:, 4:])  # the padding too

    class Recorder:
        def __init__(self) -> None:
            self.got: list[Any] = []

        def put(self, value: Any) -> None:
            self.got.append(np.array(value))

        def end(self) -> None:
            self.got.append("end")

    recorder = Recorder()
    texts = generate(bert, IDS[:1], max_new_tokens=2, streamer=recorder)
    np.testing.assert_array_equal(recorder.got[0], IDS[:1])
    assert [recorder.got[1].tolist(), recorder.got[2].tolist()] == texts[0, 4:, None].tolist()
    assert recorder.got[3] == "end"

    class Broken(Recorder):
        def put(self, value: Any) -> None:
            if len(self.got) == 2:
                raise KeyboardInterrupt
            super().put(value)

    broken = Broken()
    with pytest.raises(KeyboardInterrupt):
        generate(bert, IDS[:1], max_new_tokens=5, streamer=broken)
    assert broken.got[-1] == "end"  # what there is of the text is shown to its last word
