"""tokenizer.json, section by section: each stage writes its own."""

from pathlib import Path

from minibert.tokenizers.bert import BertTokenizer
from minibert.tokenizers.files.tokenizer_json import read_tokenizer_json
from minibert.tokenizers.files.tokenizer_json_writer import tokenizer_json
from minibert.tokenizers.rembert import RemBertTokenizer
from minibert.tokenizers.roberta import RobertaTokenizer
from minibert.tokenizers.stages.byte_bpe import BYTE_CHARS

SECTIONS = [
    "version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder",
    "model",
]  # fmt: skip


def bert():
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"]
    return BertTokenizer(vocab={token: i for i, token in enumerate(vocab)}, strip_accents=False)


def roberta():
    vocab = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *BYTE_CHARS, "ab"]
    ids = {token: i for i, token in enumerate(vocab)}
    return RobertaTokenizer(vocab=ids, merges=[("a", "b")], add_prefix_space=True, trim_offsets=False)


def rembert():
    return RemBertTokenizer(Path(__file__).parents[1] / "unigram_vectors" / "nmt.model", do_lower_case=True)


def written(tokenizer):
    return tokenizer_json(tokenizer.stages, tokenizer.special, tokenizer.template(), tokenizer.saved_tokens())


def test_sections_stand_in_their_order_and_come_from_their_stages():
    for tokenizer in (bert(), roberta(), rembert()):
        data, stages = written(tokenizer), tokenizer.stages
        assert list(data) == SECTIONS
        assert data["model"] == stages.model.to_json()
        assert data["normalizer"] == stages.normalizer.to_json()
        assert [entry["id"] for entry in data["added_tokens"]] == sorted(tokenizer.saved_tokens())


def test_types():
    found = [
        [written(tokenizer)[part]["type"] for part in ("pre_tokenizer", "post_processor", "decoder", "model")]
        for tokenizer in (bert(), roberta(), rembert())
    ]
    assert found == [
        ["BertPreTokenizer", "TemplateProcessing", "WordPiece", "WordPiece"],
        ["ByteLevel", "RobertaProcessing", "ByteLevel", "BPE"],
        ["Metaspace", "TemplateProcessing", "Metaspace", "Unigram"],
    ]


def test_what_is_written_reads_back(tmp_path):
    for tokenizer in (bert(), roberta()):
        tokenizer.save_pretrained(tmp_path)
        found = read_tokenizer_json(tmp_path / "tokenizer.json")
        assert found.family == tokenizer.family
        assert found.options["vocab"] == tokenizer.vocab
        assert found.template.single == tokenizer.template().single
        assert found.template.pair == tokenizer.template().pair
    assert (found.options["add_prefix_space"], found.options["trim_offsets"]) == (True, False)
