"""SentencePiece model files: defaults, contradictions, damage. Each refusal is tested with its text."""

import dataclasses
import random
from pathlib import Path

import pytest
from unigram_roads import UnigramRoads

from minibert.errors import TokenizerError
from minibert.tokenizers.files import sentencepiece_model
from minibert.tokenizers.files.protobuf import write_bytes_field, write_float_field, write_varint_field
from minibert.tokenizers.files.sentencepiece_model import read_sentencepiece_model, sentencepiece_bytes
from minibert.tokenizers.stages.pieces import (
    NormalizerOptions,
    Piece,
    PieceType,
)

FOLDER = Path(__file__).parents[1] / "unigram_vectors"
NAMES = sorted(path.name for path in FOLDER.glob("*.model"))
BYTE = PieceType.BYTE
UNK, A = Piece("<unk>", 0.0, PieceType.UNKNOWN), Piece("a", -1.0)


def piece_field(text, score=None, kind=None):
    message = write_bytes_field(1, text if isinstance(text, bytes) else text.encode())
    message += b"" if score is None else write_float_field(2, score)
    message += b"" if kind is None else write_varint_field(3, kind)
    return write_bytes_field(1, message)


PIECES = piece_field("<unk>", 0, 2) + piece_field("a", -1)
SMALLEST = PIECES + write_bytes_field(2, b"") + write_bytes_field(3, b"")


def test_smallest_model_has_the_defaults_of_the_format():
    model = read_sentencepiece_model(SMALLEST)
    assert model.pieces == (UNK, A)
    assert model.normalizer == NormalizerOptions("", b"", True, True, True)
    assert (model.byte_fallback, model.treat_whitespace_as_suffix, model.unk_surface) == (False, False, " ⁇ ")
    assert (model.unk_id, model.bos_id, model.eos_id, model.pad_id) == (0, -1, -1, -1)
    assert model.source == SMALLEST


def test_absent_score_and_type():
    assert read_sentencepiece_model(SMALLEST + piece_field("b")).pieces[2] == Piece("b", 0.0, PieceType.NORMAL)


def test_options_are_read():
    trainer = b"".join(
        [
            write_varint_field(3, 1),
            write_varint_field(24, 1),
            write_varint_field(99, 5),
            write_bytes_field(44, b" ?? "),
            write_bytes_field(45, b"<unk>"),
            write_bytes_field(46, b"[CLS]"),
            write_bytes_field(47, b""),
        ]
    )
    normalizer = write_bytes_field(1, b"mine") + b"".join(write_varint_field(number, 0) for number in (3, 4, 5))
    data = SMALLEST + piece_field("[CLS]", 0, 3) + piece_field("</s>", 0, 3) + piece_field("<pad>", 0, 4)
    model = read_sentencepiece_model(data + write_bytes_field(2, trainer) + write_bytes_field(3, normalizer))
    assert (model.treat_whitespace_as_suffix, model.unk_surface) == (True, " ?? ")
    # an empty name means the default; <pad> is user-defined here, not a control piece
    assert (model.bos_id, model.eos_id, model.pad_id) == (2, 3, -1)
    assert model.normalizer == NormalizerOptions("mine", b"", False, False, False)


@pytest.mark.parametrize("name", NAMES)
def test_files_survive_writing(name):
    model = read_sentencepiece_model(FOLDER / name)
    again = read_sentencepiece_model(sentencepiece_bytes(model))
    assert again == model
    assert (again.unk_id, again.bos_id, again.eos_id, again.pad_id) == (
        model.unk_id, model.bos_id, model.eos_id, model.pad_id,
    )  # fmt: skip
    assert model.source == (FOLDER / name).read_bytes()
    assert dataclasses.replace(model, unk_surface="?").source is None


# ------------------------------------------------------------ refusals


@pytest.mark.parametrize(("number", "kind"), [(2, "BPE"), (3, "WORD"), (4, "CHAR"), (9, "number 9"), (-1, "number -1")])
def test_other_model_types_are_refused_by_name(number, kind):
    with pytest.raises(TokenizerError, match=f"the model's type is {kind}; only Unigram models are supported"):
        read_sentencepiece_model(SMALLEST + write_bytes_field(2, write_varint_field(3, number)))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the model holds no pieces; this is not a SentencePiece model"),
        (write_varint_field(1, 5), "field 1 is varint where length-delimited is expected"),
        (write_bytes_field(1, write_varint_field(1, 5)), "field 1 is varint where length-delimited is expected"),
        (write_bytes_field(1, write_varint_field(2, 5)), "field 2 is varint where 32-bit is expected"),
        (write_bytes_field(1, write_float_field(3, 5)), "field 3 is 32-bit where varint is expected"),
        (write_bytes_field(1, b"\x0a\x05ab"), "field 1 claims 5 bytes where 2 are left"),
        (piece_field(b"\xff", 0, 2), "field 1 is text but not UTF-8 (invalid start byte)"),
        (piece_field("a", 0, 7), "piece 0 has type 7, which is not known"),
        (piece_field("a", 0, 0), "piece 0 has type 0, which is not known"),
        (
            SMALLEST + write_bytes_field(5, write_bytes_field(2, b"x")),
            "the model has a denormaliser, which is not supported",
        ),
        (PIECES, "the file ends after 2 pieces without trainer_spec; it is cut short"),
        (PIECES + write_bytes_field(2, b""), "the file ends after 2 pieces without normalizer_spec; it is cut short"),
        (b'{"version": "1.0"}', "field 15 has wire type 3, which is not supported"),
        (b"version https://git-lfs.github.com/spec/v1\n", "field 14 has wire type 6, which is not supported"),
    ],
)
def test_files_that_are_something_else(tmp_path, data, reason):
    path = tmp_path / "some.model"
    path.write_bytes(data)
    with pytest.raises(TokenizerError) as caught:
        read_sentencepiece_model(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert reason in str(caught.value)


def test_errors_inside_a_piece_give_the_place_in_the_file():
    data = SMALLEST + write_bytes_field(1, b"\x0a\x05ab")
    with pytest.raises(TokenizerError, match=f"at byte {len(SMALLEST) + 2}, field 1 claims 5 bytes"):
        read_sentencepiece_model(data)


def test_an_empty_denormaliser_is_no_denormaliser():
    assert read_sentencepiece_model(SMALLEST + write_bytes_field(5, write_bytes_field(1, b""))).pieces == (UNK, A)


def test_missing_file(tmp_path):
    with pytest.raises(TokenizerError, match=r"nowhere\.model: the SentencePiece model cannot be read: No such file"):
        read_sentencepiece_model(tmp_path / "nowhere.model")
    with pytest.raises(TokenizerError, match="should be a file, but is a folder or a special file"):
        read_sentencepiece_model(tmp_path)
    with pytest.raises(TokenizerError, match="cannot be read: embedded null byte"):
        read_sentencepiece_model("a\0b")


@pytest.mark.parametrize("name", ["bytes.model", "symbols.model"])
def test_truncated_files(name):
    """Cut anywhere, between two pieces too, a file is refused."""
    data = (FOLDER / name).read_bytes()
    read_sentencepiece_model(data)
    for size in [*range(200), *random.Random(0).sample(range(len(data)), 600), *range(len(data) - 100, len(data))]:
        with pytest.raises(TokenizerError):
            read_sentencepiece_model(data[:size])


@pytest.mark.parametrize("name", NAMES)
def test_the_fast_way_to_read_pieces_is_the_general_way(name, monkeypatch):
    def outcome(data):
        try:
            return read_sentencepiece_model(data)
        except TokenizerError as error:
            return str(error)

    rng = random.Random(3)
    good = (FOLDER / name).read_bytes()
    cases = [good]
    for _ in range(20):
        data = bytearray(good)
        data[rng.randrange(3000)] = rng.randrange(256)
        cases.append(bytes(data))
    fast = [outcome(data) for data in cases]
    monkeypatch.setattr(sentencepiece_model, "_read_ordinary_pieces", lambda data: ([], 0))
    for found, data in zip(fast, cases, strict=True):
        general = outcome(data)
        assert found == general or repr(found) == repr(general)  # a score that is not a number equals nothing


@pytest.mark.parametrize("name", ["nmt.model", "bytes.model"])
def test_flipped_bytes_raise_nothing_else(name):
    rng = random.Random(2)
    good = (FOLDER / name).read_bytes()
    refused = 0
    for _ in range(250):
        data = bytearray(good)
        for _ in range(rng.randint(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            unigram = UnigramRoads(read_sentencepiece_model(bytes(data)))
        except TokenizerError:
            refused += 1
        else:
            unigram.decode(unigram.encode("Hello e\u0301 wörld ①")[:-1])
    assert refused > 50
