"""The text streamer: whole words as they are complete, the rest at the end."""

import numpy as np
import pytest

import minibert as mb
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
